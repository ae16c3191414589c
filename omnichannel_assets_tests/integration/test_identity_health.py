"""The health page of identity over lakes of a few links: what is stored, what the log tells, and that nobody is named."""

from __future__ import annotations

import logging
from datetime import date, timedelta
from pathlib import Path

import pytest

from omnichannel_assets.assets.identity_health import MANY_IDENTIFIERS, measure_health
from omnichannel_assets.assets.previews import previews_of
from omnichannel_assets.assets.steps import StepReport
from omnichannel_assets.lake.tables_identity import IDENTITY_HEALTH
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets_tests.identity.link_rows import links_table
from omnichannel_assets_tests.identity.small_lake import AS_OF, customer_of, lake_of

LINKS = [
    ("m-1", "2024-03-01 10:00", {"user_id": "anna-login", "anonymous_id": "a-phone"}),
    ("m-2", "2024-03-02 10:00", {"user_id": "anna-login", "anonymous_id": "a-phone"}),
    ("m-3", "2024-03-03 10:00", {"user_id": "anna-login", "email": "anna@example.org"}),
    ("m-4", "2024-03-04 10:00", {"email": "anna@example.org"}),
    ("k-1", "2024-04-01 10:00", {"user_id": "anna-login", "anonymous_id": "the-kiosk"}),
    ("k-2", "2024-04-02 10:00", {"user_id": "ben-login", "anonymous_id": "the-kiosk"}),
    ("v-1", "2024-05-01 10:00", {"anonymous_id": "a-visitor"}),
]


def measured(opened: Workspace) -> StepReport:
    with opened.lake.writing():
        return measure_health(opened)


def figures(opened: Workspace, *measures: str) -> dict[tuple[str, str], int]:
    rows = opened.lake.read(IDENTITY_HEALTH).to_pylist()
    assert {row["as_of"] for row in rows} == {AS_OF}
    return {(row["measure"], row["bucket"]): row["value"] for row in rows if not measures or row["measure"] in measures}


def test_sizes_weak_links_and_customers_kept_apart_are_stored(tmp_path: Path) -> None:
    opened = lake_of(tmp_path, links_table(LINKS))
    report = measured(opened)
    assert figures(opened, "customers_of_size", "visitors_of_size", "weak_links", "customers_kept_apart", "largest_group_kept_apart") == {
        ("customers_of_size", "4"): 1,  # anna's login, e-mail and phone, and the kiosk: she came first
        ("customers_of_size", "1"): 1,
        ("visitors_of_size", "1"): 1,
        ("weak_links", ""): 1,
        ("weak_links", "user_id - email, segment"): 1,
        ("customers_kept_apart", ""): 2,
        ("largest_group_kept_apart", ""): 2,
    }
    assert figures(opened, "at_limit", "one_below_limit")["at_limit", "user_id: 1 ever"] == 2
    assert (report.figures["most identifiers"], report.figures["weak links"]) == (4, 1)
    assert [check["details"] for check in report.manifests[""].checks if check["name"] == "conservation"] == [{"rows_in": 3, "known": 2, "visitor": 1}]


def test_shared_identifiers_are_counted_by_type_and_day(tmp_path: Path) -> None:
    opened = lake_of(tmp_path, links_table(LINKS), shared=[("anonymous_id", "the-kiosk", date(2024, 5, 1)), ("email", "all@example.org", date(2024, 5, 2))])
    measured(opened)
    assert figures(opened, "shared", "shared_from") == {
        ("shared", ""): 2,
        ("shared", "anonymous_id"): 1,
        ("shared", "email"): 1,
        ("shared_from", "2024-05-01: anonymous_id"): 1,
        ("shared_from", "2024-05-02: email"): 1,
    }
    assert figures(opened, "customers_kept_apart") == {("customers_kept_apart", ""): 0}


def test_measuring_again_rewrites_nothing_and_still_shows_the_figures(tmp_path: Path) -> None:
    opened = lake_of(tmp_path, links_table(LINKS))
    first, again = measured(opened), measured(opened)
    assert (first.rewritten, again.rewritten) == ([""], [])
    assert again.figures == first.figures


def test_a_lake_without_links_is_healthy(tmp_path: Path) -> None:
    opened = lake_of(tmp_path, links_table([]))
    measured(opened)
    assert figures(opened, "most_identifiers", "weak_links", "shared") == {("most_identifiers", ""): 0, ("weak_links", ""): 0, ("shared", ""): 0}


def test_a_suspiciously_large_customer_is_one_line_in_the_log_and_others_are_none(tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger("omnichannel_assets"), "propagate", True)
    devices = [(f"d-{n:03}", f"{date(2023, 6, 1) + timedelta(days=2 * n)} 10:00", {"user_id": "eve-login", "anonymous_id": f"device-{n:03}"}) for n in range(MANY_IDENTIFIERS)]
    opened = lake_of(tmp_path, links_table([*LINKS, *devices]))
    measured(opened)
    eve = customer_of(opened, "eve-login")
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [
        f"identity_health: the largest customer ({eve}) holds 101 identifiers; 1 in all hold more than 100. `omnichannel explain {eve}` shows why"
    ]


def test_what_the_catalog_shows_counts_and_names_nobody(tmp_path: Path) -> None:
    opened = lake_of(tmp_path, links_table(LINKS), shared=[("anonymous_id", "a-phone", date(2024, 5, 1))])
    measured(opened)
    shown = previews_of(opened, IDENTITY_HEALTH)
    assert list(shown) == [
        "figures", "identifiers per known customer", "largest customers", "customers near a limit, in their fullest window",
        "weak links by kind and source", "shared identifiers", "new customers and visitors",
    ]  # fmt: skip
    text = "\n".join(shown.values())
    assert "3 | 1 anonymous\\_id, 1 email, 1 user\\_id | 6 |" in shown["largest customers"]
    assert "| anonymous\\_id | 1 | 2024-05-01 | 2024-05-01 |" in shown["shared identifiers"]
    assert [value for value in ("anna", "a-phone", "kiosk", "ben-login", "a-visitor") if value in text] == []
