"""One row per message: which copy wins within a day and over days, and days that are left alone, redone or kept."""

from datetime import date
from pathlib import Path

import pytest

from omnichannel_assets.assets.landing import catalogue
from omnichannel_assets.assets.segment import find_duplicates, stage_calls, stale_days
from omnichannel_assets.lake.tables import SEGMENT_DUPLICATES, SEGMENT_EVENTS
from omnichannel_assets_tests.segment.landing import Staged, call, key_of, put, stage, workspace_of

LATER, EARLIER = date(2026, 11, 21), date(2026, 11, 19)


def winner(staged: Staged, message_id: str = "m-1") -> tuple[str, int]:
    return Path(staged.events[message_id]["file"]).name.removesuffix(".gz"), staged.events[message_id]["line"]


def test_within_a_day_the_copy_known_first_wins(tmp_path):
    late, early = call(receivedAt="2026-11-20T12:00:00Z"), call(receivedAt="2026-11-20T11:00:00Z")
    assert winner(stage(tmp_path, {key_of("a"): [late], key_of("b"): [late, early]})) == ("b", 2)


def test_at_the_same_instant_source_then_file_then_line_decide(tmp_path):
    objects = {key_of("z", source="A"): [call()], key_of("a", source="B"): [call()]}
    assert winner(stage(tmp_path / "1", objects)) == ("z", 1)
    objects = {key_of("b"): [call()], key_of("a"): ["{", call(), call()]}
    staged = stage(tmp_path / "2", objects)
    assert winner(staged) == ("a", 2)
    assert staged.counts["2026-11-20"] == {"lines_in": 4, "rows_out": 1, "duplicates": 2, "quarantined": 1}


def test_a_copy_that_cannot_be_used_never_wins(tmp_path):
    staged = stage(tmp_path, [call(type="fetch", receivedAt="2026-11-20T01:00:00Z"), call()])
    assert winner(staged) == ("file", 2)


@pytest.mark.parametrize("order_of_days", [(EARLIER, LATER), (LATER, EARLIER)])
def test_over_days_the_copy_known_first_wins_whichever_came_first(tmp_path, order_of_days):
    workspace = workspace_of(tmp_path)
    for day in order_of_days:
        received = f"{day}T10:00:00Z"
        put(workspace, key_of("f", day), [call(receivedAt=received), call(f"only-{day}", receivedAt=received)])
        Staged(workspace)
        find_duplicates(workspace)
    found = workspace.lake.read(SEGMENT_DUPLICATES).to_pylist()
    assert found == [{"message_id": "m-1", "received_day": LATER, "winning_day": EARLIER}]


def test_a_copy_with_an_untrusted_receipt_is_judged_by_the_end_of_its_day(tmp_path):
    objects = {key_of("f", EARLIER): [call(receivedAt=None)], key_of("f"): [call(receivedAt="2026-11-20T00:00:00Z")]}
    workspace = stage(tmp_path, objects).workspace
    find_duplicates(workspace)
    assert workspace.lake.read(SEGMENT_DUPLICATES)["received_day"].to_pylist() == [date(2026, 11, 20)]


def test_a_day_is_left_alone_until_its_objects_change(tmp_path):
    staged = stage(tmp_path, {key_of("f"): [call()], key_of("f", LATER): [call("n", receivedAt="2026-11-21T10:00:00Z")]})
    workspace = staged.workspace
    assert stage_calls(workspace)[0].rewritten == []
    put(workspace, key_of("g"), [call("m-2")])
    catalogue(workspace)
    assert stale_days(workspace) == [date(2026, 11, 20)]
    assert stage_calls(workspace)[0].rewritten == ["2026-11-20"]


def test_a_rewritten_object_replaces_what_it_had_told(tmp_path):
    workspace = stage(tmp_path, [call("m-1"), call("m-2")]).workspace
    put(workspace, key_of("file"), [call("m-2")])
    assert list(Staged(workspace).events) == ["m-2"]


def test_objects_that_vanish_never_empty_a_day(tmp_path):
    workspace = stage(tmp_path, {key_of("a"): [call("m-1")], key_of("b"): [call("m-2")]}).workspace
    (Path(workspace.settings.landing_uri) / key_of("a")).unlink()
    assert sorted(Staged(workspace).events) == ["m-1", "m-2"]
    (Path(workspace.settings.landing_uri) / key_of("b")).unlink()
    assert sorted(Staged(workspace).events) == ["m-1", "m-2"]


def test_only_the_days_asked_for_and_inside_the_bounds_are_staged(tmp_path):
    workspace = workspace_of(tmp_path, first_day=date(2026, 11, 20))
    for day in (EARLIER, date(2026, 11, 20), LATER, date(2026, 12, 1)):
        put(workspace, key_of("f", day), [call(f"{day}", receivedAt=f"{day}T10:00:00Z")])
    catalogue(workspace)
    stage_calls(workspace, [LATER, EARLIER])
    assert list(workspace.lake.manifests(SEGMENT_EVENTS)) == ["2026-11-21"]
    stage_calls(workspace)
    assert list(workspace.lake.manifests(SEGMENT_EVENTS)) == ["2026-11-20", "2026-11-21"]


def test_a_day_whose_objects_hold_nothing_is_an_empty_day(tmp_path):
    staged = stage(tmp_path, b"")
    assert staged.counts == {"2026-11-20": {"lines_in": 0, "rows_out": 0, "duplicates": 0, "quarantined": 0}}


def test_plain_text_cut_off_and_damaged_objects_of_one_day_add_up(tmp_path):
    import gzip

    from omnichannel_assets_tests.segment.landing import as_bytes

    text = as_bytes([call(f"z-{n}", properties={"note": f"{n * 7919}"}) for n in range(50)])
    packed = gzip.compress(text, mtime=0)
    objects = {key_of("plain"): as_bytes([call("p")]), key_of("cut"): packed[: len(packed) // 2], key_of("garbage"): gzip.compress(as_bytes([call("g")])) + b"zzz"}
    staged = stage(tmp_path, objects)
    counts = staged.counts["2026-11-20"]
    assert counts["lines_in"] == counts["rows_out"] + counts["quarantined"]
    assert sorted((row["rule"], Path(row["file"]).name) for row in staged.bad) == [("cut_off_gzip", "cut.gz"), ("trailing_garbage", "garbage.gz")]
    assert {"p", "g", "z-0"} <= set(staged.events)
