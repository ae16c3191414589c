"""Finding everything an erasure is about: the person's identifiers, how rows spell them, every customer_id they ever had, their orders.

Identifiers that several people share belong to nobody and are left. Not here: what is done with the answer (``erasure``).
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from omnichannel_assets.assets.suppression import shop_table
from omnichannel_assets.erasure.subject import Subject
from omnichannel_assets.lake.engine import Engine, quoted, text_literal
from omnichannel_assets.lake.lake import Lake
from omnichannel_assets.lake.tables import ORDERS, SEGMENT_EVENTS
from omnichannel_assets.lake.tables_identity import IDENTITIES, IDENTITY_CHANGES, IDENTITY_CORRECTIONS
from omnichannel_assets.resources.dms_tables import dms_log_table
from omnichannel_assets.resources.erased import hasher_of
from omnichannel_assets.resources.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

ERASURE_ID_DIGITS = 12
CONTROL_HASH_DIGITS = 16
"""As the macro ``identifier_hash`` gives them."""


def whole_lake(workspace: Workspace) -> Lake:
    """The lake with every partition it stores, also those outside FIRST_DAY..LAST_DAY."""
    return Lake(workspace.lake.store, workspace.lake.limits, workspace.lake.lock_wait_seconds)


def subject_of(workspace: Workspace, customer_id: str, erased_at: str) -> Subject:
    """The person behind a living customer_id."""
    lake = whole_lake(workspace)
    with lake.engine() as engine:
        for table in (IDENTITIES, IDENTITY_CHANGES, IDENTITY_CORRECTIONS, ORDERS):
            engine.register_files(table, lake.paths(table))
        identifiers = engine.rows(
            "select identifier_type, identifier_value from identities where customer_id = $c and valid_to is null order by 1, 2", {"c": customer_id}
        )
        ids = _every_id(engine, customer_id, identifiers)
        spelled = _spellings(workspace, lake, engine, identifiers)
        spellings = sorted({(kind, text) for kind, text, _ in spelled})
        regions = sorted({country for kind, _, country in spelled if kind == "phone" and country} | _phone_regions(identifiers))
        orders = _orders(workspace, lake, engine, ids, spellings)
    hasher = hasher_of(workspace)
    erasure_id = "e_" + hasher.hash("erasure", f"{customer_id}/{erased_at}")[:ERASURE_ID_DIGITS]
    pairs = tuple((kind, value) for kind, value in identifiers)
    return Subject(erasure_id, erased_at, pairs, tuple(spellings), tuple(ids), tuple(orders), tuple(regions))


def control_hashes(workspace: Workspace, subject: Subject) -> list[str]:
    """How ``control_identifiers`` names the person, should they have been a control."""
    salt = workspace.identifier_salt()
    return [hashlib.sha256(f"{salt}/{kind}/{value}".encode()).hexdigest()[:CONTROL_HASH_DIGITS] for kind, value in subject.identifiers]


def _every_id(engine: Engine, customer_id: str, identifiers: list[tuple[str, str]]) -> list[str]:
    """Ids these identifiers had and ids that ended in one of theirs, but for ids that belong to somebody else today."""
    engine.register("own", _pairs(identifiers))
    living = {
        found
        for (found,) in engine.rows("select distinct customer_id from identities where valid_to is null and customer_id <> $c", {"c": customer_id})
    }
    held = engine.rows(
        "select distinct i.customer_id from identities as i join own as o on o.identifier_type = i.identifier_type and o.identifier_value = i.identifier_value"
    )
    ended: dict[str, set[str]] = {}
    for before, after in engine.rows(
        "select from_customer_id, to_customer_id from identity_changes where change in ('merge', 'rekey') and from_customer_id is not null "
        "union select from_customer_id, to_customer_id from identity_corrections where from_customer_id is not null and to_customer_id is not null"
    ):
        ended.setdefault(after, set()).add(before)
    found, waiting = set[str](), [customer_id, *(one for (one,) in held)]
    while waiting:
        one = waiting.pop()
        if one not in found and one not in living:
            found.add(one)
            waiting += ended.get(one, ())
    return sorted(found)


def _pairs(pairs: list[tuple[str, str]]) -> pa.Table:
    import pyarrow as pa

    columns = [pa.array([pair[at] for pair in pairs], pa.string()) for at in (0, 1)]
    return pa.table(columns, names=["identifier_type", "identifier_value"])


def _spellings(workspace: Workspace, lake: Lake, engine: Engine, identifiers: list[tuple[str, str]]) -> list[tuple[str, str, str | None]]:
    """(type, text, country) of every way a staged row writes one of the identifiers."""
    from omnichannel_assets.identity.normalise import normalise_identifiers

    engine.register_files(SEGMENT_EVENTS, lake.paths(SEGMENT_EVENTS))
    parts = ['select i.identifier_type as identifier_type, i."value" as raw_value, country from (select unnest(identifiers) as i, country from segment_events)']
    for spec in workspace.registry.values():
        log_table = dms_log_table(spec)
        engine.register_files(log_table, lake.paths(log_table))
        country = quoted(spec.country_column) if spec.country_column else "cast(null as varchar)"
        parts += [
            f"select {text_literal(kind)} as identifier_type, cast({quoted(column)} as varchar) as raw_value, {country} as country from {quoted(log_table.name)}"
            for column, kind in spec.identifiers.items()
        ]
    raw = engine.query(f"select distinct identifier_type, raw_value, country from ({' union all '.join(parts)}) as raw where raw_value is not null")
    engine.register("normal", normalise_identifiers(raw, workspace.rules))
    engine.register("own", _pairs(identifiers))
    return engine.rows(
        "select distinct n.identifier_type, n.raw_value, n.country from normal as n "
        "join own as o on o.identifier_type = n.identifier_type and o.identifier_value = n.identifier_value order by 1, 2, 3"
    )


def _orders(workspace: Workspace, lake: Lake, engine: Engine, ids: list[str], spellings: list[tuple[str, str]]) -> list[str]:
    """Orders of the person: as the trusted table has them, and as the shop database's rows and Segment's calls name them."""
    found = {order for (order,) in engine.rows("select order_id from orders where list_contains($ids, customer_id)", {"ids": ids})}
    engine.register("spelled", _pairs(spellings))
    spelled = "select 1 from spelled as s where s.identifier_type = {kind} and s.identifier_value = {value}"
    for spec in workspace.registry.values():
        for order in shop_table(workspace, spec).order_columns:
            for column, kind in spec.identifiers.items():
                own = spelled.format(kind=text_literal(kind), value=f"cast(l.{quoted(column)} as varchar)")
                sql = f"select distinct cast(l.{quoted(order)} as varchar) from {quoted(dms_log_table(spec).name)} as l where exists ({own})"
                found |= {value for (value,) in engine.rows(sql) if value}
    return sorted(found)


def _phone_regions(identifiers: list[tuple[str, str]]) -> set[str]:
    import phonenumbers

    numbers = [phonenumbers.parse(value) for kind, value in identifiers if kind == "phone"]
    return {region for number in numbers if (region := phonenumbers.region_code_for_number(number))}
