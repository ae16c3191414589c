"""Promises 1 to 3 of the design for the DMS tables: nothing lost without a trace, honest time, same input same output."""

import gzip
import random
from datetime import UTC, datetime, timedelta

import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from omnichannel_assets.dms.files import changes_schema, read_changes
from omnichannel_assets.dms.keys import parse_key
from omnichannel_assets_tests.dms.running import as_of, counts, history_table, log_of, spec_of

SPEC = spec_of(
    columns={"id": "text", "n": "integer", "price": "decimal", "note": "text", "made": "timestamp", "edited": "timestamp"},
    key=["id"],
    event_at="made",
    changed_at="edited",
    fixed=["price"],
)
HEADER = "Op,id,n,price,note,made,edited,dms_ts\n"
GOOD = HEADER + "".join(
    f'I,{n},{n},{n}.50,"a ""quoted""\nnote, {n}",2026-11-01 00:00:00,2026-11-02 00:00:00.123456,2026-11-03 00:00:00\n' for n in range(8)
)
DAY = datetime(2026, 11, 1, tzinfo=UTC)

damages = st.lists(
    st.tuples(st.integers(0, len(GOOD)), st.integers(0, 12), st.one_of(st.binary(max_size=4), st.sampled_from([b'"', b"\n", b",", b"\r", b"\\N", b"\x1f\x8b", b"\xff"]))),
    max_size=6,
)
PROFILE = settings(deadline=None, max_examples=100, derandomize=True)


def damaged(content: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    for at, length, replacement in changes:
        content = content[:at] + replacement + content[at + length :]
    return content


def check_conservation(content: bytes, key: str) -> None:
    read = read_changes(content, parse_key(key, {"t": SPEC}), "e", SPEC)
    assert read.rows_read == read.changes.num_rows + read.quarantined.num_rows
    assert read.changes.schema == changes_schema(SPEC)
    positions = read.changes["row"].to_pylist() + read.quarantined["position"].to_pylist()
    assert sorted(positions) == list(range(1, read.rows_read + 1)) or positions == [0]
    read.changes.validate(full=True)
    read.quarantined.validate(full=True)


@PROFILE
@given(damages, st.sampled_from(["public/t/LOAD00000001.csv", "public/t/20261119-211403123.csv"]), st.booleans())
@example([(0, len(GOOD), b'"')], "public/t/LOAD00000001.csv", False)
@example([(0, 0, b"\x1f\x8b")], "public/t/LOAD00000001.csv", False)
def test_every_row_of_a_damaged_file_is_a_change_or_is_set_aside(changes, key, has_header):
    check_conservation(damaged((GOOD if has_header else GOOD.removeprefix(HEADER)).encode(), changes), key)


@PROFILE
@given(damages, st.integers(0, 400))
def test_every_row_of_a_damaged_gzip_is_a_change_or_is_set_aside(changes, length):
    check_conservation(damaged(gzip.compress(GOOD.encode(), mtime=0), changes)[:length], "public/t/20261119-211403123.csv.gz")


@PROFILE
@given(st.binary(max_size=200))
def test_bytes_that_are_no_table_at_all_are_set_aside(content):
    check_conservation(content, "public/t/LOAD00000001.csv")
    check_conservation(content, "public/t/LOAD00000001.parquet")


@PROFILE
@given(st.lists(st.integers(0, 7), min_size=1, unique=True))
def test_one_broken_row_never_takes_its_neighbours_with_it(broken):
    lines = [f"I,{n},{n},1.00,note,2026-11-01 00:00:00,2026-11-02 00:00:00,2026-11-03 00:00:00" for n in range(8)]
    for at in broken:
        lines[at] = lines[at].replace(",note", ',"note')
    read = read_changes((HEADER + "\n".join(lines)).encode(), parse_key("public/t/LOAD00000001.csv", {"t": SPEC}), "e", SPEC)
    assert read.changes["row"].to_pylist() == [n + 1 for n in range(8) if n not in broken]


# A life of two rows: what is done to them and how many hours pass. The load happens `load_at` steps in; change files hold up to 3 changes.
steps = st.lists(st.tuples(st.sampled_from(["set", "set", "delete", "touch"]), st.sampled_from("ab"), st.integers(0, 3), st.integers(1, 30)), min_size=1, max_size=12)


class Life:
    """The shop's own truth beside the log DMS makes of it. Changes are committed in order, each at its own second."""

    def __init__(self, moves, load_at: int, overlap: int, bare: bool):
        self.commits: list[tuple[datetime, str, str, dict | None]] = []
        state: dict[str, dict] = {}
        now, self.loaded = DAY, None
        self.load_state: dict[str, dict] = {}
        for number, (what, key, value, hours) in enumerate(moves):
            now += timedelta(hours=hours)
            if number == min(load_at, len(moves) - 1):
                self.loaded, self.load_state = now - timedelta(minutes=1), {k: dict(v) for k, v in state.items()}
                self.first_logged = max(0, len(self.commits) - overlap)
            if what == "delete":
                if key not in state:
                    continue
                self.commits.append((now, "D", key, dict(state.pop(key))))
                continue
            old = state.get(key)
            row = {"id": key, "n": value if what == "set" or old is None else old["n"], "made": old["made"] if old else now, "edited": now}
            state[key] = row
            self.commits.append((now, "U" if old else "I", key, dict(row)))
        self.bare = bare

    def log(self, until: datetime | None = None) -> pa.Table:
        files = {"LOAD00000001.csv": "".join(self.line("I", row, self.loaded) for row in self.load_state.values())}
        logged = self.commits[self.first_logged :]
        for at in range(0, len(logged), 3):
            part = [c for c in logged[at : at + 3] if until is None or c[0] < until]
            written = max(logged[min(at + 2, len(logged) - 1)][0], self.loaded) + timedelta(minutes=2, seconds=at)
            body = "".join(self.line(op, row, when) for when, op, _, row in part)
            if part:
                files[f"{written:%Y%m%d-%H%M%S}000.csv"] = (HEADER if not self.bare else "") + body
        if not self.bare:
            files["LOAD00000001.csv"] = HEADER + files["LOAD00000001.csv"]
        return log_of({name: content for name, content in files.items() if content}, SPEC)

    def line(self, op: str, row: dict, committed: datetime) -> str:
        return f"{op},{row['id']},{row['n']},1.00,x,{row['made']:%Y-%m-%d %H:%M:%S},{row['edited']:%Y-%m-%d %H:%M:%S},{committed:%Y-%m-%d %H:%M:%S}\n"


lives = st.builds(Life, steps, st.integers(0, 11), st.integers(0, 4), st.booleans())


@PROFILE
@given(lives, st.integers(0, 2**32))
def test_the_history_does_not_depend_on_the_order_or_batches_of_the_log(life, seed):
    log = life.log()
    rng = random.Random(seed)
    shuffled = log.take(pa.array(rng.sample(range(log.num_rows), log.num_rows), pa.int64()))
    cut = rng.randint(0, log.num_rows)
    batches = pa.concat_tables([shuffled.slice(cut), shuffled.slice(0, cut), log.slice(0, rng.randint(0, log.num_rows))])
    assert history_table(batches, SPEC).equals(history_table(log, SPEC))


@PROFILE
@given(lives)
def test_log_rows_are_repeated_rows_plus_changes_in_the_history(life):
    log = life.log()
    counted = counts(log, SPEC)
    origins = {(row["object_key"], row["object_etag"], row["row"]) for row in history_table(log, SPEC).to_pylist()}
    assert counted["log_rows"] == log.num_rows == counted["repeated_rows"] + len(origins)
    assert counted["changes"] == len(origins)


@PROFILE
@given(lives, st.integers(0, 300))
def test_what_was_known_at_t_is_the_same_whether_or_not_later_changes_have_arrived(life, hours):
    moment = DAY + timedelta(hours=hours, minutes=30)
    everything, early = history_table(life.log(), SPEC), history_table(life.log(until=moment), SPEC)
    assert as_of(everything, SPEC, moment) == as_of(early, SPEC, moment)


@PROFILE
@given(lives, st.integers(0, 300))
def test_after_the_load_the_state_as_of_t_is_what_the_shops_database_held(life, hours):
    moment = DAY + timedelta(hours=hours, minutes=30)
    if moment <= life.loaded:
        return
    held: dict[str, int] = {}
    for when, op, key, row in life.commits:
        if when < moment:
            held.pop(key, None) if op == "D" else held.update({key: row["n"]})
    found = {row["id"]: row["n"] for row in as_of(history_table(life.log(), SPEC), SPEC, moment)}
    assert found == held


@PROFILE
@given(lives)
def test_nothing_a_load_says_is_known_before_it_happened_or_after_it_ran(life):
    for row in history_table(life.log(), SPEC).to_pylist():
        if row["known_at_assumed"]:
            assert row["event_at"] <= row["known_at"] <= life.loaded
            assert row["edited"] is None or row["edited"] <= row["known_at"]
            assert row["edited"] is not None or row["n"] is None
