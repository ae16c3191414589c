"""Who people in campaigns are today: followed by what they were known by when they entered."""

from datetime import date

from omnichannel_assets_tests.models.rows import identity, person, queried

DAY = date(2026, 11, 1)


def entered(customer: int, arm: str = "treatment", as_of: date = DAY, since: date | None = None, **columns) -> dict:
    """A row of an audience."""
    return {"audience": "win_back", "as_of": as_of, "customer_id": person(customer), "arm": arm, "entered_on": since or as_of} | columns


def heirs(*rows: dict, then: list[dict], now: list[dict]) -> list[tuple]:
    found = queried("campaign_heirs", audiences_until=list(rows), identities_history=then, identities=now)
    return sorted((row["customer_id"][-1], row["heir_id"] and row["heir_id"][-1], row["entered_on"].day, row["arm"], row["turn"]) for row in found)


U1, U2, MAIL = identity("user_id", "U1", 1), identity("user_id", "U2", 2), identity("email", "a@x", 1)


def test_each_person_counts_once_from_the_day_they_first_entered():
    rows = [entered(1), entered(1, as_of=date(2026, 11, 2), since=DAY), entered(1, as_of=date(2026, 11, 9))]
    assert heirs(*rows, then=[U1], now=[U1]) == [("1", "1", 1, "treatment", 1)]


def test_audiences_of_old_tell_no_day_of_entering_and_the_first_as_of_stands_for_it():
    rows = [entered(1) | {"entered_on": None}, entered(1, as_of=date(2026, 11, 2)) | {"entered_on": None}]
    assert heirs(*rows, then=[U1], now=[U1]) == [("1", "1", 1, "treatment", 1)]


def test_somebody_under_another_id_is_followed_to_who_holds_most_of_their_identifiers():
    then = [U1, MAIL, identity("anonymous_id", "a", 1)]
    assert heirs(entered(1), then=then, now=[identity("user_id", "U1", 7), identity("email", "a@x", 7), identity("anonymous_id", "a", 8)]) == [("1", "7", 1, "treatment", 1)]


def test_of_two_who_became_one_the_first_to_enter_counts_and_on_one_day_the_control():
    now = [identity("user_id", "U1", 1), identity("user_id", "U2", 1)]
    later = entered(2, "control", as_of=date(2026, 11, 2))
    assert [row[3:] for row in heirs(entered(1), later, then=[U1, U2], now=now)] == [("treatment", 1), ("control", 2)]
    assert [row[3:] for row in heirs(entered(1), entered(2, "control"), then=[U1, U2], now=now)] == [("treatment", 2), ("control", 1)]


def test_who_is_nobody_any_more_has_no_turn():
    assert heirs(entered(1), then=[U1], now=[U2]) == [("1", None, 1, "treatment", None)]


def test_identifiers_gained_after_entering_lead_to_nobody():
    later = identity("user_id", "U9", 1, first_known_at=None) | {"valid_from": date(2026, 11, 5)}
    assert heirs(entered(1), then=[later], now=[identity("user_id", "U9", 3)]) == [("1", None, 1, "treatment", None)]
