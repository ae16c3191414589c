"""One channel's delivery of one as-of date: whether a stream is sent, who has to leave it, how it ended, and what the models say of its rows.

Here: what the channels' deliveries share. Not here: what a channel is sent (``deliveries``), the ledger's storage (``ledgers``).
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from omnichannel_assets.activation.calls import CallHook
from omnichannel_assets.activation.ledger import Content, keys_of
from omnichannel_assets.assets.as_of import parameters_at, register_world
from omnichannel_assets.assets.ledgers import DELIVERED, STARTED, StoredLedger
from omnichannel_assets.assets.steps import log
from omnichannel_assets.lake.engine import Engine, model_text
from omnichannel_assets.resources.approvals import is_approved
from omnichannel_assets.resources.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass
class StreamResult:
    """What a delivery did for one stream. ``note`` says in words why nothing was sent, when nothing was."""

    loaded: int = 0
    unchanged: int = 0
    removed: int = 0
    failed: int = 0
    rejected: int = 0
    without_address: int = 0
    left_out: int = 0
    note: str = ""
    is_held: bool = False
    """It waits for a person's approval."""


@dataclass
class Delivery:
    """One channel's delivery of one as-of date."""

    workspace: Workspace
    channel: str
    as_of: date
    hook: CallHook
    stored: StoredLedger
    results: dict[str, StreamResult] = field(default_factory=dict)
    is_released: bool = False
    """A person has looked at a plan of exactly this and answered its questions."""
    told: dict[str, str] = field(default_factory=dict)
    """What else a person should know of it, such as an id to write into a setting: name -> text."""
    shown: dict[str, str] = field(default_factory=dict)
    """Title -> Markdown, for the catalog."""

    def wants(self, stream: str, *, is_campaign: bool) -> bool:
        """Whether a stream is to be sent now; if not, the result says why."""
        started, delivered = self.stored.mark(STARTED, stream), self.stored.mark(DELIVERED, stream)
        note = ""
        if started and self.as_of < started:
            note = f"nothing sent: {started} was sent before, and {self.as_of} is older"
        elif delivered == self.as_of:
            note = f"nothing sent: {self.as_of} is delivered already"
        is_held = not note and is_campaign and not is_approved(self.workspace, self.as_of)
        if is_held:
            note = f"waits for approval: omnichannel approve {self.as_of}"
        self.results[stream] = StreamResult(note=note, is_held=is_held)
        return not note

    def stop(self, stream: str, note: str, *, is_unexpected: bool = False) -> None:
        """Send nothing for a stream, and say why."""
        self.results[stream].note = note
        log.log(logging.WARNING if is_unexpected else logging.INFO, "%s %s: %s", self.channel, stream, note)

    def holds(self, stream: str) -> bool:
        """Whether the destination took anything of a stream before."""
        return self.stored.ledger.has(stream, "loaded")

    def held(self, stream: str, cleared: Mapping[str, Any]) -> int:
        """How many keys the destination holds and was not told to let go of."""
        return self.stored.ledger.held(stream, Content("", None, cleared).hash)

    def leavers(self, stream: str, wanted: Sequence[Content], cleared: Mapping[str, Any]) -> list[Content]:
        """What tells the destination that a key it holds is no longer wanted. A removal that did not end well is among them again."""
        unwanted = self.stored.ledger.unwanted(stream, keys_of(wanted), Content("", None, cleared).hash)
        return [Content(entry.destination_key, entry.customer_id, cleared, insists=True) for entry in unwanted]

    def count(self, stream: str, wanted: Sequence[Content], leaving: Sequence[Content], attempted: Sequence[str] | pa.Array) -> None:
        """Fill in the result from the ledger: how the attempted keys ended."""
        import pyarrow as pa
        import pyarrow.compute as pc

        sent, result = attempted if isinstance(attempted, pa.Array) else pa.array(attempted, pa.string()), self.results[stream]
        states = Counter(self.stored.ledger.states(stream, sent))
        result.loaded, result.failed, result.rejected = (states[state] for state in ("loaded", "failed", "rejected"))
        result.removed = pc.sum(pc.is_in(keys_of(leaving), value_set=sent)).as_py() or 0
        result.unchanged = len(wanted) + len(leaving) - len(attempted)
        log.log(logging.WARNING if result.failed else logging.INFO, "%s %s as of %s: %s", self.channel, stream, self.as_of, in_words(result))

    def unfinished(self) -> str:
        """What another run has to do, on one line; empty when nothing is left."""
        failed = {stream: result.failed for stream, result in self.results.items() if result.failed}
        told = ", ".join(f"{number:,} {'row' if number == 1 else 'rows'} of {stream}" for stream, number in failed.items())
        return f"{self.channel}: {told} could not be sent. Fix: {TRY_AGAIN}; delivery_ledger holds what the destination said." if told else ""


TRY_AGAIN = "run again to send what failed"


def in_words(result: StreamResult) -> str:
    """A stream's result on one line."""
    numbers = {
        "loaded": result.loaded,
        "of these removals": result.removed,
        "unchanged": result.unchanged,
        "failed": result.failed,
        "rejected": result.rejected,
        "without an address": result.without_address,
        "rows left out of the file": result.left_out,
    }
    told = ", ".join(f"{number:,} {name}" for name, number in numbers.items() if number or (name == "loaded" and not result.note))
    return "; ".join(part for part in (result.note, told, TRY_AGAIN if result.failed else "") if part)


class World:
    """Models of a delivery: as-of tables of the date that is delivered, everything else (consent, addresses, stock) as the lake knows it now, whatever AS_OF says."""

    def __init__(self, workspace: Workspace, engine: Engine, as_of: date):
        self.workspace, self.engine, self.as_of = workspace, engine, as_of
        self.in_force = max(as_of, workspace.as_of(), workspace.data_clock() or as_of)
        self._registered: set[str] = set()
        self._made: dict[tuple[str, date], pa.Table] = {}

    def rows(self, model: str) -> pa.Table:
        """The rows of a model, made once: the same world gives the same."""
        key = (model, self.in_force)
        if key not in self._made:
            self._registered |= set(register_world(self.workspace, self.engine, [model], self.in_force, self.as_of, self._registered))
            self._made[key] = self.engine.query(model_text(model), parameters_at(self.workspace, self.in_force))
        return self._made[key]
