"""Composite identifiers through the whole graph: they join records of both sources, and leave the house nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from omnichannel_assets_tests.integration import landing_zone as zone
from omnichannel_assets_tests.integration import running

RULES = """
composites:
  name_birth_date: [first_name, last_name, birth_date|birthday]
shared: {customers: off}
"""
AS_OF = {"as_of": "2025-03-20", "first_day": "2025-03-01", "last_day": "2025-03-31"}


def shop_customer(number: str, first: str, last: str, birth_date: str) -> str:
    empty = r"\N"
    return zone.csv_line(["I", number, first, last, f"{number}@example.com", empty, empty, empty, empty, "GB", birth_date, "t", "2025-01-01 00:00:00", "2025-01-05 00:00:00", "2025-03-01 00:00:00"])


@pytest.fixture
def landing(tmp_path) -> Path:
    folder = tmp_path / "landing"
    traits = {"firstName": "ADA", "lastName": "Lovelace", "birthday": "1815/12/10"}
    calls = [
        zone.call("m1", type="identify", userId=None, anonymousId="a-1", traits=traits),
        zone.call("m2", seconds=3700, userId=None, anonymousId="a-1"),
        zone.call("m3", userId=None, anonymousId="a-2", context={"traits": {"first_name": "Grace"}}),
    ]
    zone.put_segment(folder, "a", calls)
    customers = [shop_customer("C1", "Ada", "Love-Lace", "1815-12-10"), shop_customer("C2", "ada ", "lovelace", "18151210"), shop_customer("C3", "Ada", "Lovelace", "0000-00-00")]
    zone.put_table(folder, "customers", "LOAD00000001.csv", zone.CUSTOMERS, *customers)
    return folder


def opened(landing: Path, lake: Path, rules: str | None):
    options = AS_OF
    if rules is not None:
        path = lake.with_suffix(".yaml")
        path.write_text(rules)
        options = AS_OF | {"identity_rules": str(path)}
    return running.workspace(landing, lake, **options)


def groups(workspace) -> set[frozenset[str]]:
    found: dict[str, set[str]] = {}
    for row in running.rows(workspace, "identities"):
        if row["valid_to"] is None:
            found.setdefault(row["customer_id"], set()).add(f"{row['identifier_type']}:{row['identifier_value']}")
    return {frozenset(group) for group in found.values()}


def test_equal_composites_join_records_of_the_shop_and_visitors_who_told_who_they_are(landing, tmp_path):
    workspace = opened(landing, tmp_path / "lake", RULES)
    running.run_steps(workspace)
    assert groups(workspace) == {
        frozenset({"customer_ref:C1", "email:c1@example.com", "customer_ref:C2", "email:c2@example.com", "anonymous_id:a-1", "name_birth_date:ada|lovelace|18151210"}),
        frozenset({"customer_ref:C3", "email:c3@example.com"}),
        frozenset({"anonymous_id:a-2"}),
    }
    assert running.run_steps(workspace) == {}


def test_a_composite_is_in_no_table_but_those_of_identity(landing, tmp_path):
    workspace = opened(landing, tmp_path / "lake", RULES)
    running.run_steps(workspace)
    holding = [name for name, table in workspace.tables.items() if any("ada|lovelace" in str(row) for row in workspace.lake.read(table).to_pylist())]
    assert sorted(holding) == ["identifiers", "identities"]


def test_without_composites_nothing_of_them_is_made(landing, tmp_path):
    workspace = opened(landing, tmp_path / "lake", "shared: {customers: off}\n")
    running.run_steps(workspace)
    assert {row["identifier_type"] for row in running.rows(workspace, "identifiers")} == {"anonymous_id", "customer_ref", "email"}


def test_a_composite_by_which_alone_somebody_is_told_makes_nobody_known(landing, tmp_path):
    zone.put_segment(landing, "b", [zone.call("m4", type="identify", userId=None, anonymousId="a-3", traits={"firstName": "Mary", "lastName": "Shelley", "birthday": "1797-08-30"})])
    workspace = opened(landing, tmp_path / "lake", RULES)
    running.run_steps(workspace)
    known = {row["customer_id"]: row["is_known"] for row in running.rows(workspace, "customers")}
    (mary,) = {row["customer_id"] for row in running.rows(workspace, "identities") if row["identifier_value"] == "mary|shelley|17970830"}
    assert known[mary] is False


def test_a_composite_named_like_an_identifier_of_the_registry_is_refused(landing, tmp_path):
    from omnichannel_assets.errors import SettingError

    workspace = opened(landing, tmp_path / "lake", "composites: {card: [a, b]}\n")
    object.__setattr__(workspace, "settings", workspace.settings.model_copy(update={"identifier_traits": ("card_number=card",)}))
    with pytest.raises(SettingError, match=r"^IDENTITY_RULES: expected field composites: [^\n]+ got 'card'"):
        _ = workspace.rules
