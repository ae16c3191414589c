"""stopped_calls: segment_calls once more, with every call of a mostly bad object set aside."""

from omnichannel_assets_tests.models.rows import queried
from omnichannel_assets_tests.models.test_customers import call

BAD = {"file": "bad", "lines": 20, "bad": 11}


def found(*calls: dict, stopped: list[dict] = ()) -> list[tuple]:
    rows = queried("stopped_calls", read_calls=[call | {"text": '{"writeKey":"k","a":1}'} for call in calls], mostly_bad_files=list(stopped))
    return sorted((row["message_id"] or "", row["rule"], row["payload"]) for row in rows)


def test_no_calls_stay_no_calls():
    assert found() == []


def test_calls_of_other_files_are_left_as_they_are():
    assert found(call("m-1", file="good"), call("m-2", file="good", rule="unknown_type", payload="{}"), stopped=[BAD]) == [("m-1", None, None), ("m-2", "unknown_type", "{}")]


def test_a_good_call_of_a_mostly_bad_file_is_set_aside_with_its_text_and_without_the_write_key():
    assert found(call("m-1", file="bad"), call("m-2", file="bad", rule="unknown_type", payload="{}"), stopped=[BAD]) == [
        ("m-1", "mostly_bad_file", '{"writeKey":"dropped","a":1}'), ("m-2", "unknown_type", "{}"),
    ]  # fmt: skip
