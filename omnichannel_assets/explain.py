"""``omnichannel explain``: one customer as the lake knows them, and why: identifiers, the links that joined them, sources, orders, behaviour."""

import re
from typing import Any

from omnichannel_assets.errors import InputError
from omnichannel_assets.lake.engine import Engine
from omnichannel_assets.lake.public import public_engine
from omnichannel_assets.resources.workspace import Workspace

CUSTOMER_ID = re.compile(r"c_[0-9a-f]{16}")
RECENT = 10


def explain(workspace: Workspace, asked: str) -> dict[str, Any]:
    """Everything about the customer behind a customer_id or any identifier, as plain values.

    Keys: asked, customer, identifiers, joined_by, history, orders, behaviour, recent. Raises InputError when nobody is found, and when a
    value names several people (as identifiers of different types).
    """
    with public_engine(workspace.lake, workspace.tables) as engine:
        customer_id, note = _find(workspace, engine, asked)
        identifiers = _records(engine, "select identifier_type, identifier_value, first_known_at from identities where customer_id = $c order by 1, 2", customer_id)
        return {
            "asked": asked,
            "note": note,
            "customer": next(iter(_records(engine, "select * from customers where customer_id = $c", customer_id)), {"customer_id": customer_id}),
            "identifiers": identifiers,
            "joined_by": _joining_links(engine, customer_id),
            "history": _records(engine, "select as_of, change, from_customer_id, cause from identity_changes where to_customer_id = $c order by as_of, change desc", customer_id),
            "orders": _records(engine, f"select order_id, channel, ordered_at, total, currency, status, source from orders where customer_id = $c order by ordered_at desc, order_id limit {RECENT}", customer_id),
            "behaviour": _records(engine, "select event_type, count(*) as events, max(event_at) as last_at from interactions where customer_id = $c group by 1 order by 2 desc, 1", customer_id),
            "recent": _records(
                engine,
                f"select i.event_at, i.event_type, i.item_id, p.name, i.channel, i.quantity, i.\"value\" from interactions as i left join products as p on p.product_id = i.item_id "
                f"where i.customer_id = $c order by i.event_at desc, i.event_type, i.item_id limit {RECENT}",
                customer_id,
            ),
        }


def _find(workspace: Workspace, engine: Engine, asked: str) -> tuple[str, str]:
    if CUSTOMER_ID.fullmatch(asked):
        return _living(engine, asked)
    found = engine.rows(
        "select distinct customer_id, identifier_type, identifier_value from identities where list_contains($spellings, identifier_value) order by identifier_type",
        {"spellings": _spellings(workspace, asked)},
    )
    people = {customer_id for customer_id, _, _ in found}
    if not people:
        raise InputError("explain", "an identifier nobody has", expected="a customer_id, e-mail, phone, login, customer number or device id of the lake", fix="check the spelling")
    if len(people) > 1:
        raise InputError("explain", f"one that {len(people)} customers have", expected="an identifier of one customer", fix=f"use one of the customer ids {', '.join(sorted(people))}")
    return people.pop(), f"found as {' and '.join(sorted({kind for _, kind, _ in found}))}"


def _living(engine: Engine, customer_id: str) -> tuple[str, str]:
    """The customer that an id belongs to now: merged ids are followed."""
    seen = [customer_id]
    while not engine.rows("select 1 from identities where customer_id = $c limit 1", {"c": seen[-1]}):
        onward = engine.rows("select to_customer_id from identity_changes where change = 'merge' and from_customer_id = $c order by as_of desc limit 1", {"c": seen[-1]})
        if not onward or onward[0][0] in seen:
            raise InputError("explain", "a customer_id the lake does not know", expected="a customer_id of this lake", fix="check that it comes from this lake and key")
        seen.append(onward[0][0])
    return seen[-1], f"merged: {' -> '.join(seen)}" if len(seen) > 1 else "found as customer_id"


def _spellings(workspace: Workspace, asked: str) -> list[str]:
    """The value as typed and as identity would normalise it, for each kind of identifier."""
    import pyarrow as pa

    from omnichannel_assets.identity.normalise import normalise_identifiers

    kinds = ["user_id", "email", "phone"]
    regions = pa.array([None] * len(kinds), pa.string())
    table = pa.table({"identifier_type": kinds, "raw_value": [asked] * len(kinds), "country": regions})
    return sorted({asked, *(value for value in normalise_identifiers(table, workspace.rules)["identifier_value"].to_pylist() if value)})


def _joining_links(engine: Engine, customer_id: str) -> list[dict[str, Any]]:
    """The earliest links that together hold the customer's identifiers in one piece: each joined parts that were apart before it."""
    rows = engine.rows(
        """select l.source, l.link_id, l.known_at, list(distinct l.identifier_type || ':' || l.identifier_value order by l.identifier_type || ':' || l.identifier_value)
        from identifiers as l join identities as i on i.identifier_type = l.identifier_type and i.identifier_value = l.identifier_value
        where i.customer_id = $c group by l.source, l.link_id, l.known_at having count(*) > 1 order by l.known_at, l.source, l.link_id""",
        {"c": customer_id},
    )
    group: dict[str, str] = {}

    def root(value: str) -> str:
        while group.setdefault(value, value) != value:
            value = group[value]
        return value

    joining = []
    for source, link_id, known_at, values in rows:
        roots = {root(value) for value in values}
        if len(roots) > 1:
            joining.append({"link": f"{source}:{link_id}", "known_at": known_at, "identifiers": values})
            first, *others = sorted(roots)
            group.update(dict.fromkeys(others, first))
    return joining


def _records(engine: Engine, sql: str, customer_id: str) -> list[dict[str, Any]]:
    return engine.query(sql, {"c": customer_id}).to_pylist()
