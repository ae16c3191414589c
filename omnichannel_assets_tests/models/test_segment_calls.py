"""segment_calls, run on lines alone. Its many cases stand in ``segment/test_staging.py`` and ``segment/test_times.py``."""

import pyarrow as pa

from omnichannel_assets.lake.engine import model_text
from omnichannel_assets.segment.events import event_names
from omnichannel_assets.segment.lines import lines_table, read_lines
from omnichannel_assets_tests.models.rows import OTHER_INPUTS, engine, moment
from omnichannel_assets_tests.models.test_customers import DAY

GOOD = b'{"type":"track","event":"Viewed Product","messageId":"m-1","userId":7,"timestamp":"2026-11-10T10:00:00Z","receivedAt":"2026-11-10T10:00:01Z","properties":{"id":"P"}}'
PARAMETERS = {"first_day": moment("2000-01-01T00:00:00"), "history_sources": [], "trait_names": [], "trait_types": []}


def calls(content: bytes) -> pa.Table:
    engine().register("event_names", event_names())
    engine().register("segment_lines", lines_table([("s", "f", DAY, read_lines(content))]))
    return engine().query(model_text("segment_calls"), PARAMETERS)


def test_no_lines_make_no_calls_of_the_declared_columns():
    assert calls(b"").num_rows == 0
    assert calls(b"").schema.names == OTHER_INPUTS["read_calls"].names


def test_every_line_is_one_row_with_the_rule_it_breaks_or_none():
    rows = sorted(calls(GOOD + b"\n{}\n" + GOOD + b"\nnull").to_pylist(), key=lambda row: row["line"])
    assert [(row["line"], row["rule"], row["message_id"], row["payload"]) for row in rows] == [
        (1, None, "m-1", None), (2, "missing_message_id", None, "{}"), (3, None, "m-1", None), (4, "no_json_object", None, "null"),
    ]  # fmt: skip
    assert (rows[0]["user_id"], rows[0]["event_name"], rows[0]["products"][0]["item_id"]) == ("7", "Product Viewed", "P")
