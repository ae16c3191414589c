"""Which ids that were sent nobody has any more."""

from omnichannel_assets_tests.models.rows import AS_OF, identity, part, person, queried


def ended(sent: dict[str, list[int]], identities: list[dict]) -> list[tuple]:
    rows = [{"channel": channel, "customer_id": person(number)} for channel, numbers in sent.items() for number in numbers]
    return sorted(part(queried("ended_customers", destination_customers=rows, identities=identities), "channel", "customer_id"))


def test_an_id_without_an_identifier_has_ended_at_each_channel_that_holds_it():
    sent = {"personalize": [1, 2], "connect": [2], "pinpoint": [1]}
    assert ended(sent, [identity("user_id", "U1", 1)]) == [("connect", person(2)), ("personalize", person(2))]


def test_an_identifier_that_left_keeps_no_id_alive():
    sent = {"personalize": [1]}
    assert ended(sent, [identity("user_id", "U1", 1, valid_to=AS_OF.date()), identity("user_id", "U1", 2)]) == [("personalize", person(1))]


def test_without_any_identities_nobody_has_ended():
    assert ended({"personalize": [1]}, []) == []
