"""Incremental imports: taken only where the data set ends up as a whole import would leave it, whatever was done to it in between."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnichannel_assets.activation import personalize_files
from omnichannel_assets.activation.personalize_deletion import delete_users
from omnichannel_assets.activation.personalize_files import added_since, write_csv
from omnichannel_assets.activation.personalize_import import Source, import_datasets
from omnichannel_assets.activation.personalize_schemas import INTERACTIONS
from omnichannel_assets.sandbox import Sandbox
from omnichannel_assets.sandbox.avro import fields_of
from omnichannel_assets.sandbox.import_files import combined, read_csv
from omnichannel_assets_tests.sandbox.running import AT_ONCE, ROLE, Clients, interactions, put

START = datetime(2026, 1, 1, tzinfo=UTC)


def table(rows: Iterable[tuple[str, str, int, float]]) -> pa.Table:
    """(user, item, second, value) as interactions."""
    rows = list(rows)
    users, items, seconds, values = zip(*rows, strict=True) if rows else ((), (), (), ())
    columns = {
        "USER_ID": pa.array(users, pa.string()),
        "ITEM_ID": pa.array(items, pa.string()),
        "TIMESTAMP": pa.array([START + timedelta(seconds=second) for second in seconds], pa.timestamp("us", tz="UTC")),
        "EVENT_TYPE": pa.array(["View"] * len(rows), pa.string()),
        "EVENT_VALUE": pa.array(values, pa.float64()),
        "CHANNEL": pa.array([None] * len(rows), pa.string()),
    }
    return pa.table(columns)


def destination(before: list[dict], data: bytes, mode: str) -> list[dict]:
    """What the sandbox holds after an import."""
    return sorted(combined(before, list(read_csv("x", data, fields_of(INTERACTIONS.document))), "INTERACTIONS", mode), key=str)


row = st.tuples(st.sampled_from("ab"), st.sampled_from("xy"), st.integers(0, 3), st.sampled_from([1.0, 2.0]))


@given(st.lists(row, max_size=6), st.lists(row, max_size=6), st.lists(row, min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_whenever_only_new_rows_are_taken_the_data_set_is_that_of_a_whole_import(imported, earlier, later) -> None:
    least, personalize_files.LEAST_INTERACTIONS = personalize_files.LEAST_INTERACTIONS, 1
    try:
        first = write_csv(INTERACTIONS, table(imported)).data
        now = pa.concat_tables([table(earlier), table(later)])
        is_earlier = pa.chunked_array([[True] * len(earlier) + [False] * len(later)], pa.bool_())
        added = added_since(INTERACTIONS, now, is_earlier, lambda data: data == first)
    finally:
        personalize_files.LEAST_INTERACTIONS = least
    whole = destination([], write_csv(INTERACTIONS, now).data, "FULL")
    if added is not None:
        assert destination(destination([], first, "FULL"), added.data, "INCREMENTAL") == whole
    same_rows = first == write_csv(INTERACTIONS, table(earlier)).data
    replaces = {found[:3] for found in later} & {found[:3] for found in earlier}
    assert (added is not None) == (same_rows and not replaces), "neither taken wrongly nor left for nothing"


def test_fewer_new_rows_than_an_import_takes_are_no_incremental_import() -> None:
    now = interactions(2_500)
    for count, expected in ((999, None), (1_000, 1_000)):
        is_earlier = pa.chunked_array([[number >= count for number in range(2_500)]])
        found = added_since(INTERACTIONS, now, is_earlier, lambda data: True)
        assert (found and found.rows) == expected


@pytest.fixture
def halves(sandbox: Sandbox, clients: Clients) -> dict[str, str]:
    """A whole file of 1,000 rows imported as ``one``; a file of 1,000 more, and one of all."""
    rows = interactions(2_000)
    parts = {"old": rows.slice(1_000), "new": rows.slice(0, 1_000), "all": rows}
    places = {name: put(sandbox.folder, f"halves/{name}.csv", write_csv(INTERACTIONS, part).data) for name, part in parts.items()}
    assert imported(clients, places["old"], "one") == "FULL"
    return places


def imported(clients: Clients, source: str | Source, suffix: str) -> str:
    """How the import went: FULL or INCREMENTAL, or the words of a failure."""
    how = {"group_name": "shop", "job_suffix": suffix, "role_arn": ROLE, "poll": AT_ONCE}
    return import_datasets(clients.personalize, {"Interactions": source}, **how)[0].words


def added(places: dict[str, str], after: str = "one") -> Source:
    return Source(lambda: places["all"], places["new"], after)


def in_lake(sandbox: Sandbox) -> int:
    return len(sandbox.inbox.personalize_datasets()["shop/INTERACTIONS"])


def test_new_rows_alone_are_imported_after_the_import_they_follow(sandbox: Sandbox, clients: Clients, halves: dict[str, str]) -> None:
    assert imported(clients, added(halves), "two") == "INCREMENTAL"
    after = sandbox.inbox.personalize_datasets()
    assert imported(clients, halves["all"], "three") == "FULL"
    assert sandbox.inbox.personalize_datasets() == after and in_lake(sandbox) == 2_000


def test_all_rows_are_imported_when_somebody_else_imported_in_between(sandbox: Sandbox, clients: Clients, halves: dict[str, str]) -> None:
    imported(clients, halves["new"], "by-hand")
    assert imported(clients, added(halves), "two") == "FULL" and in_lake(sandbox) == 2_000


def test_all_rows_are_imported_when_the_one_before_is_not_the_one_they_follow(clients: Clients, halves: dict[str, str]) -> None:
    assert imported(clients, added(halves, after="none"), "two") == "FULL"


def test_all_rows_are_imported_after_a_deletion(sandbox: Sandbox, clients: Clients, halves: dict[str, str]) -> None:
    gone = delete_users(clients.personalize, ["c_1"], group_name="shop", name="d", put_file=lambda data: put(sandbox.folder, "d.csv", data), role_arn=ROLE, poll=AT_ONCE)
    assert gone.state == "loaded" and in_lake(sandbox) < 1_000
    assert imported(clients, added(halves), "two") == "FULL" and in_lake(sandbox) == 2_000


def test_all_rows_are_imported_after_an_import_that_failed_half_way(sandbox: Sandbox, clients: Clients, halves: dict[str, str]) -> None:
    put(sandbox.folder, "halves/broken.csv", b"USER_ID\n")
    assert "header" in imported(clients, Source(lambda: halves["all"], "s3://sandbox/halves/broken.csv", "one"), "two")
    assert imported(clients, added(halves), "three") == "FULL" and in_lake(sandbox) == 2_000


def test_the_whole_file_is_not_asked_for_while_new_rows_do(clients: Clients, halves: dict[str, str]) -> None:
    def never() -> str:
        raise AssertionError("nobody needs it")

    assert imported(clients, Source(never, halves["new"], "one"), "two") == "INCREMENTAL"
    assert imported(clients, Source(never, halves["new"], "one"), "two") == "INCREMENTAL", "found again by its name"
