"""segment_events: one row per message of a received day; the earliest copy of the day is kept."""

from datetime import date

from omnichannel_assets_tests.models.rows import built, moment, part
from omnichannel_assets_tests.models.test_customers import DAY, call


def events(*calls: dict) -> list[tuple]:
    return part(built("segment_events", segment_calls=list(calls)), "received_day", "message_id", "source_id", "file", "line")


def test_no_rows_make_no_events():
    assert events() == []


def test_calls_that_break_a_rule_are_left_out():
    assert [row[1] for row in events(call("m-1"), call("m-2", rule="unknown_type", payload="{}"), call(None, rule="no_json_object", type=None))] == ["m-1"]


def test_the_copy_known_first_wins_then_source_file_and_line_decide():
    late = call(known="11-10 10:02", source_id="a", file="a")
    assert events(late, call(source_id="b", file="a"), call(source_id="a", file="z", line=9), call(source_id="a", file="b", line=2), call(source_id="a", file="b", line=1)) == [(DAY, "m-1", "a", "b", 1)]


def test_a_message_on_two_days_is_kept_on_both():
    later = date(2026, 11, 11)
    found = built("segment_events", segment_calls=[call()]) + built("segment_events", segment_calls=[call(received_day=later, known_at=moment("11-11 00:00"))])
    assert part(found, "received_day") == [(DAY,), (later,)]
