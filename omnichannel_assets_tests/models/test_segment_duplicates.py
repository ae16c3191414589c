"""segment_duplicates: copies of a message that lose to the copy of another received day."""

from datetime import date

from omnichannel_assets_tests.models.rows import built, part
from omnichannel_assets_tests.models.test_customers import call

DAYS = [date(2026, 11, day) for day in (9, 10, 11)]


def duplicates(*calls: dict) -> list[tuple]:
    return part(built("segment_duplicates", segment_events=list(calls)), "received_day", "message_id", "winning_day")


def test_no_rows_make_no_duplicates_and_neither_do_different_messages():
    assert duplicates() == []
    assert duplicates(call("m-1"), call("m-2")) == []


def test_the_copy_known_first_wins_over_all_days():
    calls = [call(known=f"11-{day.day:02} 10:00", received_day=day) for day in DAYS]
    assert duplicates(*calls) == duplicates(*calls[::-1]) == [(DAYS[1], "m-1", DAYS[0]), (DAYS[2], "m-1", DAYS[0])]


def test_a_later_folder_wins_when_it_was_known_first():
    assert duplicates(call(known="11-10 10:00", received_day=DAYS[2]), call(known="11-10 10:01", received_day=DAYS[1])) == [(DAYS[1], "m-1", DAYS[2])]


def test_at_the_same_instant_source_file_and_line_decide():
    assert duplicates(call(received_day=DAYS[0], source_id="b"), call(received_day=DAYS[1], source_id="a", file="z"), call(received_day=DAYS[2], source_id="a", file="y", line=2)) == [
        (DAYS[0], "m-1", DAYS[2]), (DAYS[1], "m-1", DAYS[2]),
    ]  # fmt: skip
