"""``omnichannel erase``: asks, refuses without an answer, leaves nothing, and says what it did in a certificate."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import pytest

from omnichannel_assets_tests.command.conftest import Said, Shop, omnichannel
from omnichannel_assets_tests.integration import erasing

SOMEBODY = (
    "select c.customer_id, c.email, c.user_id, c.phone, (select any_value(i.customer_id) from propensity_scores as i where i.customer_id = c.customer_id) as scored "
    "from customers as c join delivery_ledger as l on l.customer_id = c.customer_id where c.email is not null and c.phone is not null and c.user_id is not null "
    "group by all order by max(c.orders) desc, c.customer_id limit 1"
)


@pytest.fixture(scope="module")
def copied(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The shop after somebody whom channels were told about has asked to be erased."""
    folder = tmp_path_factory.mktemp("erase") / "shop"
    shutil.copytree(shop.folder, folder)
    return Shop(folder, shop.sampled, shop.ran)


@pytest.fixture(scope="module")
def person(shop: Shop) -> dict[str, str]:
    return next(csv.DictReader(io.StringIO(shop.ask("sql", SOMEBODY, "--format", "csv").out)))


@pytest.fixture(scope="module")
def erased(copied: Shop, person: dict[str, str]) -> Said:
    with_dagster = {"DAGSTER_HOME": str(copied.folder / "dagster"), "LANDING_URI": "landing"}
    said = copied.ask("erase", person["phone"], "--yes", "--quiet", "--format", "json", **with_dagster)
    assert (said.code, said.err) == (0, ""), said
    return said


def test_without_a_terminal_and_without_yes_it_refuses(copied: Shop) -> None:
    said = copied.ask("erase", "nobody@example.com")
    assert said.line == "error: erase: expected a person's yes, got no terminal to ask on. Fix: add --yes."


def test_an_identifier_that_nobody_has_is_one_line_and_changes_nothing(copied: Shop) -> None:
    said = copied.ask("erase", "nobody@example.com", "--yes")
    assert said.line.startswith("error: erase: expected a customer_id, e-mail, phone")
    assert not (copied.lake / "erasures").exists()


def test_nothing_below_the_lake_or_in_dagsters_storage_names_the_person(shop: Shop, copied: Shop, person: dict[str, str], erased: Said) -> None:
    values = [value for value in person.values() if value]
    before = {name.split("/")[0] + "/" + name.split("/")[1] for name in erasing.places(shop.lake, *values)}
    assert {"tables/delivery_ledger", "tables/propensity_scores", "tables/recommendations", "sandbox/segment.jsonl", "sandbox/s3"} <= before
    assert erasing.places(copied.lake, *values) == []
    assert erasing.places(copied.folder / "dagster", *values) == []


def test_the_certificate_says_what_went_where_and_who_was_told(copied: Shop, erased: Said) -> None:
    certificate = json.loads(erased.out)
    assert {"customers", "segment_events", "delivery_ledger", "propensity_scores", "recommendations"} <= set(certificate["removed"])
    assert certificate["channels"]["segment"]["done"] >= 1
    assert certificate["landing"]
    assert "Dagster's storage" in certificate["searched"]
    kept = copied.lake / "erasures" / f"{certificate['erasure_id']}.json"
    assert json.loads(kept.read_text(encoding="utf-8")) == certificate


def test_asking_again_says_that_it_was_done(copied: Shop, person: dict[str, str], erased: Said) -> None:
    said = copied.ask("erase", person["email"].upper(), "--yes")
    assert (said.code, said.out) == (0, f"Erased before: erasures/{json.loads(erased.out)['erasure_id']}.md. Nothing is left to do.\n")


def test_the_next_runs_bring_nobody_back_and_add_up(copied: Shop, person: dict[str, str], erased: Said) -> None:
    for _ in range(2):
        ran = omnichannel("run", "--landing", "landing", "--lake", "lake", "--quiet", folder=copied.folder)
        assert ran.code == 0, ran
    assert "no file was rewritten" in ran.out
    (lines,) = [line for line in ran.out.splitlines() if line.startswith("Segment  ")]
    assert lines.endswith("erased")
    assert erasing.places(copied.lake, *(value for value in person.values() if value)) == []


def test_a_run_waits_for_an_erasure_that_was_interrupted(copied: Shop, tmp_path: Path) -> None:
    (tmp_path / "lake" / "erasures").mkdir(parents=True)
    (tmp_path / "lake" / "erasures" / "e_1.pending.json").write_text("{}", encoding="utf-8")
    said = omnichannel("run", "--landing", str(copied.folder / "landing"), "--lake", "lake", "--quiet", folder=tmp_path)
    assert said.line == "error: erase: an erasure was interrupted, and nothing may be delivered before it is done. Fix: omnichannel erase --resume."
