"""CSV bytes from Arrow tables, and the rows left out of them with their reasons.

Belongs here: what the file-writing channels share. Not here: any channel's columns or limits. Work is by column; only rows that are left out
are looked at one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from omnichannel_assets.activation.outcomes import Outcome

if TYPE_CHECKING:
    import pyarrow as pa

LINES_AT_ONCE = 50_000
"""Keeps the text of one step below the 2 GB of an Arrow array."""
QUOTED_FOR = {"backslash": r'[,"\\\r\n]', "doubled": r'[,"\r\n]'}
Quotes = Literal["backslash", "doubled"]


class Problem(NamedTuple):
    """Rows that break one rule (a mask; null counts as no), and the rule in words."""

    where: pa.ChunkedArray
    words: str


def first_problem(problems: Sequence[Problem]) -> pa.ChunkedArray:
    """Per row the words of the first rule it breaks, null where it breaks none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    nothing = pa.scalar(None, pa.string())
    return pc.coalesce(*(pc.if_else(pc.fill_null(where, False), pa.scalar(words), nothing) for where, words in problems))


def left_out(rows: pa.Table, key: Sequence[str], words: pa.ChunkedArray) -> list[Outcome]:
    """The rows that have words, as rejected, told by their key columns; sorted."""
    import pyarrow.compute as pc

    bad = rows.append_column("words", words).filter(pc.is_valid(words)).select([*key, "words"]).to_pylist()
    outcomes = [Outcome(" ".join(_shown(row[name]) for name in key), "rejected", row["words"]) for row in bad]
    return sorted(outcomes, key=lambda outcome: (outcome.key, outcome.words))


def _shown(value: object) -> str:
    """A part of a row's key, short enough for a ledger."""
    text = "" if value is None else str(value)
    return text if len(text) <= 300 else text[:297] + "..."


def csv_bytes(header: Sequence[str], rows: pa.Table, quotes: Quotes) -> bytes:
    """The rows in their order under a header that is never quoted; null is the empty field, lines end in a line feed.

    A field is quoted where it must be; a quote in it is escaped with a backslash (and a backslash too) or doubled.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    parts = [(",".join(header) + "\n").encode()]
    for start in range(0, rows.num_rows, LINES_AT_ONCE):
        part = rows.slice(start, LINES_AT_ONCE).combine_chunks()
        fields = [_written(part.column(number).combine_chunks(), quotes) for number in range(part.num_columns)]
        lines = pc.binary_join_element_wise(*fields, ",")
        whole = pa.ListArray.from_arrays(pa.array([0, len(lines)], pa.int32()), lines)
        parts.append(pc.binary_join(whole, "\n")[0].as_buffer().to_pybytes() + b"\n")
    return b"".join(parts)


def _written(values: pa.Array, quotes: Quotes) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    text = values.cast(pa.string())
    if pa.types.is_string(values.type):
        if quotes == "backslash":
            escaped = pc.replace_substring(pc.replace_substring(text, "\\", "\\\\"), '"', '\\"')
        else:
            escaped = pc.replace_substring(text, '"', '""')
        quoted = pc.binary_join_element_wise('"', escaped, '"', "")
        text = pc.if_else(pc.match_substring_regex(text, QUOTED_FOR[quotes]), quoted, text)
    return pc.fill_null(text, "")
