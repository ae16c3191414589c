"""Judging identity on labelled records by the command: made-up people always, the febrl3 file where it lies beside the checkout."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from omnichannel_assets.assets import dms, identity, landing, matching, segment
from omnichannel_assets.identity.evaluation import evaluate
from omnichannel_assets.labelled import judge, labelled
from omnichannel_assets.sample.labelled_people import COLUMNS, TRUTH, labelled_people
from omnichannel_assets_tests.command.conftest import omnichannel
from omnichannel_assets_tests.integration.landing_zone import DAY, call, csv_line, put_segment, put_table
from omnichannel_assets_tests.integration.running import rows, workspace
from omnichannel_assets_tests.project.sources import ROOT

FEBRL = ROOT.parent / "shared" / "data" / "febrl3.csv"
EXAMPLES = ROOT / "docs" / "examples"
RULES = {"dms_registry": str(EXAMPLES / "febrl-registry.yaml"), "identity_rules": str(EXAMPLES / "febrl-rules.yaml")}
needs_febrl = pytest.mark.skipif(not FEBRL.is_file(), reason="febrl3.csv is not in ../shared/data")
AS_FEBRL = {"given_name": "first_name", "surname": "last_name", "address_1": "street", "suburb": "city", "postcode": "postcode", "date_of_birth": "birth_date"}


def like_febrl(people: int) -> list[dict[str, str]]:
    """Made-up people in febrl3's columns: the stand-in where the file is absent. Everybody has a number, mistyped in every seventh record."""
    made = []
    for at, row in enumerate(labelled_people(people, seed=3)):
        person = int(row[TRUTH].split()[1])
        number = str(7_000_000 + 4_099 * person)
        told = {ours: row[theirs] for ours, theirs in AS_FEBRL.items()}
        made.append({"rec_id": f"rec-{person}-dup-{at}", **told, "soc_sec_id": number[:3] + str(at % 10) + number[3:] if at % 7 == 0 else number})
    return made


def test_made_up_people_are_judged_in_one_call_and_the_figures_saved(tmp_path: Path) -> None:
    said = omnichannel("evaluate-identity", "--generate", "60", "--mode", "exact", "--out", "figures.json", "--format", "json", folder=tmp_path)

    assert said.code == 0, said
    printed = {row["figure"]: row["exact"] for row in json.loads(said.out)}
    assert (printed["people"], printed["records"]) == (60, len(labelled_people(60, seed=7)))
    assert printed["right pairs"] <= printed["found pairs"]
    assert json.loads((tmp_path / "figures.json").read_text())["exact"]["figures"] == printed


def test_records_of_a_file_are_judged_by_the_column_that_says_who_they_are(tmp_path: Path) -> None:
    """Ann twice under one e-mail, Bob once under a phone of his own."""
    (tmp_path / "people.csv").write_text(
        "customer_id, email, phone, who\n1, ann@example.com, , ann\n2, ANN@example.com, , ann\n3, , +442079460000, bob\n",
        encoding="utf-8",
    )

    said = omnichannel("evaluate-identity", "--records", "people.csv", "--truth-column", "who", "--mode", "exact", "--format", "csv", folder=tmp_path)

    figures = dict(line.split(",") for line in said.out.splitlines())
    assert {name: figures[name] for name in ("records", "people", "clusters", "right pairs", "pairwise F1", "B-cubed F1")} == {
        "records": "3",
        "people": "2",
        "clusters": "2",
        "right pairs": "1",
        "pairwise F1": "1.0",
        "B-cubed F1": "1.0",
    }


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "error: --records: expected --records FILE or --generate PEOPLE, got both or neither. Fix: give one of them."),
        (["--records", "none.csv"], "error: --records: expected a CSV file with a header, in UTF-8, got none.csv, which cannot be read (FileNotFoundError). Fix: check the file."),
        (["--records", "people.csv"], "error: --truth-column: expected a column person that says who each record is, got columns customer_id, who. Fix: name the column, or correct the file."),
        (
            ["--records", "people.csv", "--truth-column", "who", "--truth-pattern", "rec-"],
            "error: --truth-pattern: expected a pattern whose first group is in every record's truth, got 'rec-'. Fix: write rec-(\\d+)-, for example.",
        ),
        (
            ["--records", "people.csv", "--truth-column", "who", "--mode", "exact", "--table", "orders"],
            "error: --records: expected the columns of table orders, whose key order_id is its customer_ref, got columns customer_id, who. Fix: name the registry that describes the file with --registry.",
        ),
        (["--generate", "5", "--out", "figures.txt"], "error: --out: expected a file ending in .json or .csv, got .txt. Fix: rename it."),
    ],
)
def test_a_wrong_use_is_told_in_one_line_with_its_fix(arguments: list[str], line: str, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("customer_id,who\n1,ann\n", encoding="utf-8")

    assert omnichannel("evaluate-identity", *arguments, folder=tmp_path).line == line


def test_the_example_rules_find_made_up_people_again_without_labels() -> None:
    """The stand-in for febrl3: the same registry and rules. Unlike there, some are twins, whom keys without a first name join."""
    exact, probabilistic = (one.evaluation for one in judge(labelled(like_febrl(150), "rec_id", r"rec-(\d+)-"), ["exact", "probabilistic"], RULES))

    assert (exact.records, exact.people, exact.true_pairs) == (293, 150, 208)
    assert exact.pairwise.precision >= 0.9
    assert exact.pairwise.recall >= 0.85
    assert probabilistic.pairwise.recall >= 0.98
    assert probabilistic.mixed_clusters <= exact.mixed_clusters + 1


def febrl_rows() -> list[dict[str, str]]:
    with FEBRL.open(encoding="utf-8", newline="") as file:
        return [{name.strip(): value.strip() for name, value in row.items()} for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def febrl() -> dict[str, Any]:
    return {one.mode: one.evaluation for one in judge(labelled(febrl_rows(), "rec_id", r"rec-(\d+)-"), ["exact", "probabilistic"], RULES)}


@needs_febrl
def test_febrl3_is_found_again_by_exact_keys(febrl: dict[str, Any]) -> None:
    exact = febrl["exact"]

    assert (exact.records, exact.people, exact.true_pairs) == (5_000, 2_000, 6_538)
    assert exact.pairwise.precision >= 0.998
    assert exact.pairwise.recall >= 0.985


@needs_febrl
def test_febrl3_is_found_again_better_by_matching(febrl: dict[str, Any]) -> None:
    assert febrl["probabilistic"].pairwise.f1 >= 0.998
    assert febrl["probabilistic"].pairwise.precision >= 0.999


@needs_febrl
def test_febrl3_in_a_landing_zone_gives_the_graph_the_figures_of_the_command(febrl: dict[str, Any], tmp_path: Path) -> None:
    """A full load beside a day of Segment, through the steps of a run, with that registry and those rules."""
    records, truth = febrl_rows(), {}
    columns = list(records[0])
    lines = [csv_line(["I", *(row[name] or r"\N" for name in columns)]) for row in records]
    put_table(tmp_path / "landing", "people", "LOAD00000001.csv", ",".join(["Op", *columns]), *lines)
    (tmp_path / "landing" / "dms" / "retail").rename(tmp_path / "landing" / "dms" / "febrl")
    put_segment(tmp_path / "landing", "a", [call("m-1", DAY)])
    opened = workspace(tmp_path / "landing", tmp_path / "lake", identity_matching="on", **RULES)
    with opened.lake.writing():
        landing.catalogue(opened)
        segment.stage_calls(opened)
        segment.find_duplicates(opened)
        dms.stage_table(opened, "people")
        identity.collect_links(opened)
        matching.propose_matches(opened)
        identity.resolve_identities(opened)

    customers = {r["identifier_value"]: r["customer_id"] for r in rows(opened, "identities") if r["identifier_type"] == "customer_ref" and r["valid_to"] is None}
    truth = {row["rec_id"]: row["rec_id"].split("-")[1] for row in records}
    assert evaluate([customers[ref] for ref in truth], list(truth.values())) == febrl["probabilistic"]


def test_the_columns_of_made_up_people_are_those_of_the_shops_customers() -> None:
    assert set(labelled_people(2, seed=1)[0]) == {*COLUMNS, TRUTH}
