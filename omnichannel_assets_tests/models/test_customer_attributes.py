"""customer_attributes: Segment's own traits and audiences as last told; they make no customer, and nothing learns from them."""

from datetime import date
from pathlib import Path

from omnichannel_assets.assets.as_of import AS_OF_STEPS
from omnichannel_assets.assets.steps import read_by
from omnichannel_assets_tests.models.people import DAY, call, customers
from omnichannel_assets_tests.models.rows import AS_OF, built, identity, moment, part, person

IDENTITIES = [identity("user_id", "u-1", 1), identity("anonymous_id", "a-2", 2)]


def computed(message_id: str, value: str | None, at: str = "11-10 10:00", name: str = "spend", kind: str = "trait", **columns) -> dict:
    row = {"user_id": "u-1", "is_computed": True, "computed_kind": kind, "computed_name": name, "computed_value": value}
    return call(message_id, at, at, **row | columns)


def attributes(*calls: dict, **inputs: list[dict]) -> list[tuple]:
    found = built("customer_attributes", identities=IDENTITIES, segment_events=list(calls), **inputs)
    return part(found, "customer_id", "kind", "name", "value", "source")


def test_no_calls_make_no_attributes():
    assert attributes() == []


def test_the_latest_value_is_kept_and_a_trait_and_an_audience_of_one_name_are_two():
    calls = [computed("m-1", "1"), computed("m-3", "3", "11-12 10:00"), computed("m-2", "2", "11-11 10:00"), computed("m-4", "true", name="spend", kind="audience")]
    assert attributes(*calls) == [(person(1), "audience", "spend", "true", "segment:m-4"), (person(1), "trait", "spend", "3", "segment:m-3")]
    assert attributes(*calls[::-1]) == attributes(*calls)


def test_null_takes_an_attribute_away_and_an_audience_that_was_left_stays_as_false():
    left = computed("m-3", "false", "11-12 10:00", "vip", "audience")
    assert attributes(computed("m-1", "1"), computed("m-2", "null", "11-11 10:00"), left) == [(person(1), "audience", "vip", "false", "segment:m-3")]


def test_a_call_without_its_value_changes_nothing():
    assert attributes(computed("m-1", "1"), computed("m-2", None, "11-11 10:00")) == [(person(1), "trait", "spend", "1", "segment:m-1")]


def test_the_user_id_goes_before_the_anonymous_id_and_a_call_of_nobody_makes_no_customer():
    calls = [computed("m-1", "1", anonymous_id="a-2"), computed("m-2", "2", user_id=None, anonymous_id="a-2"), computed("m-3", "3", user_id="stranger")]
    assert attributes(*calls) == [(person(1), "trait", "spend", "1", "segment:m-1"), (person(2), "trait", "spend", "2", "segment:m-2")]


def test_only_what_was_known_before_t_and_no_losing_copy_counts():
    calls = [
        computed("m-1", "1"), computed("m-2", "2") | {"known_at": AS_OF}, computed("m-3", "3") | {"event_at": AS_OF},
        computed("m-1", "4", "11-13 10:00", received_day=date(2026, 11, 13)),
    ]  # fmt: skip
    copies = [{"message_id": "m-1", "received_day": date(2026, 11, 13), "winning_day": DAY}]
    assert attributes(*calls, segment_duplicates=copies) == [(person(1), "trait", "spend", "1", "segment:m-1")]


def test_a_value_with_an_untrusted_time_counts_from_when_it_was_known():
    late = computed("m-2", "2", event_time_suspect=True) | {"event_at": moment("2031-01-01T00:00:00"), "known_at": moment("11-11 10:00")}
    assert attributes(computed("m-1", "1", "11-12 10:00"), late) == [(person(1), "trait", "spend", "1", "segment:m-1")]


def test_what_segment_computed_changes_no_customer():
    calls = [computed("m-1", "0.9", first_name="Model"), computed("m-2", "true", name="vip", kind="audience")]
    assert customers(IDENTITIES, segment_events=calls) == customers(IDENTITIES)


def test_no_model_but_its_own_reads_what_segment_computed():
    """Scores, features, lists and audiences that read it would learn from another model's answer."""
    folder = Path(__file__).parents[2] / "omnichannel_assets" / "sql"
    own = {"customer_attributes", "segment_calls", "segment_events"}
    readers = [path.stem for path in folder.rglob("*.sql") if path.stem not in own and any(word in path.read_text(encoding="utf-8") for word in ("customer_attributes", "computed_"))]
    assert readers == []
    for model in ("customer_features", "training_examples", "audiences", "similar_items", "recommendations"):
        assert "customer_attributes" not in read_by(model, steps=AS_OF_STEPS)


def test_what_segment_computed_is_no_fact_and_so_no_feature():
    tracked = {"type": "track", "event": "Product Viewed", "event_name": "Product Viewed", "products": [{"item_id": "P-1", "product_id": "P-1", "quantity": 1}]}
    calls = [call("m-1", **tracked), computed("m-2", "1", **tracked, name="vip", kind="audience")]
    whose = [{"received_day": DAY, "message_id": name, "identifiers": [{"identifier_type": "user_id", "value": "u-1"}]} for name in ("m-1", "m-2")]
    facts = built("event_facts", segment_events=calls, message_identifiers=whose)
    assert [row["message_id"] for row in facts] == ["m-1"]
    assert facts == built("event_facts", segment_events=calls[:1], message_identifiers=whose)
