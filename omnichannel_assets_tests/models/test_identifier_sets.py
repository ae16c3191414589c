"""Which identifiers of one customer were seen together, and how often."""

from omnichannel_assets_tests.models.rows import AS_OF, moment, part, person, queried


def carried(link: str, source: str = "segment", known_at=None, **values: str) -> list[dict]:
    known = known_at or moment("11-01 00:00")
    return [{"source": source, "link_id": link, "identifier_type": kind, "identifier_value": value, "known_at": known} for kind, value in values.items()]


def numbered(*rows: tuple[int, str, str, int]) -> list[dict]:
    return [{"number": number, "identifier_type": kind, "identifier_value": value, "customer_id": person(customer)} for number, kind, value, customer in rows]


NUMBERED = numbered((0, "user_id", "U1", 1), (1, "email", "a@x", 1), (2, "anonymous_id", "k", 2))


def sets(*links: list[dict]) -> list[tuple]:
    rows = queried("identifier_sets", identifiers=[row for link in links for row in link], numbered_identifiers=NUMBERED)
    return sorted(part(rows, "source", "members", "links"))


def test_links_with_the_same_identifiers_are_one_set_whatever_their_order():
    assert sets(carried("m-1", user_id="U1", email="a@x"), carried("m-2", email="a@x", user_id="U1"), carried("m-3", user_id="U1")) == [
        ("segment", [0], 1),
        ("segment", [0, 1], 2),
    ]


def test_the_sources_are_told_apart():
    assert sets(carried("m-1", email="a@x"), carried("r-1", source="dms", email="a@x")) == [("dms", [1], 1), ("segment", [1], 1)]


def test_a_link_whose_identifiers_limits_keep_apart_counts_in_each_customer_with_what_it_has_there():
    assert sets(carried("m-1", user_id="U1", email="a@x", anonymous_id="k")) == [("segment", [0, 1], 1), ("segment", [2], 1)]


def test_what_becomes_known_later_or_belongs_to_nobody_does_not_count():
    assert sets(carried("m-1", email="a@x", known_at=AS_OF), carried("m-2", phone="+441")) == []
