"""Links in, customers out: the one call that turns `identifiers` into `identities`, their journal and the shared identifiers.

Here: `resolve` and its result. Not here: its steps, each a module of its own: the graph (graph), numbering (links), what merges (merging),
dates (timeline), what several people use (shared, layers), the tables (outcome). Two resolutions of the same date are compared in
compare. The result is a pure function of the set of link rows, the rules and the key: neither row order nor batching changes a byte.
"""

import datetime
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from omnichannel_assets.identity.graph import Graph, build_graph
from omnichannel_assets.identity.layers import resolve_layers
from omnichannel_assets.identity.links import DAY_MICROSECONDS, EncodedLinks, encode, link_names, rows_of
from omnichannel_assets.identity.merging import Merges, find_merges
from omnichannel_assets.identity.outcome import (
    NEVER_SETTLED,
    Journal,
    Outcome,
    SharedNodes,
    changes_table,
    customer_numbers,
    identities_table,
    shared_table,
)
from omnichannel_assets.identity.rules import IdentityRules
from omnichannel_assets.identity.shared import RULE, Shared, find_shared
from omnichannel_assets.identity.timeline import ALWAYS, Changes, Intervals, first_as_of

_EPOCH = datetime.date(1970, 1, 1)


@dataclass(frozen=True)
class Resolution:
    """identities: outcome.IDENTITIES_SCHEMA, valid at T where valid_from <= T and (valid_to is null or T < valid_to).

    changes: outcome.CHANGES_SCHEMA, a journal of every change along the as-of axis. shared: outcome.SHARED_SCHEMA.
    """

    identities: pa.Table
    changes: pa.Table
    shared: pa.Table


@dataclass(frozen=True)
class Terms:
    """What links are resolved under: the rules, the key of customer ids, and the as-of date (None: everything is known)."""

    rules: IdentityRules
    key: bytes
    as_of: datetime.date | None = None

    @property
    def before(self) -> int | None:
        """Links known before this instant (microseconds since 1970, UTC) count."""
        return None if self.as_of is None else (self.as_of - _EPOCH).days * DAY_MICROSECONDS


def resolve(links: pa.Table, rules: IdentityRules, key: bytes, as_of: datetime.date | None = None) -> Resolution:
    """Resolve all links (graph.LINKS_SCHEMA: normalised, unblocked identifiers), or those known before 00:00 UTC of `as_of`.

    Replay in the order of knowing makes the state as of T a prefix of every later state, so one pass answers all T
    (design section 5). Raises SettingError for an unusable key, ValueError for a malformed table.
    """
    graph = build_graph([""], lambda _: links)
    return tables_of(graph, solve(graph, Terms(rules, key, as_of)))


def tables_of(graph: Graph, outcome: Outcome) -> Resolution:
    """An outcome as tables."""
    return Resolution(identities_table(graph, outcome), changes_table(outcome), shared_table(graph, outcome))


def solve(graph: Graph, terms: Terms, picked: np.ndarray | None = None) -> Outcome:
    """Resolve a graph, or some whole components of it ([nodes] booleans)."""
    links = encode(graph, rows_of(graph, picked, terms.before), terms.rules)
    merges = find_merges(links, terms.rules)
    shared = find_shared(links, merges, terms.rules.shared.customers, _declared(graph, links, terms))
    intervals, changes = resolve_layers(links, merges, terms.rules, shared)
    node = links.node
    order = np.argsort(node[intervals.who].astype(np.int64) << 32 | intervals.since, kind="stable")
    rows = intervals.take(order)
    first_known, customer = np.zeros(graph.node_count, np.int64), np.zeros(graph.node_count, np.uint64)
    first_known[node] = links.first_known
    named = _named(links.identifier_count, intervals, changes)
    customer[node[named]] = customer_numbers(graph, node[named], links.first_known[named], terms.key)
    return Outcome(
        Intervals(node[rows.who], node[rows.holder], rows.since, rows.until),
        _journal(graph, links, changes),
        _shared_nodes(graph, links, shared),
        first_known,
        customer,
        _settled(graph, links, merges, terms.rules),
    )


def _declared(graph: Graph, links: EncodedLinks, terms: Terms) -> dict[int, int]:
    """Identifiers that a person declared to be shared -> the first as-of date at which they are, if it has come."""
    values = terms.rules.shared.values
    if not values:
        return {}
    number = np.full(graph.node_count + 1, -1, np.int64)
    number[links.node] = np.arange(links.identifier_count)
    found = {}
    for value, node in zip(values, graph.nodes_of([(v.identifier_type, v.identifier_value) for v in values]).tolist(), strict=True):
        identifier = int(number[node])
        if identifier < 0 or (value.since and terms.as_of and value.since > terms.as_of):
            continue
        since = (value.since - _EPOCH).days if value.since else ALWAYS
        day = max(since, int(first_as_of(links.first_known[identifier : identifier + 1])[0]))
        found[identifier] = min(day, found.get(identifier, day))
    return found


def _named(count: int, intervals: Intervals, changes: Changes) -> np.ndarray:
    """Identifiers that some customer in the tables is named after."""
    is_named = np.zeros(count + 1, bool)  # the last place is that of -1
    for column in (intervals.holder, changes.ended, changes.found):
        is_named[column] = True
    return np.flatnonzero(is_named[:count])


def _journal(graph: Graph, links: EncodedLinks, changes: Changes) -> Journal:
    is_shared = changes.cause < 0
    link = np.where(is_shared, -2 - changes.cause, changes.cause)
    has_link = link >= 0
    names = _words(graph, links, link, has_link, "rule")
    heads = pa.array(["", "shared:"], pa.large_string()).take(pa.array(is_shared.astype(np.int8)))
    cause = pc.binary_join_element_wise(heads, names, pa.scalar("", pa.large_string()))
    ended, found = (np.where(side < 0, -1, links.node[side]) if len(side) else side for side in (changes.ended, changes.found))
    return Journal(changes.day, changes.kind, ended, found, cause)


def _shared_nodes(graph: Graph, links: EncodedLinks, shared: Shared) -> SharedNodes:
    names = _words(graph, links, shared.cause, shared.cause != RULE, "rule")
    nodes = links.node[shared.identifier]
    return SharedNodes(nodes, shared.day.astype(np.int32), shared.customers, names).take(np.argsort(nodes, kind="stable"))


def _words(graph: Graph, links: EncodedLinks, link: np.ndarray, has_link: np.ndarray, otherwise: str) -> pa.Array:
    names = link_names(graph, links.link_place[link[has_link]])
    if has_link.all():
        return names
    place = np.where(has_link, np.cumsum(has_link) - 1, len(names))
    return pa.concat_arrays([names, pa.array([otherwise], pa.large_string())]).take(pa.array(place))


def _settled(graph: Graph, links: EncodedLinks, merges: Merges, rules: IdentityRules) -> np.ndarray:
    """Per node the instant after which a further link between nodes of its component is without effect (see ``incremental``)."""
    settled = np.full(graph.node_count, NEVER_SETTLED, np.int64)
    latest = np.full(len(merges.is_limited), np.iinfo(np.int64).min)
    np.maximum.at(latest, merges.component, links.first_known)
    np.maximum.at(latest, merges.component[merges.loser], links.link_known[merges.link])
    if "user_id" in links.types and rules.shared.customers is not None:
        users = np.bincount(merges.component[links.type_of == links.types.index("user_id")], minlength=len(latest))
        latest[users > rules.shared.customers] = NEVER_SETTLED
    latest[merges.is_limited] = NEVER_SETTLED
    settled[links.node] = latest[merges.component]
    return settled
