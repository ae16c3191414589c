"""Probabilistic matching: which records without a common identifier are probably one person.

Here: `propose`, records in, weighed and explained pairs out. Not here: cleaning (match_records), the model (match_model), words and doubts
(match_words), what becomes of a proposal (match_states). Pairs name records by their reference and hold no value of any field.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from omnichannel_assets.identity.match_model import weighed_pairs
from omnichannel_assets.identity.match_records import NAMES, comparable
from omnichannel_assets.identity.match_words import agreement, doubt, explanation

if TYPE_CHECKING:
    import duckdb

MIN_RECORDS = 100
"""Fewer records show too few duplicates to learn from."""
PAIRS_SCHEMA = pa.schema(
    [
        ("left_ref", pa.string()),
        ("right_ref", pa.string()),
        ("probability", pa.float64()),
        ("match_weight", pa.float64()),
        ("explanation", pa.string()),
        ("doubt", pa.string()),
    ]
)


@dataclass(frozen=True)
class MatchBounds:
    """at_least: pairs less probable than this are not worth a person's look. max_pairs: pairs compared at most."""

    at_least: float = 0.5
    max_pairs: int = 20_000_000


@dataclass(frozen=True)
class Proposals:
    """pairs: PAIRS_SCHEMA with left_ref < right_ref, by refs; doubt null: nothing speaks against it. words: what was done, for people."""

    pairs: pa.Table
    words: str


def propose(records: pa.Table, connection: duckdb.DuckDBPyConnection, bounds: MatchBounds = MatchBounds()) -> Proposals:
    """Weigh the pairs among records (`ref`, and any of match_records.FIELDS, as text). `connection` is an engine for this call alone.

    Too few records, or too few fields, propose nothing and say so. The result is a function of the records alone. Raises SettingError for too
    little memory.
    """
    made = comparable(records, bounds.max_pairs)
    count = made.table.num_rows
    if count < MIN_RECORDS:
        return Proposals(PAIRS_SCHEMA.empty_table(), f"nothing proposed: {count:,} records are too few to learn from ({MIN_RECORDS} at least)")
    if len(made.fields) < 3 or not set(NAMES) & set(made.fields):
        told = ", ".join(made.fields) or "nothing"
        return Proposals(PAIRS_SCHEMA.empty_table(), f"nothing proposed: a name and two more fields are needed, the records tell {told}")
    found = weighed_pairs(made, bounds.at_least, connection)
    said = [agreement(levels) for levels in found.select(list(made.fields)).to_pylist()]
    columns = [
        found["left_ref"],
        found["right_ref"],
        pc.round(found["match_probability"], 6),  # the last digits of a sum are nobody's business
        pc.round(found["match_weight"], 4),
        pa.array([explanation(one) for one in said], pa.string()),
        pa.array([doubt(one, made.fields) for one in said], pa.string()),
    ]
    left_out = f"; {made.left_out:,} values that too many records share were no reason to compare" if made.left_out else ""
    words = f"{len(said):,} pairs of {count:,} records are likely by {', '.join(made.fields)}{left_out}"
    return Proposals(pa.table(columns, names=PAIRS_SCHEMA.names).cast(PAIRS_SCHEMA), words)
