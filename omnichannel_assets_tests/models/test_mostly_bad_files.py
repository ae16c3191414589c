"""mostly_bad_files: objects of which most lines cannot be used, from 20 lines on."""

from omnichannel_assets_tests.models.rows import queried
from omnichannel_assets_tests.models.test_customers import DAY, call


def lines(file: str, good: int, bad: int) -> list[dict]:
    return [call(f"{file}-{n}", file=file, line=n, rule=None if n < good else "unknown_type") for n in range(good + bad)]


def found(*calls: list[dict], unreadable: list[dict] = ()) -> list[tuple]:
    rows = queried("mostly_bad_files", read_calls=[call for some in calls for call in some], unreadable_lines=list(unreadable))
    return sorted((row["file"], row["lines"], row["bad"]) for row in rows)


def test_no_lines_make_no_bad_files():
    assert found() == []


def test_more_than_the_share_is_mostly_bad_and_exactly_the_share_is_not():
    assert found(lines("half", 10, 10), lines("most", 9, 11)) == [("most", 20, 11)]


def test_a_file_of_fewer_than_twenty_lines_is_never_mostly_bad():
    assert found(lines("small", 0, 19)) == []


def test_lines_that_are_no_text_at_all_count_as_bad():
    torn = {"rule": "invalid_utf8", "file": "torn", "line": 99, "payload": None, "received_day": DAY}
    assert found(lines("torn", 10, 9), unreadable=[torn, torn | {"line": 100}]) == [("torn", 21, 11)]
