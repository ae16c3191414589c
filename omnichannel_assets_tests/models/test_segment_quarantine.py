"""segment_quarantine: lines that are no readable call, with rule, file, line and payload."""

from omnichannel_assets_tests.models.rows import built, moment, part
from omnichannel_assets_tests.models.test_customers import DAY, call


def test_no_rows_make_an_empty_quarantine():
    assert built("segment_quarantine") == []


def test_unreadable_lines_and_calls_that_break_a_rule_are_set_aside_and_good_calls_are_not():
    broken = {"rule": "cut_off_gzip", "file": "g", "line": 7, "payload": '{"a', "received_day": DAY}
    found = built("segment_quarantine", segment_calls=[call("good"), call(None, rule="missing_message_id", payload="{}"), call("m", rule="unknown_type", line=3)], unreadable_lines=[broken])
    assert part(found, "origin", "file", "position", "rule", "payload") == [
        ("segment", "f", 1, "missing_message_id", "{}"), ("segment", "f", 3, "unknown_type", None), ("segment", "g", 7, "cut_off_gzip", '{"a'),
    ]  # fmt: skip
    assert {row["known_at"] for row in found} == {moment("2026-11-10T23:59:59.999999")}


def test_lines_of_vanished_objects_stay_set_aside():
    kept = {"origin": "segment", "rule": "no_json_object", "file": "gone", "position": 4, "payload": "{", "known_at": moment("2026-11-10T23:59:59.999999"), "received_day": DAY}
    assert built("segment_quarantine", vanished_lines=[kept]) == [kept]
