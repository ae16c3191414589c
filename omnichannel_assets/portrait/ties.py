"""Why a customer is one person, and where that person ends: links that joined, weak ones among them, and identifiers kept apart.

Read from the tables people query. Not here: how it is printed (explain) or drawn (tree, drawing).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from omnichannel_assets.identity.rules import IdentityRules
from omnichannel_assets.lake.engine import Engine
from omnichannel_assets.lake.tables_identity import SHARED_IDENTIFIERS
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets.settings import midnight

MOST_APART = 20
"""Identifiers kept apart that are told, those seen most often first: a kiosk was seen with hundreds."""
SHOP_DATABASE, MATCHED = "dms", "match"


@dataclass(frozen=True)
class Identifier:
    """A typed value of the customer."""

    kind: str
    value: str
    first_known_at: datetime

    @property
    def name(self) -> str:
        """``type:value``."""
        return f"{self.kind}:{self.value}"


@dataclass(frozen=True)
class Tie:
    """A set of the customer's identifiers that links carried together: the first of these links, and how many there were."""

    source: str
    link_id: str
    known_at: datetime
    names: tuple[str, ...]
    links: int
    parts: tuple[str, ...] = ()
    is_weak: bool = False

    @property
    def link(self) -> str:
        """``source:link_id``, as the journal names it."""
        return f"{self.source}:{self.link_id}"


@dataclass(frozen=True)
class Apart:
    """An identifier that links carried together with the customer's, and that is not the customer's; ``why`` in words."""

    kind: str
    value: str
    seen_with: str
    links: int
    first_at: datetime
    first_link: str
    customer_id: str | None
    why: str


@dataclass(frozen=True)
class Portrait:
    """One customer: identifiers by priority; ties that joined what was apart, in their order, each with one identifier of every part;
    the other ties; identifiers kept apart, and how many more of them there are."""

    customer_id: str
    as_of: date
    identifiers: tuple[Identifier, ...]
    joining: tuple[Tie, ...]
    others: tuple[Tie, ...]
    apart: tuple[Apart, ...]
    more_apart: int


def portrait(workspace: Workspace, engine: Engine, customer_id: str) -> Portrait:
    """The portrait of a customer that holds identifiers today. ``engine`` has the public tables."""
    as_of = workspace.newest_known() or workspace.as_of()
    bound = {"c": customer_id, "as_of": midnight(as_of)}
    found = [Identifier(*row) for row in engine.rows("select identifier_type, identifier_value, first_known_at from identities where customer_id = $c", bound)]
    identifiers = sorted(found, key=lambda one: (workspace.rules.priority_key(one.kind), one.first_known_at, one.value))
    ties = _ties(engine, bound)
    joining, others = _joining(_with_weakness(ties, identifiers, workspace.parameters()["known_types"]), identifiers)
    apart = _apart(workspace, engine, bound, identifiers)
    return Portrait(customer_id, as_of, tuple(identifiers), joining, others, tuple(apart[:MOST_APART]), max(len(apart) - MOST_APART, 0))


def _ties(engine: Engine, bound: Mapping[str, Any]) -> list[Tie]:
    """Each set of the customer's identifiers that a source carried, in the order in which they became known."""
    rows = engine.rows(
        """with carried as (
            select l.source, l.link_id, l.known_at,
                list(l.identifier_type || ':' || l.identifier_value order by l.identifier_type, l.identifier_value) as names
            from identifiers as l join identities as i on i.identifier_type = l.identifier_type and i.identifier_value = l.identifier_value
            where i.customer_id = $c and l.known_at < $as_of group by l.source, l.link_id, l.known_at
        ),
        ordered as (select *, row_number() over (partition by source, names order by known_at, link_id) as place, count(*) over (partition by source, names) as links from carried)
        select source, link_id, known_at, names, links from ordered where place = 1 order by known_at, source, link_id""",
        bound,
    )
    return [Tie(source, link_id, known_at, tuple(names), links) for source, link_id, known_at, names, links in rows]


def _with_weakness(ties: list[Tie], identifiers: list[Identifier], known_types: Iterable[str]) -> list[Tie]:
    import numpy as np

    from omnichannel_assets.identity.weak_links import LinkSets, find_weak_links

    place = {identifier.name: number for number, identifier in enumerate(identifiers)}
    known = set(known_types)
    rows = np.array([(number, place[name]) for number, tie in enumerate(ties) for name in tie.names], np.int64).reshape(-1, 2)
    is_known = np.array([identifier.kind in known for identifier in identifiers], bool)
    found = find_weak_links(LinkSets(rows[:, 0], rows[:, 1], np.array([tie.links for tie in ties], np.int64), is_known))
    weak = set(found.set_of.tolist())
    return [Tie(t.source, t.link_id, t.known_at, t.names, t.links, (), number in weak) for number, t in enumerate(ties)]


def _joining(ties: list[Tie], identifiers: list[Identifier]) -> tuple[tuple[Tie, ...], tuple[Tie, ...]]:
    """Ties that joined parts which were apart before them, with the best identifier they carry of each part; and the others of several."""
    place = {identifier.name: number for number, identifier in enumerate(identifiers)}
    group = dict(zip(place, place, strict=True))

    def root(name: str) -> str:
        while group[name] != name:
            name = group[name]
        return name

    joining, others = [], []
    for tie in ties:
        parts: dict[str, str] = {}
        for name in sorted(tie.names, key=place.__getitem__):
            parts.setdefault(root(name), name)
        if len(parts) > 1:
            joining.append(Tie(tie.source, tie.link_id, tie.known_at, tie.names, tie.links, tuple(parts.values()), tie.is_weak))
            first, *rest = sorted(parts)
            group.update(dict.fromkeys(rest, first))
        elif len(tie.names) > 1:
            others.append(tie)
    return tuple(joining), tuple(others)


def _apart(workspace: Workspace, engine: Engine, bound: Mapping[str, Any], identifiers: list[Identifier]) -> list[Apart]:
    """What links carried beside the customer's identifiers and is not the customer's, the most often seen first."""
    engine.register_files(SHARED_IDENTIFIERS, workspace.lake.paths(SHARED_IDENTIFIERS))
    rows = engine.rows(
        """with own as (select identifier_type, identifier_value from identities where customer_id = $c),
        tied as (
            select distinct l.source, l.link_id, l.identifier_type || ':' || l.identifier_value as own_name
            from identifiers as l join own as o on o.identifier_type = l.identifier_type and o.identifier_value = l.identifier_value where l.known_at < $as_of
        ),
        other as (
            select l.identifier_type, l.identifier_value, l.known_at, l.source || ':' || l.link_id as link, list(distinct t.own_name) as own_names
            from tied as t join identifiers as l on l.source = t.source and l.link_id = t.link_id
            left join own as o on o.identifier_type = l.identifier_type and o.identifier_value = l.identifier_value
            where o.identifier_type is null group by 1, 2, 3, 4
        )
        select t.identifier_type, t.identifier_value, flatten(list(t.own_names)), count(*), min(t.known_at), min(struct_pack(k := t.known_at, l := t.link)).l, any_value(i.customer_id), any_value(s.shared_from)
        from other as t
        left join identities as i on i.identifier_type = t.identifier_type and i.identifier_value = t.identifier_value
        left join shared_identifiers as s on s.identifier_type = t.identifier_type and s.identifier_value = t.identifier_value
        group by 1, 2 order by 4 desc, 5, 1, 2""",
        bound,
    )
    place = {identifier.name: number for number, identifier in enumerate(identifiers)}
    told = rows[:MOST_APART]
    limits = _limits(workspace.rules, engine, identifiers, {(row[6], row[4]) for row in told if row[6]})
    found = []
    for number, (kind, value, own, links, first_at, first_link, customer_id, shared_from) in enumerate(rows):
        why = f"shared since {shared_from}: belongs to nobody" if shared_from else "belongs to nobody"
        if customer_id:
            why = f"belongs to {customer_id}: {limits.get((customer_id, first_at), 'a limit')} keeps them apart" if number < MOST_APART else ""
        found.append(Apart(kind, value, min(own, key=place.__getitem__), links, first_at, first_link, customer_id, why))
    return found


def _limits(rules: IdentityRules, engine: Engine, own: list[Identifier], others: Iterable[tuple[str, datetime]]) -> dict[tuple[str, datetime], str]:
    """(other customer, instant) -> the limit that both together would have exceeded then, in words; absent when today's identifiers name none."""
    others = sorted(others)
    rows = engine.rows(
        "select customer_id, identifier_type, first_known_at from identities where list_contains($ids, customer_id)", {"ids": [customer for customer, _ in others]}
    )
    found = {}
    for customer_id, at in others:
        held = [(one.kind, one.first_known_at) for one in own] + [(kind, known) for customer, kind, known in rows if customer == customer_id]
        for kind in sorted({kind for kind, _ in held}, key=rules.priority_key):
            limit = rules.limit_of(kind)
            opens = None if limit.window_microseconds is None else at - timedelta(microseconds=limit.window_microseconds)
            if sum(name == kind and known <= at and (opens is None or known > opens) for name, known in held) > limit.count:
                found[customer_id, at] = f"limit of {limit.count} {kind} {'ever' if limit.window == 'ever' else f'a {limit.window}'}"
                break
    return found
