"""How healthy the customers are that identity made: their sizes, limits about to bite, weak links, customers that limits keep apart.

Here: the figures, of Arrow tables. Not here: which links are weak (weak_links), storing and showing the figures (assets).
Figures hold types and counts, nobody's values.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from omnichannel_assets.identity.rules import IdentityRules, Limit
from omnichannel_assets.identity.weak_links import LinkSets, WeakLinks, find_weak_links


@dataclass(frozen=True)
class NearLimit:
    """How many customers hold as many values of a type in their fullest window as its limit allows, and how many one fewer."""

    identifier_type: str
    limit: Limit
    customers: int
    at_limit: int
    one_below: int


@dataclass(frozen=True)
class WeakCounts:
    """Weak links by kind (`email - user_id`) and source, and the customers that hang on at least one."""

    by_kind: dict[tuple[str, str], int]
    customers: int


@dataclass(frozen=True)
class KeptApart:
    """Customers whom links tie together but limits keep apart: how many, the groups they would make, and the largest of these."""

    customers: int
    groups: int
    largest: int


def customer_sizes(identifiers: pa.Table, known_types: Collection[str]) -> dict[tuple[str, int], int]:
    """(`known` or `visitor`, identifiers of one customer) -> customers. Takes today's rows of `identities`."""
    customer, count = _numbered(identifiers["customer_id"])
    size = np.bincount(customer, minlength=count)
    is_known = np.zeros(count, bool)
    is_known[customer[_is_known(identifiers, known_types)]] = True
    found = Counter(zip(np.where(is_known, "known", "visitor").tolist(), size.tolist(), strict=True))
    return dict(sorted(found.items()))


def near_limits(identifiers: pa.Table, rules: IdentityRules) -> list[NearLimit]:
    """Per identifier type, the customers at its limit and one below it; only types with customers, the highest priority first."""
    customer, count = _numbered(identifiers["customer_id"])
    first_known = pc.cast(identifiers["first_known_at"], pa.int64()).to_numpy()
    types, codes = _types(identifiers["identifier_type"])
    found = []
    for name in sorted(types, key=rules.priority_key):
        rows = codes == types.index(name)
        limit = rules.limit_of(name)
        owner, known = customer[rows], first_known[rows]
        at_limit = _holders(owner, known, count, limit.count, limit)
        below = _holders(owner, known, count, limit.count - 1, limit) & ~at_limit if limit.count > 1 else np.zeros(count, bool)
        found.append(NearLimit(name, limit, len(np.unique(owner)), int(at_limit.sum()), int(below.sum())))
    return found


def weak_counts(identifiers: pa.Table, sets: pa.Table, rules: IdentityRules, known_types: Collection[str]) -> WeakCounts:
    """Weak links among the sets (`members`: row numbers of `identifiers`, `links`, `source`)."""
    customer, _ = _numbered(identifiers["customer_id"])
    weak = find_weak_links(link_sets(sets, _is_known(identifiers, known_types)))
    types, codes = _types(identifiers["identifier_type"])
    by_priority = sorted(types, key=rules.priority_key)
    rank = np.array([by_priority.index(name) for name in types], np.int64)[codes] if types else codes
    kinds, pair_set = _kinds(weak, rank)
    sources = sets["source"].take(pa.array(pair_set)).to_pylist()
    named = [" - ".join(by_priority[place] for place in pair) for pair in kinds.tolist()]
    counts = Counter(zip(named, sources, strict=True))
    return WeakCounts(dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))), len(np.unique(customer[weak.member_of])))


def kept_apart(pairs: pa.Table) -> KeptApart:
    """Figures of the customers that links tie to others: rows `customer_id`, `other_customer_id`."""
    both = pa.chunked_array([*pairs["customer_id"].chunks, *pairs["other_customer_id"].chunks], pa.string())
    numbers, count = _numbered(both)
    left, right = numbers[: pairs.num_rows], numbers[pairs.num_rows :]
    graph = coo_array((np.ones(len(left), np.int8), (left, right)), shape=(count, count))
    members = np.bincount(connected_components(graph, directed=False)[1]) if count else np.zeros(0, np.int64)
    return KeptApart(count, len(members), int(members.max(initial=0)))


def link_sets(sets: pa.Table, is_known: np.ndarray) -> LinkSets:
    """The sets as columns of numbers."""
    members = sets["members"].combine_chunks()
    members = members if isinstance(members, pa.Array) else pa.concat_arrays(members.chunks or [pa.array([], members.type)])
    set_of = pc.list_parent_indices(members).to_numpy().astype(np.int64)
    return LinkSets(set_of, pc.list_flatten(members).to_numpy().astype(np.int64), sets["links"].to_numpy(), is_known)


def _kinds(weak: WeakLinks, rank: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Per weak link, the places in the order of priority of the best identifier in each of its two best parts; and the set."""
    order = np.lexsort((rank[weak.member_of], weak.part, weak.set_of))
    set_of, part, best = weak.set_of[order], weak.part[order], rank[weak.member_of[order]]
    is_first = np.ones(len(order), bool)
    is_first[1:] = (set_of[1:] != set_of[:-1]) | (part[1:] != part[:-1])
    set_of, best = set_of[is_first], best[is_first]
    order = np.lexsort((best, set_of))
    set_of, best = set_of[order], best[order]
    starts = np.flatnonzero(np.diff(set_of, prepend=-1))
    return np.column_stack([best[starts], best[starts + 1]]), set_of[starts]


def _holders(owner: np.ndarray, known: np.ndarray, count: int, values: int, limit: Limit) -> np.ndarray:
    """[customers] True where some window of the limit holds that many values."""
    order = np.lexsort((known, owner))
    owner, known = owner[order], known[order]
    early, late = slice(0, max(len(owner) - values + 1, 0)), slice(values - 1, None)
    holds = owner[early] == owner[late]
    if limit.window_microseconds is not None:
        holds &= known[late] - known[early] < limit.window_microseconds
    found = np.zeros(count, bool)
    found[owner[early][holds]] = True
    return found


def _numbered(column: pa.ChunkedArray) -> tuple[np.ndarray, int]:
    encoded = pc.dictionary_encode(column).combine_chunks()
    encoded = encoded if isinstance(encoded, pa.Array) else encoded.unify_dictionaries().combine_chunks()
    return encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64), len(encoded.dictionary)


def _types(column: pa.ChunkedArray) -> tuple[list[str], np.ndarray]:
    names = sorted(pc.unique(column).to_pylist())
    return names, pc.index_in(column, pa.array(names, pa.string())).to_numpy().astype(np.int64)


def _is_known(identifiers: pa.Table, known_types: Collection[str]) -> np.ndarray:
    return pc.is_in(identifiers["identifier_type"], pa.array(sorted(known_types), pa.string())).to_numpy()
