"""Probabilistic matching: which records without a common identifier are probably one person.

Here: `propose`, records in, weighed and explained pairs out. Not here: cleaning (match_records), the model (match_model), words and doubts
(match_words), what becomes of a proposal (match_states). Pairs name records by their reference and hold no value of any field.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from omnichannel_assets.identity.match_model import SEED, is_trained, levels_of, rounded, weighed_pairs
from omnichannel_assets.identity.match_records import FIELDS, comparable
from omnichannel_assets.identity.match_words import agreement, doubt, explanation

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["FIELDS", "MIN_RECORDS", "SEED", "MatchBounds", "Proposals", "propose"]

MIN_RECORDS = 100
"""Fewer records show too few duplicates to learn from."""


@dataclass(frozen=True)
class MatchBounds:
    """at_least: pairs less probable than this are not worth a person's look. max_pairs: pairs compared at most. memory_mb: of the engine."""

    at_least: float = 0.5
    max_pairs: int = 20_000_000
    memory_mb: int = 1024


@dataclass(frozen=True)
class Proposals:
    """pairs: `left_ref` < `right_ref`, `probability`, `match_weight`, `explanation`, `doubt` (null: none), by refs. words: what was done, for people."""

    pairs: pa.Table
    words: str


def propose(records: pa.Table, bounds: MatchBounds = MatchBounds()) -> Proposals:
    """Weigh the pairs among records (`ref`, and any of FIELDS, as text).

    Too few records, or too few fields, propose nothing and say so. The result is a function of the records alone.
    """
    import pyarrow as pa

    made = comparable(records, bounds.max_pairs)
    count = made.table.num_rows
    if count < MIN_RECORDS:
        return Proposals(_table([], [], []), f"nothing proposed: {count:,} records are too few to learn from ({MIN_RECORDS} at least)")
    if not is_trained(made.fields):
        told = ", ".join(made.fields) or "nothing"
        return Proposals(_table([], [], []), f"nothing proposed: a name and two more fields are needed, the records tell {told}")
    found = weighed_pairs(made, bounds.at_least, bounds.memory_mb)
    said = [agreement(levels) for levels in levels_of(found, made.fields)]
    pairs = _table(
        [found["left_ref"], found["right_ref"], rounded(found["match_probability"], 6), rounded(found["match_weight"], 4)],
        [explanation(one) for one in said],
        [doubt(one, made.fields) for one in said],
    )
    left_out = f"; {made.left_out:,} values that too many records share were no reason to compare" if made.left_out else ""
    return Proposals(pairs.cast(_schema(pa)), f"{len(pairs):,} pairs of {count:,} records are likely by {', '.join(made.fields)}{left_out}")


def _schema(pa: object) -> pa.Schema:
    import pyarrow as pa

    texts, numbers = ("left_ref", "right_ref"), ("probability", "match_weight")
    return pa.schema([*((name, pa.string()) for name in texts), *((name, pa.float64()) for name in numbers), ("explanation", pa.string()), ("doubt", pa.string())])


def _table(columns: list[object], explanations: list[str], doubts: list[str | None]) -> pa.Table:
    import pyarrow as pa

    if not columns:
        return _schema(pa).empty_table()
    return pa.table([*columns, pa.array(explanations, pa.string()), pa.array(doubts, pa.string())], names=_schema(pa).names)
