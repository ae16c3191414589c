"""By which identifiers those are known who entered."""

from datetime import timedelta

from omnichannel_assets_tests.models.rows import AS_OF, built, identity, person
from omnichannel_assets_tests.models.test_campaign_history import entry


def member(number: int, days_ago: int = 0, arm: str = "treatment") -> dict:
    return {"audience": "win_back", "as_of": AS_OF.date(), "customer_id": person(number), "arm": arm, "entered_on": AS_OF.date() - timedelta(days=days_ago)}


def test_entries_of_both_arms_are_kept_as_hashes_and_who_only_stays_is_not():
    ids = [identity("user_id", "U1", 1), identity("email", "a@x", 1), identity("user_id", "U2", 2), identity("user_id", "U3", 3)]
    rows = built("audience_entries", audiences=[member(1), member(2, arm="control"), member(3, days_ago=1)], identities=ids)
    expected = [entry("user_id", "U1", AS_OF.date()), entry("email", "a@x", AS_OF.date()), entry("user_id", "U2", AS_OF.date())]
    assert rows == sorted(expected, key=lambda row: row["identifier_hash"])
    assert not any(value in str(rows) for value in ("U1", "a@x"))
