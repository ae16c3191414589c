"""message_identifiers: the unblocked, normalised identifiers of each message, the best first."""

from omnichannel_assets_tests.models.rows import queried
from omnichannel_assets_tests.models.test_identifiers import normal
from omnichannel_assets_tests.models.test_raw_links import carrying

PRIORITY = [{"identifier_type": kind, "priority": place} for place, kind in enumerate(["user_id", "email", "anonymous_id"])]


def identifiers(events: list[dict], normals: list[dict]) -> dict[str, list[str]]:
    rows = queried("message_identifiers", segment_events=events, normal_identifiers=normals, identifier_priority=PRIORITY)
    assert len({(row["received_day"], row["message_id"]) for row in rows}) == len(rows)
    return {row["message_id"]: [identifier["value"] for identifier in row["identifiers"]] for row in rows}


def test_no_rows_have_no_identifiers():
    assert identifiers([], []) == {}


def test_the_best_type_comes_first_and_then_the_lesser_value():
    normals = [normal("email", "B@x", "b@x"), normal("email", "a@x", "a@x"), normal("user_id", "u", "u"), normal("anonymous_id", "a", "a")]
    events = [carrying("m-1", ("anonymous_id", "a"), ("email", "B@x"), ("email", "a@x"), ("user_id", "u")), carrying("m-2", ("anonymous_id", "a"), ("email", "B@x"))]
    assert identifiers(events, normals) == {"m-1": ["u", "a@x", "b@x", "a"], "m-2": ["b@x", "a"]}


def test_two_spellings_of_one_identifier_count_once():
    assert identifiers([carrying("m-1", ("email", "A@x"), ("email", "a@x"))], [normal("email", "A@x", "a@x"), normal("email", "a@x", "a@x")]) == {"m-1": ["a@x"]}


def test_a_message_with_only_blocked_or_unreadable_identifiers_has_none():
    normals = [normal("user_id", "0", "0", is_blocked=True), normal("email", "x", None)]
    assert identifiers([carrying("m-1", ("user_id", "0"), ("email", "x")), carrying("m-2")], normals) == {}


def test_an_identifier_is_read_in_its_calls_country():
    normals = [normal("email", "e", "de", "DE"), normal("email", "e", "none")]
    assert identifiers([carrying("m-1", ("email", "e"), country="DE"), carrying("m-2", ("email", "e"))], normals) == {"m-1": ["de"], "m-2": ["none"]}
