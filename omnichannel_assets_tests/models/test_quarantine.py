"""quarantine: every row set aside, whatever it came from."""

from omnichannel_assets_tests.models.rows import built, moment, part
from omnichannel_assets_tests.models.test_customers import DAY


def segment(file: str, position: int, rule: str = "no_json_object", payload: str | None = "{") -> dict:
    return {"origin": "segment", "rule": rule, "file": file, "position": position, "payload": payload, "known_at": moment("11-10 00:00"), "received_day": DAY}


def dms(file: str, position: int, rule: str = "bad_number", payload: str | None = "1,x", version: str = "v1") -> dict:
    return {"origin": "dms", "rule": rule, "file": file, "position": position, "payload": payload, "known_at": None, "object": version}


def quarantine(segments: list[dict], shops: list[dict]) -> list[tuple]:
    return part(built("quarantine", segment_quarantine=segments, dms_quarantine=shops), "origin", "file", "position", "rule", "payload")


def test_no_rows_make_an_empty_quarantine():
    assert quarantine([], []) == []


def test_rows_of_both_origins_stand_side_by_side():
    assert quarantine([segment("f", 2), segment("f", 1, payload=None)], [dms("f", 1), dms("f", 1, "bad_date")]) == [
        ("dms", "f", 1, "bad_date", "1,x"), ("dms", "f", 1, "bad_number", "1,x"), ("segment", "f", 1, "no_json_object", None), ("segment", "f", 2, "no_json_object", "{"),
    ]  # fmt: skip


def test_a_row_that_two_versions_of_an_object_set_aside_is_told_once():
    assert quarantine([], [dms("f", 1, payload="b", version="v2"), dms("f", 1, payload="a")]) == [("dms", "f", 1, "bad_number", "a")]
