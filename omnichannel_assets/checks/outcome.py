"""The outcome of a check, as plain values that a manifest can keep and Dagster can show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from omnichannel_assets.errors import UserError


@dataclass(frozen=True)
class CheckOutcome:
    """One check on one table or partition. ``details`` hold counts and rule names, never row values."""

    name: str
    passed: bool
    blocking: bool = True
    details: Mapping[str, Any] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """The outcome as JSON-ready values."""
        return asdict(self)


class ChecksFailedError(UserError):
    """A blocking check failed; the table was left as it was."""

    def __init__(self, table: str, failed: Mapping[str, list[CheckOutcome]]):
        self.table = table
        self.failed = failed
        shown = "; ".join(
            f"{value or 'table'}: {outcome.name} {dict(outcome.details)}"
            for value, outcomes in list(failed.items())[:5]
            for outcome in outcomes
        )
        super().__init__(f"{table}: blocking checks failed, the last good rows stay in place ({shown})")


def failures(outcomes: Iterable[CheckOutcome]) -> list[CheckOutcome]:
    """The outcomes that must stop publication."""
    return [outcome for outcome in outcomes if outcome.blocking and not outcome.passed]
