"""Who counts as erased: every record the shop database had of a person is deleted."""

from omnichannel_assets_tests.models.rows import identity, person, queried, version


def card(ref: str, *, deleted: bool, known: str = "11-01 00:00", until: str | None = None) -> dict:
    return version(known, until, customer_id=ref) | {"is_deleted": deleted, "op": "D" if deleted else "I"}


def erased(*cards: dict) -> list[str]:
    identities = [identity("customer_ref", "R1", 1), identity("customer_ref", "R2", 1), identity("customer_ref", "R3", 3)]
    return sorted(row["customer_id"] for row in queried("erased_customers", identities=identities, dms_customers=list(cards)))


def test_a_person_whose_only_record_was_deleted_is_erased():
    assert erased(card("R1", deleted=False, until="11-10 00:00"), card("R1", deleted=True, known="11-10 00:00")) == [person(1)]


def test_a_person_with_another_living_record_is_not():
    assert erased(card("R1", deleted=True), card("R2", deleted=False)) == []


def test_a_deletion_that_is_known_at_the_as_of_or_later_does_not_count():
    assert erased(card("R3", deleted=False, until="11-20 00:00"), card("R3", deleted=True, known="11-20 00:00")) == []


def test_nobody_else_is_touched():
    assert erased(card("R1", deleted=True), card("R3", deleted=False)) == [person(1)]
