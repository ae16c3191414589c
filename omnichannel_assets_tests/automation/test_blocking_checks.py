"""A table that breaks a promise is not published: the old rows stay, the run fails with that check, and nothing after it runs."""

import dagster as dg
import pyarrow as pa
import pytest

from omnichannel_assets.lake.lake import Provenance
from omnichannel_assets.lake.tables import ORDERS, PRODUCTS, SEGMENT_EVENTS
from omnichannel_assets.lake.tables_identity import CUSTOMERS, IDENTITIES
from omnichannel_assets.resources.dms_tables import dms_history_table
from omnichannel_assets_tests.automation.running import Site, checks, materialized
from omnichannel_assets_tests.dms.running import REGISTRY
from omnichannel_assets_tests.models.test_orders import shop
from omnichannel_assets_tests.models.test_products import item

HISTORIES = {name: dms_history_table(REGISTRY[name]) for name in ("products", "orders")}
AS_OF = {"as_of": "2026-11-20"}


def store(site: Site, table, rows: list[dict]) -> None:
    """Put rows into the lake as a run of another day might have left them, good or bad."""
    data = pa.Table.from_pylist([{name: row.get(name) for name in table.names} for row in rows], schema=table.arrow())
    site.workspace.lake.publish(table, data, Provenance(f"by hand {len(rows)}"))


@pytest.fixture
def site(tmp_path) -> Site:
    return Site(tmp_path, **AS_OF)


def test_a_broken_contract_keeps_the_old_rows_and_fails_the_run_with_that_check(site):
    store(site, HISTORIES["products"], [item("P-1")])
    good = site.materialize("products")
    assert good.success
    assert checks(good) == {("products", "contract"): True, ("products", "conservation"): True}
    before = site.workspace.lake.manifest("products")

    store(site, HISTORIES["products"], [item("P-1"), item("P-1", version=2)])
    bad = site.materialize("products")
    assert not bad.success
    assert materialized(bad) == set()
    assert checks(bad) == {("products", "contract"): False}
    assert site.workspace.lake.manifest("products") == before
    assert site.workspace.lake.read(PRODUCTS)["product_id"].to_pylist() == ["P-1"]
    (failure,) = [event for event in bad.all_events if event.is_step_failure]
    assert "products: blocking checks failed, the last good rows stay in place" in failure.step_failure_data.error.message

    store(site, HISTORIES["products"], [item("P-1"), item("P-2")])
    assert site.materialize("products").success
    assert site.workspace.lake.read(PRODUCTS)["product_id"].to_pylist() == ["P-1", "P-2"]


def test_nothing_after_a_broken_table_runs(site):
    store(site, HISTORIES["orders"], [shop("O-1"), shop("O-1", version=2)])
    result = site.materialize("orders", "order_lines", "returns", "interactions")
    assert not result.success
    assert materialized(result) == set()
    assert checks(result) == {("orders", "contract"): False, ("orders", "conservation"): False}
    assert {event.step_key for event in result.all_node_events if event.event_type == dg.DagsterEventType.STEP_START} == {"orders"}
    assert site.workspace.lake.manifest("orders") is None


def test_a_failed_expectation_keeps_the_old_customers(site):
    identity = {"identifier_type": "email", "identifier_value": "a@x", "customer_id": "c_" + "0" * 16, "first_known_at": shop()["known_at"], "valid_from": shop()["known_at"].date()}
    store(site, IDENTITIES, [identity])
    assert site.materialize("customers").success
    store(site, IDENTITIES, [identity, identity | {"identifier_value": "b@x", "customer_id": "person 7"}])
    result = site.materialize("customers")
    assert not result.success
    assert checks(result) == {("customers", "expectations"): False}
    assert site.workspace.lake.read(CUSTOMERS)["customer_id"].to_pylist() == ["c_" + "0" * 16]


def test_a_failed_check_names_counts_and_no_value(site):
    identity = {"identifier_type": "email", "identifier_value": "secret@x", "customer_id": "secret name", "first_known_at": shop()["known_at"], "valid_from": shop()["known_at"].date()}
    store(site, IDENTITIES, [identity])
    result = site.materialize("customers")
    told = "".join(str(evaluation.metadata) for evaluation in result.get_asset_check_evaluations()) + "".join(
        str(event.step_failure_data.error.message) for event in result.all_events if event.is_step_failure
    )
    assert "ExpectColumnValuesToMatchRegex(customer_id)" in told
    assert "secret" not in told


def test_a_table_that_is_current_is_left_alone_and_says_so(site):
    store(site, HISTORIES["orders"], [shop("O-1")])
    assert site.materialize("orders").success
    path = site.workspace.lake.paths(ORDERS)[0]
    result = site.materialize("orders")
    (event,) = result.get_asset_materialization_events()
    metadata = {name: value.value for name, value in event.materialization.metadata.items()}
    assert (metadata["partitions_rewritten"], metadata["partitions_current"], metadata["dagster/row_count"]) == (0, 1, 1)
    assert checks(result) == {("orders", "contract"): True, ("orders", "conservation"): True}
    assert site.workspace.lake.paths(ORDERS) == [path]


def test_a_missing_landing_zone_is_one_clear_line(tmp_path):
    site = Site(tmp_path, **AS_OF)
    (tmp_path / "landing").rmdir()
    result = site.materialize("landing_files")
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert "LANDING_URI: expected an existing folder" in str(failure.step_failure_data.error.cause or failure.step_failure_data.error)
    assert site.workspace.lake.manifests(SEGMENT_EVENTS) == {}
