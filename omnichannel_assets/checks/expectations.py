"""Great Expectations suites for the tables people build on, and the bridge to our check outcomes (GX 1.x; no published one supports it).

Suites are data: expectation, arguments, severity. A critical expectation blocks publication, a warning only shows. Details hold counts,
never values.
"""

from __future__ import annotations

import logging
import os
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from omnichannel_assets.checks.outcome import CheckOutcome

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

CUSTOMER_ID = r"^c_[0-9a-f]{16}$"
EVENT_TYPES = [
    "View",
    "Click",
    "AddToCart",
    "RemoveFromCart",
    "AddToWishlist",
    "RemoveFromWishlist",
    "Search",
    "PromotionView",
    "PromotionClick",
    "Purchase",
    "Return",
]
WITHOUT_ITEM = ["Search", "PromotionView", "PromotionClick"]


@dataclass(frozen=True)
class Expectation:
    """One expectation: the GX class name, its arguments, and whether failing it blocks."""

    kind: str
    arguments: dict[str, Any] = field(default_factory=dict)
    severity: Literal["critical", "warning"] = "critical"


def _expect(kind: str, severity: Literal["critical", "warning"] = "critical", **arguments: Any) -> Expectation:
    return Expectation(kind, arguments, severity)


SUITES: dict[str, tuple[Expectation, ...]] = {
    "customers": (
        _expect("ExpectColumnValuesToBeUnique", column="customer_id"),
        _expect("ExpectColumnValuesToMatchRegex", column="customer_id", regex=CUSTOMER_ID),
        _expect("ExpectColumnValuesToNotBeNull", column="is_known"),
        _expect("ExpectColumnValuesToMatchRegex", column="email", regex=r"^[^\s@]+@[^\s@]+$", severity="warning"),
        _expect("ExpectColumnValuesToMatchRegex", column="phone", regex=r"^\+[0-9]{4,15}$"),
        _expect("ExpectColumnValuesToBeBetween", column="orders", min_value=0),
        _expect("ExpectColumnValuesToBeBetween", column="devices", min_value=0),
        _expect("ExpectColumnValuesToBeInSet", column="preferred_channel", value_set=["online", "store"]),
        _expect("ExpectColumnValuesToMatchRegex", column="birth_date", regex=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", severity="warning"),
        _expect(
            "ExpectColumnPairValuesAToBeGreaterThanB",
            column_A="last_order_at",
            column_B="first_order_at",
            or_equal=True,
            ignore_row_if="either_value_is_missing",
        ),
        _expect(
            "ExpectColumnPairValuesAToBeGreaterThanB",
            column_A="last_seen_at",
            column_B="first_seen_at",
            or_equal=True,
            ignore_row_if="either_value_is_missing",
        ),
        _expect("ExpectColumnValuesToMatchRegex", column="currency", regex=r"^(?:[A-Z]{3}|mixed)$", severity="warning"),
    ),
    "consents": (
        _expect("ExpectColumnValuesToMatchRegex", column="customer_id", regex=CUSTOMER_ID),
        _expect("ExpectColumnValuesToBeInSet", column="channel", value_set=["email", "sms", "post", "phone"]),
        _expect("ExpectColumnValuesToNotBeNull", column="opted_in"),
        _expect("ExpectColumnValuesToNotBeNull", column="chosen_at"),
    ),
    "interactions": (
        _expect("ExpectColumnValuesToMatchRegex", column="customer_id", regex=CUSTOMER_ID),
        _expect("ExpectColumnValuesToBeInSet", column="event_type", value_set=EVENT_TYPES),
        _expect("ExpectColumnValuesToBeInSet", column="channel", value_set=["online", "store"]),
        _expect("ExpectColumnValuesToNotBeNull", column="event_at"),
        _expect("ExpectColumnValuesToNotBeNull", column="known_at"),
        _expect("ExpectColumnValuesToNotBeNull", column="item_of_item_event"),
        _expect("ExpectColumnValuesToNotBeNull", column="order_of_purchase"),
        _expect("ExpectColumnValuesToBeBetween", column="quantity", min_value=1, severity="warning"),
    ),
}
"""Table -> suite. The two ``*_of_*`` columns of interactions are derived below: a condition written as a column."""


def run_suite(table: str, data: pa.Table) -> CheckOutcome:
    """Run a table's suite over rows about to be published. Passed: no critical expectation failed."""
    failed: dict[str, int] = {}
    blocked = False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Great Expectations' own use of pandas; nobody who reads a run's output can act on it
        batch = _batch(_frame(table, data))
        for expectation in SUITES[table]:
            result = batch.validate(_gx(expectation))
            if not result.success:
                name = f"{expectation.kind}({expectation.arguments.get('column', '')})"
                failed[name] = int((result.result or {}).get("unexpected_count") or 0)
                blocked = blocked or expectation.severity == "critical"
    return CheckOutcome("expectations", not blocked, details={"expectations": len(SUITES[table]), "failed": failed})


def _frame(table: str, data: pa.Table) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.compute as pc

    if table == "interactions":
        no_item = pc.is_in(data["event_type"], pa.array(WITHOUT_ITEM))
        is_purchase = pc.equal(data["event_type"], "Purchase")
        data = data.append_column("item_of_item_event", pc.if_else(no_item, "-", data["item_id"]))
        data = data.append_column("order_of_purchase", pc.if_else(is_purchase, data["order_id"], "-"))
    used = {value for e in SUITES[table] for name, value in e.arguments.items() if name.startswith("column")}
    return data.select([name for name in data.column_names if name in used]).to_pandas()


def _gx(expectation: Expectation) -> Any:
    import great_expectations.expectations as gxe

    return getattr(gxe, expectation.kind)(**expectation.arguments)


def _batch(frame: pd.DataFrame) -> Any:
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    import great_expectations as gx  # deferred: 3 s and 260 MB, needed only where a suite runs
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("rows").add_dataframe_asset("rows")
    return asset.add_batch_definition_whole_dataframe("all").get_batch(batch_parameters={"dataframe": frame})
