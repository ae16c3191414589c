"""``omnichannel explain``: one customer as the lake knows them, and why: identifiers, the links that joined them, sources, orders, behaviour.

``explain`` finds it all as plain values; ``explain_lines`` lays them out for a person.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from omnichannel_assets.errors import InputError
from omnichannel_assets.lake.engine import Engine, quoted
from omnichannel_assets.lake.public import public_engine
from omnichannel_assets.lake.tables_identity import SHARED_IDENTIFIERS
from omnichannel_assets.portrait.drawing import drawn, picture_format
from omnichannel_assets.portrait.ties import MOST_APART, Portrait, portrait
from omnichannel_assets.resources.workspace import Workspace

CUSTOMER_ID = re.compile(r"c_[0-9a-f]{16}")
HISTORY = """with journal as (
    select as_of, change, from_customer_id, to_customer_id, cause, false as is_correction from identity_changes where $c in (from_customer_id, to_customer_id)
    union all select as_of, change, from_customer_id, to_customer_id, cause, true from identity_corrections where $c in (from_customer_id, to_customer_id)
)
select *, case when is_correction then 'corrected: ' else '' end || change || case
    when from_customer_id = to_customer_id then ' (this part kept the id)'
    when from_customer_id = $c then coalesce(' into ' || to_customer_id, ' (nothing is left of it)')
    else coalesce(' ' || from_customer_id, '') end as words
from journal order by as_of, is_correction, change desc, from_customer_id, to_customer_id, cause"""
"""Journal rows about a customer: along the as-of axis, and corrections of what an earlier run had published."""
RECENT = 10
"""Orders and interactions shown, newest first."""


def explain(workspace: Workspace, asked: str) -> dict[str, Any]:
    """Everything about the customer behind a customer_id or any identifier, as plain values.

    Keys: asked, customer, fields, consents, attributes, identifiers, joined_by, apart, history, orders, behaviour, recent, scores, features, audiences, recommendations, sent. Raises InputError when nobody is found, and when a
    value names several people (as identifiers of different types).
    """
    with public_engine(workspace.lake, workspace.tables) as engine:
        customer_id, note = _find(workspace, engine, asked)
        identifiers = _records(
            engine,
            "select identifier_type, identifier_value, first_known_at from identities where customer_id = $c order by 1, 2",
            customer_id,
        )
        return {
            "asked": asked,
            "note": note,
            "customer": next(
                iter(_records(engine, "select * from customers where customer_id = $c", customer_id)), {"customer_id": customer_id}
            ),
            "identifiers": identifiers,
            **_joined(portrait(workspace, engine, customer_id)),
            "history": _records(engine, HISTORY, customer_id),
            "orders": _records(
                engine,
                f"select order_id, channel, ordered_at, total, currency, status, source from orders where customer_id = $c order by ordered_at desc, order_id limit {RECENT}",
                customer_id,
            ),
            "behaviour": _records(
                engine,
                "select event_type, count(*) as events, max(event_at) as last_at from interactions where customer_id = $c group by 1 order by 2 desc, 1",
                customer_id,
            ),
            "recent": _records(
                engine,
                f'select i.event_at, i.event_type, i.item_id, p.name, i.channel, i.quantity, i."value" from interactions as i left join products as p on p.product_id = i.item_id '
                f"where i.customer_id = $c order by i.event_at desc, i.event_type, i.item_id limit {RECENT}",
                customer_id,
            ),
            **_told(engine, customer_id),
            **_acted_on(engine, customer_id),
        }


def _told(engine: Engine, customer_id: str) -> dict[str, list[dict[str, Any]]]:
    """Who told each field, when, and why that value won; every choice about being contacted; what Segment computed itself."""
    questions = {
        "fields": "select field, value, source, told_at, reason, alternatives from customer_fields where customer_id = $c order by field",
        "consents": "select channel, opted_in, chosen_at, source, is_current from consents where customer_id = $c order by channel, chosen_at desc, source",
        "attributes": "select kind, name, value, set_at, source from customer_attributes where customer_id = $c order by kind, name",
    }
    return {key: _records(engine, sql, customer_id) for key, sql in questions.items()}


def draw(workspace: Workspace, asked: str, path: Path) -> None:
    """Draw the identifiers and links of the customer behind an id or identifier into a file. Raises InputError, also for a file name that is no picture's."""
    form = picture_format(path)
    with public_engine(workspace.lake, workspace.tables) as engine:
        customer_id, _ = _find(workspace, engine, asked)
        found = portrait(workspace, engine, customer_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(drawn(found, form))


def _joined(found: Portrait) -> dict[str, list[dict[str, Any]]]:
    """Links that joined the customer's identifiers, and identifiers that were seen with them and are not the customer's."""
    joined_by = [
        {"link": tie.link, "known_at": tie.known_at, "identifiers": list(tie.names), "is_weak": tie.is_weak} for tie in found.joining
    ]
    return {"joined_by": joined_by, "apart": [asdict(other) for other in found.apart]}


def _acted_on(engine: Engine, customer_id: str) -> dict[str, list[dict[str, Any]]]:
    """What was made of the customer: scores, features, arms and list of the newest date, and everything that was sent, the newest first."""

    def newest(table: str, columns: str = "*", order: str = "1") -> list[dict[str, Any]]:
        sql = f"select {columns} from {table} where customer_id = $c and as_of = (select max(as_of) from {table}) order by {order}"
        return _records(engine, sql, customer_id)

    return {
        "scores": newest("propensity_scores"),
        "features": newest("customer_features"),
        "audiences": newest("audiences", "audience, arm, as_of"),
        "recommendations": _records(
            engine,
            f"select r.rank, r.item_id, p.name, r.reason, r.as_of from recommendations as r left join products as p on p.product_id = r.item_id "
            f"where r.customer_id = $c and r.as_of = (select max(as_of) from recommendations) and r.rank <= {RECENT} order by r.rank",
            customer_id,
        ),
        "sent": _records(
            engine,
            "select channel, stream, destination_key, state, as_of, updated_at, attempts, words from delivery_ledger where customer_id = $c order by updated_at desc, channel, stream",
            customer_id,
        ),
    }


def _find(workspace: Workspace, engine: Engine, asked: str) -> tuple[str, str]:
    if CUSTOMER_ID.fullmatch(asked):
        return _living(engine, asked)
    found = engine.rows(
        "select distinct customer_id, identifier_type, identifier_value from identities where list_contains($spellings, identifier_value) order by identifier_type",
        {"spellings": _spellings(workspace, asked, _countries(workspace, engine))},
    )
    people = {customer_id for customer_id, _, _ in found}
    if not people:
        _refuse_shared(workspace, engine, asked)
        raise InputError(
            "explain",
            "an identifier nobody has",
            expected="a customer_id, e-mail, phone, login, customer number or device id of the lake",
            fix="check the spelling",
        )
    if len(people) > 1:
        raise InputError(
            "explain",
            f"one that {len(people)} customers have",
            expected="an identifier of one customer",
            fix=f"use one of the customer ids {', '.join(sorted(people))}",
        )
    return people.pop(), f"found as {' and '.join(sorted({kind for _, kind, _ in found}))}"


def _refuse_shared(workspace: Workspace, engine: Engine, asked: str) -> None:
    """Say of an identifier that several people use since when it belongs to nobody. Raises InputError."""
    engine.register_files(SHARED_IDENTIFIERS, workspace.lake.paths(SHARED_IDENTIFIERS))
    spellings = _spellings(workspace, asked, _countries(workspace, engine))
    found = engine.rows("select min(shared_from) from shared_identifiers where list_contains($spellings, identifier_value)", {"spellings": spellings})
    if found[0][0]:
        raise InputError(
            "explain",
            f"one that several people share: it belongs to nobody since {found[0][0]}",
            expected="an identifier of one customer",
            fix="ask for one of the people it was seen with",
        )


def _living(engine: Engine, customer_id: str) -> tuple[str, str]:
    """The customer that an id belongs to now: ids that were merged, re-keyed or split are followed."""
    seen = [customer_id]
    while not engine.rows("select 1 from identities where customer_id = $c limit 1", {"c": seen[-1]}):
        onward = engine.rows(
            "select to_customer_id from (select * from identity_changes union all select * from identity_corrections) as journal "
            "where change in ('merge', 'rekey', 'split') and from_customer_id = $c and to_customer_id is not null and not list_contains($seen, to_customer_id) "
            "order by as_of desc, change, to_customer_id limit 1",
            {"c": seen[-1], "seen": seen},
        )
        if not onward:
            raise InputError(
                "explain",
                "a customer_id the lake does not know",
                expected="a customer_id of this lake",
                fix="check that it comes from this lake and key",
            )
        seen.append(onward[0][0])
    return seen[-1], f"merged: {' -> '.join(seen)}" if len(seen) > 1 else "found as customer_id"


def _countries(workspace: Workspace, engine: Engine) -> list[str]:
    """Countries that rows of the lake name: a phone may be asked for the way people there write it."""
    named = [(f"dms_{spec.name}", spec.country_column) for spec in workspace.registry.values() if spec.country_column]
    parts = [f"select {quoted(column)} as country from {quoted(table)}" for table, column in [("segment_events", "country"), *named]]
    return [
        country
        for (country,) in engine.rows(
            f"select distinct country from ({' union all '.join(parts)}) as named where country is not null order by country"
        )
    ]


def _spellings(workspace: Workspace, asked: str, countries: list[str]) -> list[str]:
    """The value as typed and as identity would normalise it, for each kind of identifier and as a phone of each country."""
    import pyarrow as pa

    from omnichannel_assets.identity.normalise import normalise_identifiers

    kinds = ["user_id", "email", "phone", *(["phone"] * len(countries))]
    regions = pa.array([None, None, None, *countries], pa.string())
    table = pa.table({"identifier_type": kinds, "raw_value": [asked] * len(kinds), "country": regions})
    return sorted({asked, *(value for value in normalise_identifiers(table, workspace.rules)["identifier_value"].to_pylist() if value)})


def _records(engine: Engine, sql: str, customer_id: str) -> list[dict[str, Any]]:
    return engine.query(sql, {"c": customer_id}).to_pylist()


Record = dict[str, Any]
SECTIONS: tuple[tuple[str, str, Callable[[Record], tuple[Any, ...]]], ...] = (
    (
        "fields",
        "Fields: who told them, when, and why that value",
        lambda r: (r["field"], r["value"], r["source"], r["told_at"], r["reason"], f"{r['alternatives']} lost" if r["alternatives"] else ""),
    ),
    (
        "consents",
        "Choices about being contacted, the newest of each channel first",
        lambda r: (r["channel"], "yes" if r["opted_in"] else "no", r["chosen_at"], r["source"], "in force" if r["is_current"] else ""),
    ),
    ("attributes", "Computed by Segment (to look at only)", lambda r: (r["kind"], r["name"], r["value"], r["set_at"], r["source"])),
    ("audiences", "Audiences and arm", lambda r: (r["audience"], r["arm"], f"as of {r['as_of']}")),
    ("recommendations", f"Recommended, the first {RECENT}", lambda r: (r["rank"], r["item_id"], r["name"], r["reason"])),
    (
        "sent",
        "What was sent, the newest first",
        lambda r: (r["channel"], r["stream"], r["state"], f"as of {r['as_of']}", r["updated_at"], r["destination_key"], r["words"]),
    ),
    (
        "identifiers",
        "Identifiers, and when each was first known",
        lambda r: (r["identifier_type"], r["identifier_value"], r["first_known_at"]),
    ),
    (
        "joined_by",
        "Links that joined them",
        lambda r: (r["known_at"], r["link"], " + ".join(r["identifiers"]), "weak: nothing else joins its two sides" if r["is_weak"] else ""),
    ),
    (
        "apart",
        f"Seen with them and not joined, the first {MOST_APART}",
        lambda r: (r["first_at"], r["first_link"], f"{r['kind']}:{r['value']}", f"in {r['links']:,} link{'s' if r['links'] > 1 else ''}", r["why"]),
    ),
    (
        "history",
        "How the customer came to be (as-of date, change, cause)",
        lambda r: (r["as_of"], r["words"], r["cause"]),
    ),
    (
        "orders",
        f"Orders, the newest {RECENT}",
        lambda r: (r["ordered_at"], r["order_id"], r["channel"], f"{r['total']} {r['currency'] or ''}", r["status"], f"from {r['source']}"),
    ),
    ("behaviour", "Behaviour", lambda r: (r["event_type"], f"{r['events']:,}", "last", r["last_at"])),
    ("recent", f"Interactions, the newest {RECENT}", lambda r: (r["event_at"], r["event_type"], r["item_id"], r["name"])),
)
"""What follows the profile: key of the record list, title, and the cells of one record."""


def explain_lines(found: Record) -> list[str]:
    """What ``explain`` found, laid out for a person."""
    customer = found["customer"]
    name = " ".join(filter(None, (customer.get("first_name"), customer.get("last_name"))))
    title = name or ("a known customer" if customer.get("is_known") else "a visitor")
    lines = [f"{customer['customer_id']}  {title}  ({found['note']})", "", *_aligned(_profile(customer))]
    for score in found["scores"]:
        lines += ["", f"Scores as of {score['as_of']}", *_aligned(_scores(score))]
    for key, heading, cells in SECTIONS:
        if found[key]:
            lines += ["", heading, *_aligned(cells(record) for record in found[key])]
    for features in found["features"]:
        told = [(name.replace("_", " "), value) for name, value in features.items() if name not in ("customer_id", "as_of") and value is not None]
        lines += ["", f"Features as of {features['as_of']}", *_aligned((name, _number(value)) for name, value in told)]
    return lines


def _scores(score: Record) -> list[tuple[Any, ...]]:
    rows = [
        ("leaving", score["churn_score"], score["churn_band"], score["churn_reasons"]),
        ("buying again", score["repurchase_score"], f"decile {score['repurchase_decile']}", score["repurchase_reasons"]),
        ("ending the subscription", score["subscription_churn_score"], "", ""),
    ]
    return [(name, f"{value:.0%}", band, reasons) for name, value, band, reasons in rows if value is not None] or [("no model could be trained", "", "", "")]


def _number(value: Any) -> str:
    return f"{value:,.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _profile(customer: Record) -> list[tuple[Any, ...]]:
    """Label, value and source of each field that has a value."""
    get = customer.get
    opted_in = {True: "yes", False: "no", None: None}[get("email_opt_in")]
    rows = [
        ("e-mail", get("email"), get("email_source")),
        ("phone", get("phone"), get("phone_source")),
        ("user id", get("user_id"), None),
        ("customer number", get("customer_ref"), None),
        ("name", " ".join(filter(None, (get("first_name"), get("last_name")))), get("name_source")),
        ("address", ", ".join(filter(None, (get("street"), get("city"), get("postcode"), get("country")))), get("address_source")),
        ("born", get("birth_date"), None),
        (
            "may be e-mailed",
            f"{opted_in}, chosen {_cell(get('email_opt_in_at'))}" if opted_in else "not known: never asked",
            get("email_opt_in_source"),
        ),
        ("seen", f"{_cell(get('first_seen_at'))} to {_cell(get('last_seen_at'))}", None),
        ("orders", f"{get('orders'):,}, worth {get('lifetime_value'):,} {get('currency') or ''} after refunds" if get("orders") else "none", None),
        ("prefers", ", ".join(filter(None, (get("preferred_channel"), get("preferred_store"), get("favourite_categories")))), None),
        ("devices", f"{get('devices')} ({get('device_kinds')})" if get("devices") else None, None),
    ]
    return [(label, value, f"from {source}" if source else "") for label, value, source in rows if value]


def _aligned(rows: Iterable[tuple[Any, ...]]) -> list[str]:
    texts = [[_cell(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    return ["  " + "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in texts]


def _cell(value: Any) -> str:
    """Instants to the second, nothing for NULL."""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return "" if value is None else str(value)
