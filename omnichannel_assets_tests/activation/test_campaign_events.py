"""Reading event lines of Pinpoint and Connect: one shape, nothing lost, nothing raised, no address kept."""

import json
from datetime import UTC, datetime

import pytest

from omnichannel_assets.activation.campaign_events import CampaignEvent, events_of
from omnichannel_assets.activation.campaign_files import channel_of
from omnichannel_assets.activation.machine_events import machine_rule

CUSTOMER = "c_00000000000000a1"
CLICK = {
    "event_type": "_email.click", "event_timestamp": 1795170000000, "arrival_timestamp": 1795173605123, "client": {"client_id": f"email-{CUSTOMER}"},
    "attributes": {"campaign_id": "cmp-1", "feedback": "https://shop.example.com/?exp=1"}, "client_context": {"custom": {"legacy_identifier": "0"}},
    "facets": {"email_channel": {"mail_event": {
        "mail": {"message_id": "m-1", "destination": ["ana.ruiz@example.com"]},
        "click": {"ip_address": "203.0.113.7", "user_agent": "scanner/1.0", "link": "https://shop.example.com/?exp=1"},
    }}},
}
SEND = {
    "event_type": "_campaign.send", "event_timestamp": 1795170000000, "arrival_timestamp": 1795170000067, "client": {"client_id": "other"},
    "attributes": {"campaign_id": "cmp-1"}, "client_context": {"custom": {"endpoint": json.dumps({"User": {"UserId": CUSTOMER}})}},
}
OPEN = {
    "campaign_event_id": "ev-1", "campaign_message_id": "m-1", "endpoint_address": "ana.ruiz@example.com", "campaign_name": "win_back-2026-11-20",
    "campaign_event_timestamp": "2026-11-20T09:03:10Z", "campaign_event_type": "OPEN", "email": {"open": {"ipAddress": "17.1.2.3"}},
}


def read(channel: str, *events: object) -> list:
    return list(events_of(channel, "".join(event if isinstance(event, str) else json.dumps(event) for event in events), lambda text: f"<{text[:3]}>" if text else None))


def test_a_pinpoint_click_happened_when_it_arrived_and_is_a_scanners():
    (event,) = read("pinpoint", CLICK)
    assert (event.event_type, event.campaign, event.message_key, event.machine_rule) == ("clicked", "cmp-1", "m-1", "user agent")
    assert event.event_at == event.known_at == datetime(2026, 11, 20, 11, 20, 5, 123000, UTC)
    assert (event.customer_hash, event.address_hash) == ("<c_0>", "<ana>")
    assert "shop.example" not in repr(event) and "ana.ruiz" not in repr(event)


def test_a_pinpoint_send_names_its_user_in_json_inside_json():
    (event,) = read("pinpoint", SEND)
    assert (event.event_type, event.customer_hash) == ("sent", "<c_0>")
    assert event.event_at == datetime(2026, 11, 20, 10, 20, tzinfo=UTC)


def test_the_same_line_again_is_the_same_event_and_another_one_is_not():
    first, again, other = read("pinpoint", CLICK, CLICK, CLICK | {"arrival_timestamp": 1795173605124})
    assert first.event_id == again.event_id != other.event_id


def test_a_connect_open_is_read_nested_and_dotted():
    dotted = {**{name: value for name, value in OPEN.items() if name != "email"}, "email.open.ipAddress": "17.1.2.3"}
    for event in read("connect", OPEN, dotted):
        assert (event.event_id, event.event_type, event.campaign, event.machine_rule) == ("connect/ev-1", "opened", "win_back-2026-11-20", "address")
        assert event.event_at == datetime(2026, 11, 20, 9, 3, 10, tzinfo=UTC)


def test_an_unknown_type_is_kept_as_other():
    assert [event.event_type for event in read("connect", OPEN | {"campaign_event_type": "SNOOZE"})] == ["other"]


@pytest.mark.parametrize(
    ("channel", "broken", "rule"),
    [
        ("connect", OPEN | {"campaign_event_id": None}, "no_event_id"),
        ("connect", OPEN | {"campaign_event_type": 7}, "no_event_type"),
        ("connect", OPEN | {"campaign_event_timestamp": "yesterday"}, "no_event_time"),
        ("connect", OPEN | {"campaign_event_timestamp": "0001-01-01T00:00:00+14:00"}, "no_event_time"),
        ("pinpoint", CLICK | {"event_type": " "}, "no_event_type"),
        ("pinpoint", CLICK | {"event_timestamp": True, "arrival_timestamp": 1e300}, "no_event_time"),
        ("pinpoint", [1], "not_an_object"),
        ("pinpoint", '{"event_type": ', "invalid_json"),
        ("pinpoint", "[" * 100_000, "invalid_json"),
    ],
)
def test_what_is_no_event_comes_back_with_its_rule_beside_the_good_ones(channel, broken, rule):
    good = CLICK if channel == "pinpoint" else OPEN
    found = read(channel, good, broken)
    assert isinstance(found[0], CampaignEvent) and found[1:] == [rule]


@pytest.mark.parametrize("path", ["client", "attributes", "client_context", "facets"])
@pytest.mark.parametrize("value", [None, 7, "text", [1], {"custom": {"endpoint": "{"}}, {"email_channel": {"mail_event": {"mail": {"destination": [3]}}}}])
def test_parts_of_another_shape_are_read_over(path, value):
    assert [type(event) for event in read("pinpoint", CLICK | {path: value})] == [CampaignEvent]


def test_machines_are_told_by_what_they_say_of_themselves_and_by_where_they_are():
    person = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36"
    assert machine_rule("Mozilla/5.0", "203.0.113.7") == "user agent"
    assert machine_rule(person, "17.58.1.2") == "address"
    assert machine_rule(person, "217.58.1.2") is None
    assert machine_rule(None, None) is None


@pytest.mark.parametrize(
    ("key", "channel"),
    [("campaign-events/connect/2026/11/20/part-1", "connect"), ("x/campaign-events/pinpoint/a.jsonl.gz", "pinpoint"), ("campaign-events/other/a", None), ("campaign-events/pinpoint/", None)],
)
def test_a_key_tells_the_channel(key, channel):
    assert channel_of(key) == channel
