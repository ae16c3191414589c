"""replaced_files: vanished objects that newly arrived ones tell again, as Segment's cleaned copies do."""

from omnichannel_assets_tests.models.rows import queried
from omnichannel_assets_tests.models.test_customers import DAY, call

ARRIVED = [{"file": "new"}]


def stored(message_id: str, file: str = "old", **columns) -> dict:
    row = call(message_id, file=file, received_day=DAY, **columns)
    return {name: value for name, value in row.items() if name not in ("rule", "payload")}


def replaced(vanished: list[dict], usable: list[dict], arrived: list[dict] = ARRIVED) -> list[str]:
    return sorted(row["file"] for row in queried("replaced_files", vanished_calls=vanished, usable_calls=usable, arrived_files=arrived))


def test_nothing_vanished_is_nothing_replaced():
    assert replaced([], [call("m-1", file="new")]) == []


def test_an_object_whose_messages_mostly_arrived_again_is_replaced():
    assert replaced([stored("m-1"), stored("m-2"), stored("erased")], [call("m-1", file="new"), call("m-2", file="new")]) == ["old"]


def test_a_late_object_that_carries_messages_again_beside_its_own_replaces_nothing():
    assert replaced([stored("m-1"), stored("m-2")], [call("m-1", file="new"), call("m-2", file="new"), call("m-3", file="new")]) == []


def test_half_of_its_messages_are_enough_and_fewer_are_not():
    assert replaced([stored("m-1"), stored("m-2")], [call("m-1", file="new")]) == ["old"]
    assert replaced([stored("m-1"), stored("m-2"), stored("m-3")], [call("m-1", file="new")]) == []


def test_objects_that_were_there_before_and_calls_that_break_a_rule_replace_nothing():
    assert replaced([stored("m-1")], [call("m-1", file="other"), call("m-1", file="new", rule="unknown_type", payload="{}")]) == []


def test_another_source_tells_nothing_again():
    assert replaced([stored("m-1", source_id="a")], [call("m-1", file="new", source_id="b")]) == []
