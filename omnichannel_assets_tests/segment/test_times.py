"""When a call happened and when it was known: readable times, receipts, imports of history, times that cannot be trusted."""

from datetime import UTC, date, datetime

from omnichannel_assets_tests.segment.landing import DAY, at, call, key_of, stage

READABLE = {
    "2026-11-20T09:00:00Z": at(9),
    "2026-11-20T09:00:00.5Z": at(9, micro=500_000),
    "2026-11-20T09:00:00.250Z": at(9, micro=250_000),
    "2026-11-20T09:00:00.1234567Z": at(9, micro=123_456),
    "2026-11-20T09:00:00.123456789Z": at(9, micro=123_456),
    "2026-11-20T09:00:00.250+02:00": at(7, micro=250_000),
    "2026-11-20T09:00:00.123456789+0200": at(7, micro=123_456),
    "2026-11-20T03:30:00-05:30": at(9),
    "2026-11-20T09:00:00-00:00": at(9),
    "2026-11-20T09:00:00": at(9),
    "2026-11-20 09:00": at(9),
    "2026-11-20t09:00:00z": at(9),
    " 2026-11-20T09:00:00Z\n": at(9),
    "2026-11-20T09:00:00 UTC": at(9),
    "2019-02-28T24:00:00Z": datetime(2019, 3, 1, tzinfo=UTC),
}
UNREADABLE = [
    "2026-11-20", "20261120T090000Z", "2026-11-20T25:00:00Z", "2026-02-30T00:00:00Z", "2026-11-20T09:00:00Z junk", "2026-11-20T09:00:00,5Z",
    "2026-11-20T09:00:00+99:00", "2026-11-20T09:00:00 America/New_York", "2026-11-20T09:00:00 BC", "yesterday", "now", "epoch", "infinity", "-infinity", "",
    "290000-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "1600000000", "٢٠٢٦-11-20T09:00:00Z",
    1763629200000, 1763629200.5, None, True, {"a": 1}, ["2026-11-20T09:00:00Z"], ...,
]  # fmt: skip
"""Among them times that no Python client could hold once they are in a table."""


def test_every_iso_8601_way_of_writing_an_instant_is_read_and_without_an_offset_is_utc(tmp_path):
    staged = stage(tmp_path, [call(f"{n:02}", timestamp=text) for n, text in enumerate(READABLE)])
    assert [row["event_at"] for row in staged.rows] == list(READABLE.values())
    assert {row["event_time_suspect"] for row in staged.rows} == {False}


def test_what_is_no_instant_is_an_untrusted_time_at_the_moment_of_receipt(tmp_path):
    staged = stage(tmp_path, [call(f"{n:02}", timestamp=text) for n, text in enumerate(UNREADABLE)])
    assert [(row["event_at"], row["event_time_suspect"]) for row in staged.rows] == [(at(10), True)] * len(UNREADABLE)


def test_a_call_without_a_trustworthy_receipt_was_known_at_the_end_of_its_folders_day(tmp_path):
    texts = ["2026-11-20T00:00:00Z", "2026-11-20T23:59:59.999999Z", "2026-11-21T01:00:00+02:00", "2026-11-19T23:59:59.999Z", "2026-11-21T00:00:00Z", ..., None, "soon", 5]
    staged = stage(tmp_path, [call(f"{n}", receivedAt=text, timestamp="2026-11-19T12:00:00Z") for n, text in enumerate(texts)])
    end = at(23, 59, 59, 999_999)
    assert [row["known_at"] for row in staged.rows] == [at(0), end, at(23), *[end] * 6]
    assert [row["receipt_suspect"] for row in staged.rows] == [False] * 3 + [True] * 6
    assert not any(row["event_time_suspect"] for row in staged.rows)


def test_a_time_over_an_hour_after_receipt_or_before_the_first_day_is_not_trusted(tmp_path):
    texts = ["2026-11-20T11:00:00Z", "2026-11-20T11:00:00.000001Z", "2031-01-01T00:00:00Z", "2026-11-10T00:00:00Z", "2026-11-09T23:59:59.999999Z", "1970-01-01T00:00:00Z"]
    staged = stage(tmp_path, [call(f"{n}", timestamp=text) for n, text in enumerate(texts)], first_day=date(2026, 11, 10))
    assert [row["event_time_suspect"] for row in staged.rows] == [False, True, True, False, True, True]
    assert staged.rows[2]["event_at"] == datetime(2031, 1, 1, tzinfo=UTC)


def test_imported_history_was_known_when_it_happened_but_never_after_its_receipt(tmp_path):
    old, future = "2019-05-01T08:00:00Z", "2031-01-01T00:00:00Z"
    lines = [call("old", timestamp=old), call("future", timestamp=future), call("unread", timestamp=None), call("lost", timestamp=old, receivedAt=None)]
    staged = stage(tmp_path, {key_of("f", source="import"): lines, key_of("f", source="web"): [call("web", timestamp=old)]}, history_sources=("import",))
    happened = datetime(2019, 5, 1, 8, tzinfo=UTC)
    found = {name: (row["known_at"], row["event_time_suspect"]) for name, row in staged.events.items()}
    assert found == {"old": (happened, False), "lost": (happened, False), "future": (at(10), True), "unread": (at(10), True), "web": (at(10), False)}
    assert staged.events["lost"]["receipt_suspect"]


def test_the_folder_says_the_day_whatever_the_receipt_says(tmp_path):
    staged = stage(tmp_path, [call(receivedAt="2026-11-21T00:00:01Z")])
    assert staged.events["m-1"]["received_day"] == DAY
