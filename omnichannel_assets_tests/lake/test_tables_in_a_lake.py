"""Tables in a lake: publishing, sameness of bytes, manifests, currency, the lock."""

import json
import random
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnichannel_assets.errors import LockedError
from omnichannel_assets.lake.lake import Lake, Provenance, digest_of
from omnichannel_assets.lake.schema import Column, TableSchema, required
from omnichannel_assets.lake.store import LocalStore
from omnichannel_assets.lake.tables import STATIC_TABLES

TABLE = TableSchema("things", "Things.", (required("id", "text", "key"), required("number", "integer", "n"), Column("price", "decimal", "p"), Column("at", "timestamp", "t")), ("id", "number"))
DAYS = TableSchema("days", "Things by day.", (required("id", "text", "key"), required("day", "date", "d")), ("id",), partition="day")
ROWS = [{"id": f"k{number % 3}", "number": number, "price": Decimal(number), "at": datetime(2026, 1, 1, tzinfo=UTC)} for number in range(20)]


@pytest.fixture
def lake(tmp_path) -> Lake:
    return Lake(LocalStore(tmp_path / "lake"), lock_wait_seconds=0.1)


def arrow(rows: list[dict], table: TableSchema = TABLE) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=table.arrow())


def publish(lake: Lake, rows: list[dict], digest: str = "d"):
    return lake.publish(TABLE, arrow(rows), Provenance(digest))


def test_a_table_never_published_is_empty_with_its_columns(lake):
    assert lake.read(TABLE).schema == TABLE.arrow()
    assert (lake.read(TABLE).num_rows, lake.paths(TABLE), lake.manifests(TABLE), lake.manifest("things")) == (0, [], {}, None)


def test_what_is_published_is_read_back_in_the_order_of_its_key(lake):
    publish(lake, ROWS[::-1])
    assert lake.read(TABLE).to_pylist() == sorted(ROWS, key=lambda row: (row["id"], row["number"]))


@settings(deadline=None, max_examples=20, derandomize=True)
@given(st.randoms(use_true_random=False), st.integers(0, 20))
def test_rows_in_any_order_and_any_batches_give_the_same_bytes(tmp_path_factory, rng: random.Random, cut):
    lake = Lake(LocalStore(tmp_path_factory.mktemp("lake")))
    expected = publish(lake, ROWS).sha256
    shuffled = rng.sample(ROWS, len(ROWS))
    batches = pa.concat_tables([arrow(shuffled[:cut]), arrow(shuffled[cut:])])
    assert lake.publish(TABLE, batches, Provenance("other")).sha256 == expected


def test_an_unchanged_file_is_left_untouched_while_its_manifest_says_what_it_was_made_from(lake):
    publish(lake, ROWS, "old")
    path = lake.store.root / "tables/things/data.parquet"
    before = path.stat().st_mtime_ns, path.stat().st_ino
    publish(lake, ROWS[::-1], "new")
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == before
    assert lake.is_current(TABLE, "new")
    assert not lake.is_current(TABLE, "old")


def test_publishing_leaves_nothing_in_scratch(lake):
    publish(lake, ROWS)
    publish(lake, ROWS)
    publish(lake, ROWS[:3])
    assert list(lake.store.scratch.iterdir()) == []


def test_columns_in_another_order_and_narrower_types_are_brought_to_the_declared_ones(lake):
    data = pa.table({"at": pa.array([0], pa.timestamp("s", "UTC")), "price": pa.array([1], pa.decimal128(5, 1)), "number": pa.array([7], pa.int32()), "id": pa.array(["a"], pa.large_string()), "more": [1]})
    lake.publish(TABLE, data, Provenance("d"))
    assert pq.read_schema(lake.paths(TABLE)[0]).equals(TABLE.arrow())
    assert lake.read(TABLE).to_pylist() == [{"id": "a", "number": 7, "price": Decimal("1.00"), "at": datetime(1970, 1, 1, tzinfo=UTC)}]


@pytest.mark.parametrize(
    ("column", "values"),
    [("number", pa.array(["seven"])), ("number", pa.array([1.5])), ("price", pa.array([Decimal("1.005")])), ("price", pa.array([Decimal("9" * 20)])), ("at", pa.array(["soon"]))],
    ids=["text", "fraction", "third decimal", "too much money", "no time"],
)
def test_values_that_do_not_fit_their_column_are_refused_and_the_old_rows_stay(lake, column, values):
    publish(lake, ROWS[:1])
    wrong = arrow(ROWS[:1]).set_column(TABLE.names.index(column), column, values)
    with pytest.raises((pa.ArrowInvalid, pa.ArrowNotImplementedError)):
        lake.publish(TABLE, wrong, Provenance("wrong"))
    assert lake.read(TABLE).to_pylist() == ROWS[:1]
    assert lake.is_current(TABLE, "d")


def test_a_crash_between_data_and_manifest_leaves_a_partition_that_is_redone(tmp_path):
    lake = Lake(LocalStore(tmp_path))
    publish(lake, ROWS, "old")

    written = []

    def crash(key: str) -> None:
        written.append(key.rsplit("/")[-1])
        if written[-2:] == ["data.parquet", "_manifest.json"]:
            raise RuntimeError(key)

    with pytest.raises(RuntimeError):
        publish(Lake(LocalStore(tmp_path, crash)), ROWS[:5], "new")
    assert lake.read(TABLE).num_rows == 5
    assert not lake.is_current(TABLE, "new")
    assert not lake.is_current(TABLE, "old")
    publish(lake, ROWS[:5], "new")
    assert lake.is_current(TABLE, "new")


def test_a_table_is_current_only_while_its_file_is_there_and_its_digest_the_same(lake):
    assert not lake.is_current(TABLE, "d")
    publish(lake, ROWS)
    assert lake.is_current(TABLE, "d")
    (lake.store.root / "tables/things/data.parquet").unlink()
    assert not lake.is_current(TABLE, "d")
    assert (lake.paths(TABLE), lake.read(TABLE).num_rows) == ([], 0)


def test_partitions_are_folders_any_engine_can_open_and_stand_alone(lake):
    for day in (2, 1):
        lake.publish(DAYS, arrow([{"id": "a", "day": date(2026, 1, day)}], DAYS), Provenance(f"d{day}"), f"2026-01-0{day}")
    assert list(lake.manifests(DAYS)) == ["2026-01-01", "2026-01-02"]
    assert lake.store.folders("tables/days/") == ["day=2026-01-01", "day=2026-01-02"]
    assert [row["day"].day for row in lake.read(DAYS).to_pylist()] == [1, 2]
    assert lake.is_current(DAYS, "d2", "2026-01-02")
    assert not lake.is_current(DAYS, "d2", "2026-01-01")
    assert len(lake.paths(DAYS, ["2026-01-02", "2026-01-09"])) == 1


def test_a_partition_begun_but_not_finished_is_no_part_of_the_table(lake):
    lake.store.write("tables/days/day=2026-01-01/data.parquet", b"half a file")
    assert (lake.paths(DAYS), lake.manifests(DAYS)) == ([], {})


def test_the_content_digest_follows_rows_and_partitions_and_nothing_else(lake):
    empty = lake.content_digest(DAYS)
    row = arrow([{"id": "a", "day": date(2026, 1, 1)}], DAYS)
    lake.publish(DAYS, row, Provenance("d"), "2026-01-01")
    first = lake.content_digest(DAYS)
    lake.publish(DAYS, row, Provenance("other", {"rows_in": 9}), "2026-01-01")
    assert lake.content_digest(DAYS) == first != empty
    lake.publish(DAYS, row.slice(1), Provenance("d"), "2026-01-01")
    assert lake.content_digest(DAYS) not in (first, empty)


def test_a_manifest_holds_counts_inputs_and_checks_as_plain_json(lake):
    made = lake.publish(TABLE, arrow(ROWS), Provenance("d", {"rows_in": 20}, {"key": "etag"}, ({"name": "contract", "passed": True},)))
    assert lake.manifest("things") == made
    assert (made.rows, made.counts, made.inputs, made.checks[0]["name"]) == (20, {"rows_in": 20}, {"key": "etag"}, "contract")
    assert set(json.loads(lake.store.read("tables/things/_manifest.json"))) == {"digest", "sha256", "rows", "bytes", "counts", "inputs", "checks"}


def test_a_digest_ignores_the_order_of_keys_and_nothing_else():
    assert digest_of({"a": 1, "b": [1, 2]}) == digest_of({"b": [1, 2], "a": 1})
    assert digest_of([1, 2]) != digest_of([2, 1])
    assert digest_of("1") != digest_of(1)


def test_a_writer_may_take_the_lock_twice_and_it_is_free_afterwards(tmp_path):
    first, second = (Lake(LocalStore(tmp_path), lock_wait_seconds=0.05) for _ in range(2))
    with first.writing(), first.writing():
        pass
    with second.writing():
        pass


def test_a_lake_locked_by_another_process_is_one_clear_line(lake):
    import subprocess
    import sys

    code = "import sys, filelock; lock = filelock.FileLock(sys.argv[1]); lock.acquire(); print('held', flush=True); sys.stdin.read()"
    holder = subprocess.Popen([sys.executable, "-c", code, str(lake.store.scratch / "lock")], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        holder.stdout.readline()
        with pytest.raises(LockedError, match="LOCK_WAIT_SECONDS"), lake.writing():
            pass
        holder.kill()
        holder.wait()
        with lake.writing():
            pass
    finally:
        holder.kill()
        holder.communicate()


@pytest.mark.parametrize("table", STATIC_TABLES, ids=lambda table: table.name)
def test_every_declared_table_is_published_empty_and_has_its_key_and_described_columns(lake, table):
    assert set(table.key) <= set(table.names)
    assert all(column.description for column in table.columns)
    assert table.partition in (None, "part") or table.partition in table.required  # a part is where links come from, no column
    value = "2026-01-01" if table.partition else ""
    assert lake.publish(table, table.arrow().empty_table(), Provenance("d"), value).rows == 0
    assert lake.read(table).schema == table.arrow()


def test_a_partition_of_an_older_version_of_the_code_is_read_with_its_missing_columns_empty(tmp_path):
    from dataclasses import replace

    from omnichannel_assets.lake.tables_scores import PROPENSITY_SCORES

    older = replace(PROPENSITY_SCORES, columns=tuple(column for column in PROPENSITY_SCORES.columns if column.name != "subscription_churn_score"))
    lake, day = Lake(LocalStore(tmp_path)), date(2026, 7, 1)
    for table, value in ((older, day), (PROPENSITY_SCORES, date(2026, 7, 2))):
        row = {"customer_id": "c_1", "as_of": value, "churn_score": 0.5, "subscription_churn_score": 0.25}
        rows = pa.Table.from_pylist([{name: row[name] for name in row if name in table.names}], schema=table.arrow())
        lake.publish(table, rows, Provenance("d"), value.isoformat())
    for paths, expected in ((lake.paths(PROPENSITY_SCORES, [day.isoformat()]), [None]), (lake.paths(PROPENSITY_SCORES), [None, 0.25])):
        with lake.engine() as engine:
            engine.register_files(PROPENSITY_SCORES, paths)
            assert [score for (score,) in engine.rows("select subscription_churn_score from propensity_scores order by as_of")] == expected
    assert lake.read(PROPENSITY_SCORES)["subscription_churn_score"].to_pylist() == [None, 0.25]
    assert lake.read(PROPENSITY_SCORES, [day.isoformat()])["churn_score"].to_pylist() == [0.5]
