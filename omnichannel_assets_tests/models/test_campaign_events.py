"""Events of campaigns: once each, of the customer of today, with what machines did marked."""

from datetime import date

from omnichannel_assets_tests.models.people import call, unsubscribed
from omnichannel_assets_tests.models.rows import PARAMETERS, built, engine, identity, moment, part, person

MAIL, U1 = identity("email", "a@x", 1), identity("user_id", "U1", 1)


def hashed(kind: str, value: str) -> str:
    ((found,),) = engine().rows("select identifier_hash($identifier_salt, $kind, $value)", PARAMETERS | {"kind": kind, "value": value})
    return found


def logged(event_id: str, event_type: str = "opened", at: str = "11-19 10:00", line: int = 1, **columns) -> dict:
    row = {"event_id": event_id, "channel": "connect", "campaign": "win_back", "event_type": event_type, "event_at": moment(at), "known_at": moment(at)}
    return row | {"message_key": "m", "address_hash": hashed("email", "a@x"), "file": "f", "line": line, "file_version": "v"} | columns


def events(*rows: dict, identities: list[dict] | None = None, **inputs: list[dict]) -> list[dict]:
    known = identities or [MAIL, U1]
    return built("campaign_events", campaign_event_log=list(rows), identities=known, **{"identities_history": known, **inputs})


def test_an_event_told_again_is_one_event_and_one_of_tomorrow_none():
    found = events(logged("e"), logged("e", line=2), logged("f", at="11-20 00:00"), logged("g", known_at=moment("11-20 00:00")))
    assert part(found, "event_id", "customer_id") == [("e", person(1))]


def test_whose_it_is_follows_the_address_else_the_customer_id_that_was_sent():
    by_id = {"address_hash": None, "customer_hash": hashed("customer_id", person(1))}
    assert part(events(logged("e", **by_id)), "customer_id") == [(person(1),)]
    later = [identity("email", "a@x", 5), identity("user_id", "U1", 5)]
    assert part(events(logged("e", **by_id), identities=later, identities_history=[U1, *later]), "customer_id") == [(person(5),)]
    assert part(events(logged("e", address_hash=hashed("email", "b@x"))), "customer_id", "event_type") == [(None, "opened")]


def test_clicks_within_seconds_of_delivery_and_on_all_links_at_once_are_a_machines():
    told = [logged("d", "delivered", "2026-11-19 10:00:00"), logged("soon", "clicked", "2026-11-19 10:00:03", link_hash="1"), logged("later", "clicked", "2026-11-19 10:00:09", link_hash="1")]
    told += [logged("x", "clicked", "2026-11-19 11:00:00", link_hash="1"), logged("y", "clicked", "2026-11-19 11:00:00", link_hash="2")]
    found = {row["event_id"]: row["machine_rule"] for row in events(*told)}
    assert found == {"d": None, "soon": "seconds after delivery", "later": None, "x": "all links at once", "y": "all links at once"}


def test_what_a_line_told_of_a_machine_is_kept():
    assert part(events(logged("e", machine_rule="user agent")), "is_machine", "machine_rule") == [(True, "user agent")]


def test_segments_e_mail_events_are_events_of_campaigns_too():
    fact = unsubscribed("m-1", "11-19 10:00", event_type="EmailOpened", campaign_id="news-1")
    proxy = call("m-1", event_at="11-19 10:00", context='{"ip": "17.58.1.2", "userAgent": "Mozilla/5.0"}', properties='{"email_id": "e1"}', received_day=date(2026, 11, 10))
    found = events(event_facts=[fact, unsubscribed("m-2", "11-19 11:00")], segment_events=[proxy])
    assert part(found, "channel", "campaign", "event_type", "customer_id", "message_key", "machine_rule") == [
        ("segment", "news-1", "opened", person(1), "e1", "user agent"), ("segment", "unknown", "unsubscribed", person(1), None, None)
    ]
