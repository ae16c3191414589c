"""What other rules would do to the customers of a date, in counts."""

import dataclasses
import datetime

import pyarrow as pa

from omnichannel_assets.identity.compare import identities_at
from omnichannel_assets.identity.effects import EXAMPLES, effects_of
from omnichannel_assets.identity.resolve import resolve
from omnichannel_assets.identity.rules import Limit
from omnichannel_assets_tests.identity.link_rows import KEY, PLAIN_RULES, customers_of, day, links_table

AS_OF = day("2024-04-01")
LOGINS = [(str(n), f"2024-03-0{n} 09:00", {"user_id": f"C-{n}", "anonymous_id": f"a-{n}"}) for n in range(1, 9)]
TIGHT = dataclasses.replace(PLAIN_RULES, default_limit=Limit(1, "ever"))


def resolved(links, rules=PLAIN_RULES):
    return resolve(links_table(links), rules, KEY).identities


def counts(effects):
    return effects.split, effects.merge, effects.rekey, effects.end, effects.new


def test_rules_that_change_nobody_have_no_effect():
    effects = effects_of(resolved(LOGINS), resolved(LOGINS), AS_OF)
    assert counts(effects) == (0, 0, 0, 0, 0)
    assert (effects.blocked, effects.shared, effects.carried, len(effects.touched), effects.examples) == ({}, {}, {}, 0, [])


def test_a_split_counts_once_and_lists_its_parts():
    second = ("9", "2024-03-09 09:00", {"user_id": "C-1", "anonymous_id": "b-1"})
    previous, current = resolved([*LOGINS, second]), resolved([*LOGINS, second], TIGHT)
    (whole, part) = (customers_of(identities_at(current, AS_OF))[name] for name in ("user_id:C-1", "anonymous_id:b-1"))
    effects = effects_of(previous, current, AS_OF)
    assert counts(effects) == (1, 0, 0, 0, 0)
    assert effects.examples == [("split", whole, sorted([whole, part]))]
    assert effects.touched.to_pylist() == [whole]


def test_a_merge_counts_the_customers_that_end_in_another():
    bridge = ("9", "2024-03-09 09:00", {"anonymous_id": ["a-2", "a-3"], "email": "x@example.com"})
    plain = [(link_id, at, {"anonymous_id": identifiers["anonymous_id"]}) for link_id, at, identifiers in LOGINS]
    effects = effects_of(resolved(plain), resolved([*plain, bridge]), AS_OF)
    assert counts(effects) == (0, 1, 0, 0, 0)
    assert effects.carried == {"email": 1}


def test_an_identifier_that_is_gone_is_blocked_and_one_whose_time_has_ended_is_shared():
    before = resolved(LOGINS)
    ended = before.to_pylist()
    for row in ended:
        if row["identifier_value"] == "a-1":
            row["valid_to"] = datetime.date(2024, 3, 20)
    current = pa.Table.from_pylist([row for row in ended if row["identifier_value"] != "a-2"], schema=before.schema)
    effects = effects_of(before, current, AS_OF)
    assert (effects.blocked, effects.shared, effects.carried) == ({"anonymous_id": 1}, {"anonymous_id": 1}, {})
    assert counts(effects) == (0, 0, 0, 0, 0)


def test_a_customer_of_whom_nothing_is_left_ends():
    effects = effects_of(resolved(LOGINS), resolved(LOGINS[1:]), AS_OF)
    assert counts(effects) == (0, 0, 0, 1, 0)
    assert effects.blocked == {"anonymous_id": 1, "user_id": 1}
    assert effects.examples == []


def test_a_handful_of_examples_is_enough():
    effects = effects_of(resolved(LOGINS), resolved(LOGINS, dataclasses.replace(PLAIN_RULES, priority=("anonymous_id",))), AS_OF)
    assert counts(effects) == (0, 0, 8, 0, 0)
    assert [example[0] for example in effects.examples] == ["rekey"] * EXAMPLES
