"""Object keys of Segment's export: which keys are ours and what they tell."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnichannel_assets.segment.keys import parse_key

SECONDS = 1795132800  # 2026-11-20T00:00:00Z


@pytest.mark.parametrize(
    ("key", "source", "day"),
    [
        ("segment-logs/AbC123xYz0/1795132800000/f.gz", "AbC123xYz0", date(2026, 11, 20)),
        ("segment-logs/AbC123xYz0/1795132800/f.gz", "AbC123xYz0", date(2026, 11, 20)),
        ("exports/eu/segment-logs/s/1795132800000/f.gz", "s", date(2026, 11, 20)),
        ("segment-logs/segment-logs/s/1795132800000/f.gz", "s", date(2026, 11, 20)),
        ("day=2026-11-20/a b/segment-logs/s/1795132800000/f.gz", "s", date(2026, 11, 20)),
        ("segment-logs/s/1795132800000/1795219200000.a b+c%2F'\"é🙂.json.gz", "s", date(2026, 11, 20)),
        ("segment-logs/s/1795219199999/f.gz", "s", date(2026, 11, 20)),
        ("segment-logs/s/0000000000/f.gz", "s", date(1970, 1, 1)),
        ("segment-logs/s/9999999999999/f.gz", "s", date(2286, 11, 20)),
    ],
)
def test_a_key_of_the_export_tells_its_source_and_received_day(key, source, day):
    found = parse_key(key)
    assert (found.key, found.source_id, found.received_day) == (key, source, day)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "segment-logs/s/1795132800000/f.json",
        "segment-logs/s/1795132800000/.gz",
        "segment-logs/s/1795132800000/f.gz\n",
        "segment-logs/s/1795132800000/f.GZ",
        "segment-logs/s/1795132800000/deeper/f.gz",
        "segment-logs/s/2026-11-20/f.gz",
        "segment-logs/s/179513280000/f.gz",
        "segment-logs/s/17951328000000/f.gz",
        "segment-logs/s/-795132800/f.gz",
        "segment-logs/s/١٧٩٥١٣٢٨٠٠/f.gz",
        "segment-logs//1795132800000/f.gz",
        "segment-logs/1795132800000/f.gz",
        "my-segment-logs/s/1795132800000/f.gz",
        "Segment-Logs/s/1795132800000/f.gz",
        "/segment-logs/s/1795132800000/f.gz",
        "dms/retail/orders/LOAD00000001.csv",
        "segment-data/data/s/segment_type=track/day=2026-11-20/hr=01/f.parquet",
    ],
)
def test_any_other_key_is_no_part_of_the_export(key):
    assert parse_key(key) is None


@settings(deadline=None, derandomize=True)
@given(st.text(max_size=60))
def test_no_key_raises(text):
    parse_key(text)
    parse_key(f"segment-logs/{text}/1795132800000/{text}.gz")


@settings(deadline=None, derandomize=True)
@given(st.integers(0, 9_999_999_999), st.booleans())
def test_the_received_day_is_the_utc_day_of_the_epoch_in_either_unit(seconds, in_milliseconds):
    text = f"{seconds * 1000:013}" if in_milliseconds else f"{seconds:010}"
    assert parse_key(f"segment-logs/s/{text}/f.gz").received_day == (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).date()
