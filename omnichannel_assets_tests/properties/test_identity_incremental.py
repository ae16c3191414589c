"""Promises of keeping identities up to date: however the same links arrive, the tables are those of a full build, byte for byte."""

import dataclasses
import datetime
import random

import pyarrow as pa
from hypothesis import example, given
from hypothesis import strategies as st

from omnichannel_assets.identity.graph import LINKS_SCHEMA, UnknownNamesError
from omnichannel_assets.identity.incremental import full_state, updated_state
from omnichannel_assets.identity.resolve import Terms, resolve, tables_of
from omnichannel_assets_tests.identity.link_rows import KEY
from omnichannel_assets_tests.properties import test_identity_properties as plain
from omnichannel_assets_tests.properties import test_shared_identifiers as shared
from omnichannel_assets_tests.properties.test_identity_properties import START, promise, table_of

GRAPHS = st.one_of(st.lists(plain.LINK, min_size=2, max_size=16), st.lists(shared.LINK, min_size=2, max_size=16))
ANY_RULES = st.sampled_from([*plain.RULES, *shared.RULES])
PARTS = ["dms_customers", "segment_1", "segment_2", "segment_3"]


def day(number):
    return (START + datetime.timedelta(days=number)).date()


def history(graph, seed):
    """Deliveries of the links: each gives some parts whole, as they are after it; links come late, move, lose rows and vanish."""
    dice = random.Random(seed)
    rows = table_of(graph).to_pylist()
    home = {row["link_id"]: dice.choice(PARTS) for row in rows}
    stored, arrived = {}, []
    for _ in range(dice.randint(1, 4)):
        arrived += dice.sample(rows, dice.randint(0, len(rows)))
        if dice.random() < 0.4:
            gone = {row["link_id"] for row in dice.sample(rows, min(len(rows), 2))}
            arrived = [row for row in arrived if row["link_id"] not in gone]
        if dice.random() < 0.3:
            home[dice.choice(rows)["link_id"]] = dice.choice(PARTS)
        if dice.random() < 0.3 and arrived:
            arrived.remove(dice.choice(arrived))
        parts = {name: [row for row in arrived if home[row["link_id"]] == name] for name in PARTS}
        now = {name: pa.Table.from_pylist(found, schema=LINKS_SCHEMA) for name, found in parts.items() if found}
        yield now, [name for name in {*stored, *now} if name not in now or name not in stored or not now[name].equals(stored[name])]
        stored = now
    now = {"segment_1": table_of(graph)}
    yield now, sorted({*stored, *now})


@promise(350)
@given(GRAPHS, ANY_RULES, st.integers(0, 2**32), st.booleans())
@example(shared.KIOSK, shared.RULES[0], 3, True)
@example(plain.TWICE_IN_A_DAY, plain.RULES[5], 1, True)
def test_any_batches_late_links_rewrites_and_removals_give_the_tables_of_a_full_build(graph, rules, seed, is_moving):
    state, before, as_of = None, None, 2
    for parts, changed in history(graph, seed):
        as_of = as_of + seed % 9 if is_moving else 400
        terms = Terms(rules, KEY, day(as_of))
        expected = resolve(pa.concat_tables([LINKS_SCHEMA.empty_table(), *parts.values()]), rules, KEY, day(as_of))
        try:
            state = updated_state(state, changed, parts.get, terms, before).state if state else full_state(sorted(parts), parts.get, terms)
        except UnknownNamesError:
            state = full_state(sorted(parts), parts.get, terms)
        assert tables_of(state.graph, state.outcome) == expected
        before = terms


@promise(150)
@given(GRAPHS, plain.LINK, ANY_RULES)
def test_a_link_that_is_taken_back_leaves_exactly_the_customers_there_were(graph, link, rules):
    together = table_of([*graph, link])
    rows = table_of(graph).num_rows
    parts = {"kept": together.slice(0, rows), "taken_back": together.slice(rows)}
    terms = Terms(rules, KEY, day(400))
    try:
        before = full_state(["kept"], parts.get, terms)
        joined = updated_state(before, ["taken_back"], parts.get, terms, terms).state
    except UnknownNamesError:
        return
    after = updated_state(joined, ["taken_back"], lambda _: None, terms, terms).state
    assert tables_of(joined.graph, joined.outcome) == resolve(together, rules, KEY, day(400))
    assert tables_of(after.graph, after.outcome) == tables_of(before.graph, before.outcome)


def test_links_that_tell_nothing_new_resolve_nobody_again():
    on_time = [(0, 9, "segment", [("user_id", "a"), ("anonymous_id", "x")]), (1, 9, "segment", [("user_id", "b")])]
    late = [(5, 9, "segment", [("user_id", "a"), ("anonymous_id", "x")]), (6, 9, "segment", [("user_id", "b")])]
    new = [(7, 9, "segment", [("user_id", "b"), ("anonymous_id", "y")])]
    whole = table_of([*on_time, *late, *new])
    parts = {"one": whole.slice(0, 3), "two": whole.slice(3, 3), "three": whole.slice(6)}
    terms = Terms(dataclasses.replace(plain.RULES[0]), KEY, day(30))
    state = full_state(["one"], parts.get, terms)
    quiet = updated_state(state, ["two"], parts.get, terms, terms)
    busy = updated_state(quiet.state, ["three"], parts.get, terms, terms)
    assert (quiet.resolved, busy.resolved) == (0, 2)
