"""Links written as a person would, turned into the table that resolve takes. Only for tests of identity."""

import dataclasses
import datetime
from collections.abc import Iterable

import pyarrow as pa

from omnichannel_assets.identity.links import LINKS_SCHEMA
from omnichannel_assets.identity.rules import DEFAULT_RULES, SharedRules

KEY = b"a key for tests only"
PLAIN_RULES = dataclasses.replace(DEFAULT_RULES, shared=SharedRules())
"""Those of the shipped file, with the detection of shared identifiers off: the rules of specs/segment.md 5.3 and nothing more."""


def at(text: str) -> datetime.datetime:
    """'2024-03-01 09:30' in UTC."""
    return datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC)


def day(text: str) -> datetime.date:
    """'2024-03-01'."""
    return datetime.date.fromisoformat(text)


def links_table(links: Iterable[tuple[str, str, dict[str, str | list[str]]]], source: str = "segment") -> pa.Table:
    """Links as (link_id, known_at text, {identifier type: value or values}) -> LINKS_SCHEMA, one row per identifier."""
    rows = [
        {"source": source, "link_id": link_id, "known_at": at(known_at), "identifier_type": kind, "identifier_value": value}
        for link_id, known_at, identifiers in links
        for kind, values in identifiers.items()
        for value in ([values] if isinstance(values, str) else values)
    ]
    return pa.Table.from_pylist(rows, schema=LINKS_SCHEMA)


def customers_of(mapping: pa.Table) -> dict[str, str]:
    """'type:value' -> customer_id."""
    return {f"{row['identifier_type']}:{row['identifier_value']}": row["customer_id"] for row in mapping.to_pylist()}


def groups_of(mapping: pa.Table) -> set[frozenset[str]]:
    """The customers as sets of 'type:value', whatever their ids."""
    groups: dict[str, set[str]] = {}
    for identifier, customer in customers_of(mapping).items():
        groups.setdefault(customer, set()).add(identifier)
    return {frozenset(group) for group in groups.values()}
