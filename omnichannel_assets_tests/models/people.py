"""Rows people are made of, and the customer table with what stands behind it: fields and consents are built from the same rows first."""

from datetime import date

from omnichannel_assets.assets.consent import choices_sql
from omnichannel_assets.assets.steps import STEPS, read_by
from omnichannel_assets.dms.registry import load_registry
from omnichannel_assets.lake.tables_customers import SHOP_CHOICES
from omnichannel_assets_tests.models.rows import LAWS, TABLES, built, engine, identity, moment, pa, person, version

DAY = date(2026, 11, 10)
CARDS = [identity("customer_ref", "C-1", 1), identity("customer_ref", "C-2", 1), identity("email", "a@x", 1)]


def link(identifier_type: str, value: str, link_id: str = "m-1", source: str = "segment", known: str = "11-10 00:00") -> dict:
    return {"source": source, "link_id": link_id, "known_at": moment(known), "identifier_type": identifier_type, "identifier_value": value}


def card(ref: str = "C-1", number: int = 1, known: str = "11-10 12:00", until: str | None = None, /, **columns) -> dict:
    row = {"customer_id": ref, "version": number, "created_at": moment("11-10 11:00"), "updated_at": moment(known)}
    return version(known, until, **row | columns)


def call(message_id: str = "m-1", event_at: str = "11-10 10:00", known: str = "11-10 10:01", **columns) -> dict:
    row = {"message_id": message_id, "type": "identify", "event_at": moment(event_at), "known_at": moment(known), "identifiers": [], "is_computed": False, "receipt_suspect": False}
    return row | {"event_time_suspect": False, "source_id": "s", "received_day": DAY, "file": "f", "line": 1} | columns


def unsubscribed(message_id: str, event_at: str, known: str | None = None, **columns) -> dict:
    row = {"message_id": message_id, "item_id": "", "event_type": "Unsubscribed", "event_at": moment(event_at), "known_at": moment(known or event_at), "event_time_suspect": False}
    return row | {"identifier_type": "email", "identifier_value": "a@x", "other_identifiers": [], "received_day": DAY} | columns


def order(order_id: str, total: object, currency: str | None = "GBP", status: str | None = "completed", at: str = "11-11 00:00", customer: int | None = 1, **columns) -> dict:
    row = {"order_id": order_id, "customer_id": person(customer) if customer else None, "channel": "online", "ordered_at": moment(at), "known_at": moment(at), "source": "dms"}
    return row | {"total": total, "currency": currency, "status": status} | columns


def shop_choices(cards: list[dict]) -> list[dict]:
    """The answers of some customer records, read as the registry that comes with the package says."""
    engine().register("dms_customers", pa.Table.from_pylist(cards, schema=TABLES["dms_customers"].arrow()))
    return engine().model(SHOP_CHOICES, sql=choices_sql(load_registry()["customers"])).to_pylist()


def customers(identities: list[dict] = CARDS, suite: bool = False, **inputs: list[dict]) -> list[dict]:
    """The customer table of some rows."""
    told = {"identities": identities, "shop_choices": shop_choices(inputs.get("dms_customers", [])), **inputs}
    for model in ("customer_fields", "consents", "customers"):
        law = [f"conservation/{model}"] if (LAWS / f"{model}.sql").is_file() else []
        read = set(read_by(model, *law)) - STEPS
        told[model] = built(model, suite=suite, **{name: rows for name, rows in told.items() if name in read})
    return told["customers"]
