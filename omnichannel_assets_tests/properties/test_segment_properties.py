"""Promises 1 and 3 of the design for Segment's exports: nothing lost without a trace, same input same output."""

import gzip
import random
import tempfile
from datetime import date
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from omnichannel_assets.assets.segment import find_duplicates
from omnichannel_assets.lake.tables import SEGMENT_DUPLICATES, SEGMENT_EVENTS, SEGMENT_QUARANTINE
from omnichannel_assets_tests.segment.landing import Staged, as_bytes, call, key_of, order, put, workspace_of

PROFILE = settings(deadline=None, max_examples=25, derandomize=True)
DAYS = [date(2026, 11, 19), date(2026, 11, 20), date(2026, 11, 21)]

good = st.builds(
    lambda number, minute, day: call(f"m-{number}", receivedAt=f"{day}T10:{minute:02}:00Z", timestamp=f"{day}T10:00:00Z"),
    st.integers(0, 5), st.integers(0, 3), st.sampled_from(DAYS),
)  # fmt: skip
values = st.recursive(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)), lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2), max_leaves=4)
odd = st.builds(
    lambda base, name, value: base | {name: value},
    st.sampled_from([call("m-1"), call("m-9", type="identify", traits={"email": "e@x"}), order("m-2", products=[{"sku": "S"}])]),
    st.sampled_from(["type", "event", "messageId", "userId", "timestamp", "receivedAt", "context", "traits", "properties", "groupId"]),
    values,
)  # fmt: skip
bad = st.sampled_from(["", "  ", "{", "[]", "nonsense", '{"messageId": 1}', '{"a":"\x00"}', b"\xff\xfe"])
lines = st.lists(st.one_of(good, good, odd, bad), max_size=8)
objects = st.dictionaries(st.tuples(st.sampled_from(DAYS), st.sampled_from("ab"), st.sampled_from(["x", "y"])), lines, min_size=1, max_size=5)


def non_blank(content: list) -> int:
    return sum(bool(line.strip()) for line in as_bytes(content).split(b"\n"))


def staged_of(contents: dict, cut: int = 0) -> tuple[Staged, dict]:
    with tempfile.TemporaryDirectory() as folder:
        workspace = workspace_of(Path(folder))
        for (day, source, name), content in contents.items():
            packed = gzip.compress(as_bytes(content), mtime=0)
            put(workspace, key_of(name, day, source), packed[: len(packed) - cut])
        staged = Staged(workspace)
        find_duplicates(workspace)
        tables = {table.name: workspace.lake.read(table).to_pylist() for table in (SEGMENT_EVENTS, SEGMENT_QUARANTINE, SEGMENT_DUPLICATES)}
        return staged, tables


@PROFILE
@given(objects)
def test_lines_in_are_messages_plus_copies_plus_lines_set_aside_on_every_day(contents):
    staged, tables = staged_of(contents)
    for day in DAYS:
        expected = sum(non_blank(content) for (of_day, _, _), content in contents.items() if of_day == day)
        counts = staged.counts.get(day.isoformat(), dict.fromkeys(("lines_in", "rows_out", "duplicates", "quarantined"), 0))
        assert counts["lines_in"] == expected == counts["rows_out"] + counts["duplicates"] + counts["quarantined"]
    messages = {row["message_id"] for row in staged.rows}
    assert len(staged.rows) == len(messages) + len(tables[SEGMENT_DUPLICATES.name])


@settings(PROFILE, max_examples=10)
@given(objects, st.integers(1, 30))
def test_cut_off_objects_are_accounted_for_too(contents, cut):
    staged, _ = staged_of(contents, cut)
    for counts in staged.counts.values():
        assert counts["lines_in"] == counts["rows_out"] + counts["duplicates"] + counts["quarantined"]


@settings(PROFILE, max_examples=15)
@given(objects, st.randoms(use_true_random=False))
def test_the_order_of_lines_with_different_messages_and_of_files_changes_no_message(contents, rng: random.Random):
    """Positions move with the lines; which copy is kept, and everything it says, does not."""

    def told(rows: list[dict]) -> list[dict]:
        return sorted(({name: value for name, value in row.items() if name not in ("file", "line")} for row in rows), key=lambda row: (row["received_day"], row["message_id"]))

    distinct = {place: list({repr(line): line for line in content}.values()) for place, content in contents.items()}
    alone = {place: [line for line in content if not isinstance(line, dict) or sum(line.get("messageId") == other.get("messageId") for other in content if isinstance(other, dict)) == 1] for place, content in distinct.items()}
    shuffled = {place: rng.sample(content, len(content)) for place, content in sorted(alone.items(), key=lambda _: rng.random())}
    assert told(staged_of(alone)[1][SEGMENT_EVENTS.name]) == told(staged_of(shuffled)[1][SEGMENT_EVENTS.name])
