"""Customers whom links tie together but limits keep apart."""

from omnichannel_assets_tests.models.rows import AS_OF, part, person, queried
from omnichannel_assets_tests.models.test_identifier_sets import carried, numbered

NUMBERED = numbered((0, "user_id", "U1", 1), (1, "user_id", "U2", 2), (2, "email", "a@x", 1), (3, "anonymous_id", "k", 3))


def apart(*links: list[dict]) -> list[tuple]:
    rows = queried("customers_apart", identifiers=[row for link in links for row in link], numbered_identifiers=NUMBERED)
    return sorted(part(rows, "customer_id", "other_customer_id", "links"))


def test_two_customers_in_one_link_are_apart_and_their_links_counted():
    assert apart(carried("m-1", user_id="U2", email="a@x"), carried("m-2", user_id="U2", email="a@x"), carried("m-3", user_id="U1", email="a@x")) == [(person(1), person(2), 2)]


def test_a_link_of_three_customers_ties_the_first_to_the_others():
    assert apart(carried("m-1", user_id="U2", email="a@x", anonymous_id="k")) == [(person(1), person(2), 1), (person(1), person(3), 1)]


def test_what_becomes_known_later_does_not_count():
    assert apart(carried("m-1", user_id="U2", email="a@x", known_at=AS_OF)) == []
