"""What people query about the shop and its customers: products, orders, lines, returns, customers with what stands behind each of their fields.

Each is one SQL model, as of the as-of in force.
"""

from __future__ import annotations

import dagster as dg

from omnichannel_assets.assets import consent
from omnichannel_assets.assets.reporting import step_asset
from omnichannel_assets.assets.steps import STEPS, StepReport, build_model, read_by
from omnichannel_assets.checks.expectations import SUITES
from omnichannel_assets.dms.registry import TableSpec
from omnichannel_assets.lake.schema import TableSchema
from omnichannel_assets.lake.tables import ORDER_LINES, ORDERS, PRODUCTS, RETURNS
from omnichannel_assets.lake.tables_customers import CONSENTS, CUSTOMER_ATTRIBUTES, CUSTOMER_FIELDS
from omnichannel_assets.lake.tables_identity import CUSTOMERS
from omnichannel_assets.resources.workspace import Workspace

MODELS = (PRODUCTS, ORDERS, ORDER_LINES, RETURNS, CUSTOMER_FIELDS, CONSENTS, CUSTOMER_ATTRIBUTES, CUSTOMERS)
"""The tables of this stage that are one SQL model each, in the order of the flow."""
PARAMETERS: dict[str, tuple[str, ...]] = {
    "products": ("as_of", "not_merchandise"),
    "orders": ("as_of", "online_store_ids"),
    "order_lines": ("as_of", "not_merchandise"),
    "returns": ("as_of",),
    "customer_fields": ("as_of",),
    "consents": ("as_of",),
    "customer_attributes": ("as_of",),
    "customers": ("as_of", "known_types"),
}
"""Which settings each model binds; a change of another setting leaves it current."""


def build(workspace: Workspace, table: TableSchema) -> StepReport:
    """Bring one of this stage's tables up to date. Raises ChecksFailedError."""
    return build_model(workspace, table, PARAMETERS[table.name], suite=table.name in SUITES)


def assets(registry: dict[str, TableSpec]) -> list[dg.AssetsDefinition]:
    """The Dagster assets of this stage; what each reads is what its model says it reads."""

    def model_asset(table: TableSchema) -> dg.AssetsDefinition:
        checks = ("contract", "conservation", *(("expectations",) if table.name in SUITES else ()))
        return step_asset(
            table,
            lambda w: build(w, table),
            group="trusted",
            deps=[name for name in read_by(table.name) if name not in STEPS],
            checks=checks,
        )

    return [consent.asset(registry), *(model_asset(table) for table in MODELS)]
