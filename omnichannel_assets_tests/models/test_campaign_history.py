"""Earlier members and entries under today's ids."""

from datetime import date

from omnichannel_assets_tests.models.rows import AS_OF, PARAMETERS, engine, identity, person, queried

BEFORE = date(2026, 11, 13)


def member(number: int, arm: str = "treatment", entered_on: date | None = BEFORE, variant: str | None = None, audience: str = "win_back") -> dict:
    return {"audience": audience, "as_of": BEFORE, "customer_id": person(number), "arm": arm, "variant": variant, "entered_on": entered_on}


def entry(kind: str, value: str, day: date = BEFORE, audience: str = "win_back") -> dict:
    ((found,),) = engine().rows("select identifier_hash($identifier_salt, $kind, $value)", PARAMETERS | {"kind": kind, "value": value})
    return {"audience": audience, "as_of": day, "identifier_hash": found}


def history(*, members=(), then=(), now=(), entries=(), controls=()) -> list[tuple]:
    rows = queried("campaign_history", earlier_controls=list(controls), previous_audiences=list(members), previous_identities=list(then), identities=list(now), earlier_entries=list(entries))
    return sorted((row["audience"], row["customer_id"], row["entered_on"], row["arm"], row["variant"], row["is_member"]) for row in rows)


U1, U2 = identity("user_id", "U1", 1), identity("user_id", "U2", 2)


def test_a_member_is_followed_to_the_id_they_have_now():
    assert history(members=[member(1)], then=[U1], now=[identity("user_id", "U1", 9)]) == [("win_back", person(9), BEFORE, "treatment", None, True)]


def test_of_two_members_that_became_one_the_control_and_the_earlier_entry_count():
    joined = [identity("user_id", "U1", 1), identity("user_id", "U2", 1)]
    later = date(2026, 11, 18)
    assert history(members=[member(1, entered_on=later), member(2, "control")], then=[U1, U2], now=joined) == [("win_back", person(1), BEFORE, "control", None, True)]


def test_both_parts_of_a_member_that_was_split_stay_members():
    then = [identity("user_id", "U1", 1), identity("email", "a@x", 1)]
    now = [identity("user_id", "U1", 1), identity("email", "a@x", 2)]
    assert {row[1] for row in history(members=[member(1)], then=then, now=now)} == {person(1), person(2)}


def test_a_member_whom_no_identifier_tells_of_keeps_the_id():
    assert [row[1] for row in history(members=[member(1)])] == [person(1)]


def test_a_part_of_a_control_that_a_correction_took_away_is_a_member_still():
    """History now says the two were never one; the hashes of that date know better."""
    held = [entry("user_id", "U1"), entry("email", "a@x")]
    now = [U1, identity("email", "a@x", 2)]
    found = history(members=[member(1, "control")], then=[U1], now=now, controls=held)
    assert found == [("win_back", person(n), BEFORE, "control", None, True) for n in (1, 2)]


def test_a_control_of_a_date_before_the_newest_is_no_member_any_more():
    held = entry("user_id", "U2", date(2026, 11, 1))
    assert [row[1] for row in history(members=[member(1)], then=[U1], now=[U1, U2], controls=[held])] == [person(1)]


def test_members_of_audiences_that_do_not_know_when_they_entered_are_nobodys_history():
    assert history(members=[member(1, entered_on=None)], then=[U1], now=[U1]) == []


def test_entries_are_followed_by_hashes_and_count_once_whatever_a_person_was_known_by():
    both = [U1, identity("email", "a@x", 1)]
    assert history(now=both, entries=[entry("user_id", "U1"), entry("email", "a@x"), entry("user_id", "gone")]) == [("win_back", person(1), BEFORE, None, None, False)]
    assert AS_OF.date() > BEFORE
