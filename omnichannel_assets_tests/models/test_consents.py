"""consents: every explicit choice by channel, and the one in force. Which of several wins is also told by test_customers."""

from omnichannel_assets_tests.models.people import CARDS, card, shop_choices, unsubscribed
from omnichannel_assets_tests.models.rows import AS_OF, built, identity, moment, part, person

ANSWERS = [
    card("C-1", 1, "11-10 12:00", "11-11 00:00", marketing_opt_in=True), card("C-1", 2, "11-11 00:00", "11-13 00:00", marketing_opt_in=True),
    card("C-1", 3, "11-13 00:00", marketing_opt_in=True), card("C-2", 1, "11-12 00:00", marketing_opt_in=True),
]  # fmt: skip


def consents(identities: list[dict] = CARDS, choices: list[dict] | None = None, cards: list[dict] = [], **inputs: list[dict]) -> list[dict]:  # noqa: B006
    return built("consents", suite=True, identities=identities, shop_choices=shop_choices(cards) if choices is None else choices, **inputs)


def test_no_rows_make_no_choices():
    assert consents() == []


def test_the_history_holds_every_choice_and_marks_the_one_in_force():
    found = consents(cards=ANSWERS, event_facts=[unsubscribed("m-1", "11-11 12:00"), unsubscribed("m-2", "11-12 12:00", "11-14 00:00")])
    assert part(found, "customer_id", "channel", "opted_in", "chosen_at", "known_at", "source", "is_current") == [
        (person(1), "email", True, moment("11-10 12:00"), moment("11-10 12:00"), "dms:customers/C-1/1", False),
        (person(1), "email", False, moment("11-11 12:00"), moment("11-11 12:00"), "segment:m-1", False),
        (person(1), "email", True, moment("11-12 00:00"), moment("11-12 00:00"), "dms:customers/C-2/1", False),
        (person(1), "email", False, moment("11-12 12:00"), moment("11-14 00:00"), "segment:m-2", True),
    ]


def test_each_channel_has_its_own_choice():
    choices = shop_choices(ANSWERS[:1]) + [row | {"channel": channel, "opted_in": answer} for row in shop_choices(ANSWERS[:1]) for channel, answer in (("sms", False), ("post", None))]
    found = consents(choices=[row | {"valid_to": None} for row in choices], event_facts=[unsubscribed("m-1", "11-11 12:00")])
    assert part(found, "channel", "opted_in", "is_current") == [("email", True, False), ("email", False, True), ("sms", False, True)]


def test_what_a_deleted_record_said_is_not_used():
    deleted = [card("C-1", 1, "11-10 12:00", "11-11 00:00", marketing_opt_in=True), card("C-1", 2, "11-11 00:00", marketing_opt_in=True, is_deleted=True)]
    assert consents(cards=deleted) == []


def test_a_record_deleted_only_after_t_still_speaks():
    later = AS_OF.isoformat()[:19]
    cards = [card("C-1", 1, "11-10 12:00", later, marketing_opt_in=True), card("C-1", 2, later, marketing_opt_in=False, is_deleted=True)]
    assert part(consents(cards=cards), "opted_in", "is_current") == [(True, True)]


def test_a_choice_of_nobody_is_none():
    stranger = unsubscribed("m-1", "11-11 12:00", identifier_type=None, identifier_value=None)
    assert consents([identity("customer_ref", "C-9", 9)], cards=ANSWERS[:1], event_facts=[stranger]) == []


def test_an_opt_out_at_a_shared_address_counts_for_the_person_who_is_named_beside_it():
    beside = unsubscribed("m-1", "11-11 12:00", identifier_value="family@x", other_identifiers=[{"identifier_type": "customer_ref", "value": "C-1"}])
    assert part(consents(event_facts=[beside]), "customer_id", "opted_in") == [(person(1), False)]


def test_one_message_told_with_several_items_is_one_choice():
    assert len(consents(event_facts=[unsubscribed("m-1", "11-11 12:00"), unsubscribed("m-1", "11-11 12:00", item_id="P-1")])) == 1
