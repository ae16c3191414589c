"""Runs one model over hand-made rows on the lake's own engine, and holds its contract and conservation law against what comes out."""

import atexit
import functools
import shutil
import tempfile
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from omnichannel_assets.activation.machine_events import ADDRESS_PATTERN, AGENT_PATTERN, SECONDS
from omnichannel_assets.assets.steps import STEPS, conserved, read_by
from omnichannel_assets.checks.contracts import contract
from omnichannel_assets.checks.expectations import SUITES, run_suite
from omnichannel_assets.lake.engine import Engine, model_text
from omnichannel_assets.lake.lake import Lake
from omnichannel_assets.lake.store import LocalStore
from omnichannel_assets.lake.tables import STATIC_TABLES
from omnichannel_assets.resources.workspace import DEFAULT_DMS_TABLES
from omnichannel_assets.segment.events import event_names
from omnichannel_assets.settings import NOT_MERCHANDISE

TABLES = {table.name: table for table in STATIC_TABLES} | DEFAULT_DMS_TABLES
AS_OF = datetime(2026, 11, 20, tzinfo=UTC)
PARAMETERS = {"as_of": AS_OF, "as_of_date": AS_OF.date(), "not_merchandise": NOT_MERCHANDISE, "online_store_ids": ["web"], "mostly_bad_share": 0.5, "identifier_salt": "salt", "known_types": ["customer_ref", "email", "phone", "user_id"], "contacts_a_week": 2, "week_before": AS_OF.date() - timedelta(days=7)}
PARAMETERS |= {"machine_agents": AGENT_PATTERN, "machine_addresses": ADDRESS_PATTERN, "machine_seconds": SECONDS}
TEXT, MOMENT, DAY = pa.string(), pa.timestamp("us", tz="UTC"), pa.date32()
CALLS = TABLES["segment_events"]
OTHER_INPUTS = {
    "event_names": event_names().schema,
    "segment_calls": pa.schema([pa.field("rule", TEXT), *CALLS.arrow(), pa.field("payload", TEXT)]),
    "read_calls": pa.schema([pa.field("rule", TEXT), *CALLS.arrow(), pa.field("payload", TEXT), pa.field("text", TEXT)]),
    "usable_calls": pa.schema([pa.field("rule", TEXT), *CALLS.arrow(), pa.field("payload", TEXT), pa.field("text", TEXT)]),
    "vanished_calls": CALLS.arrow(),
    "arrived_files": pa.schema([("file", TEXT)]),
    "refund_fates": pa.schema([("message_id", TEXT), ("order_id", TEXT), ("fate", TEXT)]),
    "mostly_bad_files": pa.schema([("file", TEXT), ("lines", pa.int64()), ("bad", pa.int64())]),
    "vanished_lines": TABLES["segment_quarantine"].arrow(),
    "unreadable_lines": pa.schema([("rule", TEXT), ("file", TEXT), ("line", pa.int64()), ("payload", TEXT), ("received_day", DAY)]),
    "audiences_until": TABLES["audiences"].arrow(),
    "scores_until": TABLES["propensity_scores"].arrow(),
    "campaign_days": pa.schema([("audience", TEXT), ("days", pa.int64())]),
    "earlier_controls": TABLES["control_identifiers"].arrow(),
    "identities_history": TABLES["identities"].arrow(),
    "earlier_entries": TABLES["audience_entries"].arrow(),
    "previous_audiences": TABLES["audiences"].arrow(),
    "previous_identities": TABLES["identities"].arrow(),
    "chosen": pa.schema([("audience", TEXT), ("customer_id", TEXT)]),
    "arms": pa.schema([("audience", TEXT), ("customer_id", TEXT), ("arm", TEXT), ("variant", TEXT)]),
    "campaign_rules": pa.schema([("audience", TEXT), ("priority", pa.int64()), ("is_contact", pa.bool_()), ("cools_since", DAY)]),
    "campaign_variants": pa.schema([("audience", TEXT), ("variant", TEXT)]),
    "campaign_choices": pa.schema([("audience", TEXT), ("customer_id", TEXT), ("outcome", TEXT), ("entered_on", DAY), ("arm", TEXT), ("variant", TEXT)]),
    "raw_links": pa.schema([("source", TEXT), ("link_id", TEXT), ("known_at", MOMENT), ("identifier_type", TEXT), ("raw_value", TEXT), ("country", TEXT)]),
    "normal_identifiers": pa.schema([("identifier_type", TEXT), ("raw_value", TEXT), ("country", TEXT), ("identifier_value", TEXT), ("is_blocked", pa.bool_())]),
    "numbered_identifiers": pa.schema([("number", pa.int64()), ("identifier_type", TEXT), ("identifier_value", TEXT), ("customer_id", TEXT)]),
    "identifier_priority": pa.schema([("identifier_type", TEXT), ("priority", pa.int64())]),
    "cutoff_features": pa.schema([field.with_name("cutoff") if field.name == "as_of" else field for field in TABLES["customer_features"].arrow()]),
    "cutoff_identities": pa.schema([("cutoff", DAY), ("identifier_type", TEXT), ("identifier_value", TEXT), ("customer_id", TEXT)]),
    "message_identifiers": pa.schema([("received_day", DAY), ("message_id", TEXT), ("identifiers", TABLES["order_facts"].arrow().field("other_identifiers").type)]),
}
LAWS = Path(__file__).parents[2] / "omnichannel_assets" / "sql" / "conservation"


def moment(text: str) -> datetime:
    """``11-19 10:30`` of 2026, UTC; or a whole ISO date and time."""
    return datetime.fromisoformat(text if len(text) > 11 else f"2026-{text}").replace(tzinfo=UTC)


def person(number: int) -> str:
    """A customer id."""
    return f"c_{number:016x}"


def identity(identifier_type: str, value: str, customer: int, *, valid_to: date | None = None, first_known_at: datetime | None = None) -> dict:
    known = first_known_at or moment("10-01 00:00")
    return {"identifier_type": identifier_type, "identifier_value": value, "customer_id": person(customer), "first_known_at": known, "valid_from": known.date(), "valid_to": valid_to}


def version(known: str, until: str | None = None, /, **columns) -> dict:
    """One row version of a shop table, known from ``known`` until (exclusive) ``until``."""
    row = {"known_at": moment(known), "valid_from": moment(known), "valid_to": moment(until) if until else None, "is_deleted": False, "known_at_assumed": False}
    return row | {"op": "I", "version": 1, "object_key": "k", "object_etag": "e", "row": 1} | columns


def product(item_id: str, quantity: int | None = 1, price: object = None) -> dict:
    return {"item_id": item_id, "product_id": item_id, "sku": None, "name": None, "category": None, "price": price, "quantity": quantity}


@functools.cache
def engine() -> Engine:
    """One engine for the process: opening one costs more than most models."""
    folder, stack = Path(tempfile.mkdtemp()), ExitStack()
    opened = stack.enter_context(Lake(LocalStore(folder)).engine())
    opened.run_script("set threads = 1")
    atexit.register(lambda: (stack.close(), shutil.rmtree(folder, ignore_errors=True)))
    return opened


def register(*models: str, **inputs: list[dict]) -> None:
    """Make the inputs of some models readable: given rows, ``event_names`` as it is, all others empty. An unknown input is a mistake."""
    read = read_by(*models)
    named = set(read) - STEPS
    assert set(inputs) <= named, f"{models} do not read {set(inputs) - named}"
    for name in named:
        schema = TABLES[name].arrow() if name in TABLES else OTHER_INPUTS.get(name)
        if name == "event_names" and name not in inputs:
            engine().register(name, event_names())
        elif schema is not None:
            rows = inputs.get(name, [])
            assert {key for row in rows for key in row} <= set(schema.names), f"{name} has other columns"
            engine().register(name, pa.Table.from_pylist(rows, schema=schema))
    for step in (name for name in read if name in STEPS):
        engine().store_query(step, model_text(step), PARAMETERS)


def built(model: str, *, suite: bool = False, parameters: dict | None = None, **inputs: list[dict]) -> list[dict]:
    """The rows of a declared table's model in the order of its key; its contract and conservation law must hold."""
    table, bound = TABLES[model], PARAMETERS | (parameters or {})
    law = f"conservation/{model}" if (LAWS / f"{model}.sql").is_file() else None
    register(model, *([law] if law else []), **inputs)
    data = engine().model(table, bound)
    outcomes = [contract(table, data)]
    if law:
        outcomes += conserved(engine(), table, data, bound).values()
    if suite and model in SUITES:
        outcomes.append(run_suite(model, data))
    assert [outcome for outcome in outcomes if not outcome.passed] == []
    rows = data.sort_by([(name, "ascending") for name in table.key]) if data.num_rows else data
    return rows.to_pylist()


def queried(model: str, **inputs: list[dict]) -> list[dict]:
    """The rows of a model that is no table of the lake, in no order."""
    register(model, **inputs)
    return engine().query(model_text(model), PARAMETERS).to_pylist()


def part(rows: list[dict], *names: str) -> list[tuple]:
    """Some columns of rows."""
    return [tuple(row[name] for name in names) for row in rows]


TICK = timedelta(microseconds=1)
