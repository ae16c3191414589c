"""Segment's calls without erased people: their own calls go whole, other people's lose what mentions them.

A call is the person's when it carries their login, e-mail, phone, number or order; or one of their devices and nobody else's login. A call of
somebody else on a device of theirs stays and loses the device: two people share a tablet, and only one asked.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from omnichannel_assets.erasure.suppression import Raw, Suppression

if TYPE_CHECKING:
    import pyarrow as pa

JSON_COLUMNS = ("properties", "traits", "context")
TEXT_COLUMNS = ("event", "query", "group_id", "first_name", "last_name", "campaign_id", "promotion_id")


@dataclass(frozen=True)
class Cleaned:
    """Rows that stay, rows that go, and how many of those that stay were changed."""

    kept: pa.Table
    gone: pa.Table
    redacted: int

    @property
    def is_unchanged(self) -> bool:
        return not self.gone.num_rows and not self.redacted


def clean_calls(calls: pa.Table, suppression: Suppression, people: Collection[str]) -> Cleaned:
    """Typed calls, staged or about to be. ``people`` are the identifier types that name a person; the others are devices.

    A call that breaks a rule (``rule``, ``payload``) goes when its payload mentions an erased person.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    erased, own = _owners(calls, suppression, people)
    if "rule" in calls.column_names:
        rules, payloads = calls["rule"].to_pylist(), calls["payload"].to_pylist()
        for at, rule in enumerate(rules):
            erased[at] = suppression.mentions(payloads[at] or "") if rule is not None else erased[at]
    mask = pa.array(erased, pa.bool_())
    kept = calls.filter(pc.invert(mask))
    cleaned, changed = _without_mentions(kept, suppression, {raw for raw, verdict in own.items() if verdict[0]})
    return Cleaned(cleaned, calls.filter(mask), changed)


def clean_payloads(rows: pa.Table, suppression: Suppression) -> Cleaned:
    """Quarantined rows: one that mentions an erased person goes whole."""
    import pyarrow as pa
    import pyarrow.compute as pc

    mask = pa.array([suppression.mentions(payload or "") for payload in rows["payload"].to_pylist()], pa.bool_())
    return Cleaned(rows.filter(pc.invert(mask)), rows.filter(mask), 0)


def _owners(calls: pa.Table, suppression: Suppression, people: Collection[str]) -> tuple[list[bool], dict[Raw, tuple[bool, bool]]]:
    """Whether each call is an erased person's, and the verdicts on all identifiers."""
    carried = _carried(calls)
    verdicts = suppression.verdicts([raw for raws in carried for raw in raws])
    orders = {order: suppression.holds_order(order) for order in calls["order_id"].unique().to_pylist() if order}
    erased = []
    for raws, order in zip(carried, calls["order_id"].to_pylist(), strict=True):
        found = [(raw[0] in people, *verdicts[raw]) for raw in raws]
        names_erased = any(is_person and is_erased for is_person, is_erased, _ in found)
        names_other = any(is_person and points and not is_erased for is_person, is_erased, points in found)
        on_device = any(is_erased for _, is_erased, _ in found)
        erased.append(names_erased or orders.get(order, False) or (on_device and not names_other))
    return erased, verdicts


def _carried(calls: pa.Table) -> list[list[Raw]]:
    columns = (calls[name].to_pylist() for name in ("identifiers", "country", "previous_id"))
    return [
        [*((one["identifier_type"], one["value"], country) for one in identifiers or ()), *((kind, previous, None) for kind in ("user_id", "anonymous_id") if previous)]
        for identifiers, country, previous in zip(*columns, strict=True)
    ]


def _without_mentions(calls: pa.Table, suppression: Suppression, erased: Collection[Raw]) -> tuple[pa.Table, int]:
    """The calls without erased identifiers and mentions, and how many of them changed."""
    changed: set[int] = set()
    known = {(kind, value) for kind, value, _ in erased}
    for name in (*JSON_COLUMNS, *TEXT_COLUMNS):
        clean = suppression.redacted_json if name in JSON_COLUMNS else suppression.redacted
        calls = mapped(calls, name, lambda text, clean=clean: None if text is None else clean(text), changed)
    if known:
        calls = mapped(calls, "identifiers", lambda held: [one for one in held or () if (one["identifier_type"], one["value"]) not in known], changed)
        for name in ("user_id", "anonymous_id"):
            calls = mapped(calls, name, lambda value, name=name: None if (name, value) in known else value, changed)
    calls = mapped(calls, "products", lambda held: None if held is None else [_clean_product(one, suppression) for one in held], changed)
    return calls, len(changed)


def _clean_product(product: dict[str, Any], suppression: Suppression) -> dict[str, Any]:
    name = product.get("name")
    return product if not name else product | {"name": suppression.redacted(name)}


def mapped(table: pa.Table, name: str, clean: Any, changed: set[int]) -> pa.Table:
    """A column with a function applied where it changes something; notes which rows."""
    import pyarrow as pa

    before = table[name].to_pylist()
    after = [clean(value) for value in before]
    rows = {at for at, (old, new) in enumerate(zip(before, after, strict=True)) if old != new}
    if not rows:
        return table
    changed |= rows
    field = table.schema.field(name)
    return table.set_column(table.column_names.index(name), field, pa.array(after, field.type))
