"""customer_fields beside an obvious twin: whoever tells what in whatever order of rows, the first by the rule wins whole."""

from __future__ import annotations

from datetime import timedelta

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from omnichannel_assets.lake.tables_customers import CUSTOMER_FIELDS
from omnichannel_assets_tests.models.rows import engine, moment, person

FIELDS = {"email": ("email",), "birth_date": ("birth_date",), "name": ("first_name", "last_name"), "address": ("street", "city", "postcode", "country")}
PARTS = ("part", "part_2", "part_3", "part_4")
TEXT = pa.string()
SCHEMA = pa.schema([("customer_id", TEXT), ("kind", TEXT), ("rank", pa.int64()), *((name, TEXT) for name in PARTS), ("told_at", pa.timestamp("us", tz="UTC")), ("told_by", TEXT)])
PROFILE = settings(deadline=None, max_examples=40, derandomize=True, database=None)

values = st.sampled_from(["a", "b", "c", None])


@st.composite
def told_rows(draw) -> list[dict]:
    """Distinct values of a few customers; one teller tells a kind once, and a one-part kind always tells something."""
    rows = {}
    for number in range(draw(st.integers(0, 12))):
        kind = draw(st.sampled_from(sorted(FIELDS)))
        parts = [draw(values) for _ in FIELDS[kind]]
        if any(parts):
            row = {"customer_id": person(draw(st.integers(1, 2))), "kind": kind, "rank": draw(st.integers(0, 2)), **dict(zip(PARTS, parts, strict=False))}
            key = tuple(row.get(name) for name in SCHEMA.names[:7])
            rows[key] = row | {"told_at": moment("11-01 00:00") + timedelta(days=draw(st.integers(0, 2))), "told_by": f"teller-{number:02}"}
    return list(rows.values())


def fields_of(rows: list[dict]) -> dict[tuple[str, str], tuple]:
    engine().register("told_fields", pa.Table.from_pylist(rows, schema=SCHEMA))
    found = engine().model(CUSTOMER_FIELDS).to_pylist()
    assert len({(row["customer_id"], row["field"]) for row in found}) == len(found)
    return {(row["customer_id"], row["field"]): (row["value"], row["source"], row["told_at"], row["alternatives"]) for row in found}


def twin(rows: list[dict]) -> dict[tuple[str, str], tuple]:
    fields = {}
    for customer, kind in {(row["customer_id"], row["kind"]) for row in rows}:
        told = [row for row in rows if (row["customer_id"], row["kind"]) == (customer, kind)]
        best_rank = [row for row in told if row["rank"] == min(row["rank"] for row in told)]
        winner = max(best_rank, key=lambda row: (row["told_at"], row["told_by"]))
        for part, field in zip(PARTS, FIELDS[kind], strict=False):
            if winner.get(part) is not None:
                others = {row[part] for row in told if row.get(part) is not None} - {winner[part]}
                fields[customer, field] = (winner[part], winner["told_by"], winner["told_at"], len(others))
    return fields


@PROFILE
@given(told_rows(), st.randoms(use_true_random=False))
def test_the_first_by_the_rule_wins_whole_whatever_the_order_of_rows(rows, rng):
    assert fields_of(rng.sample(rows, len(rows))) == twin(rows)
