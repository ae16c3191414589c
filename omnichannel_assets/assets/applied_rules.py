"""Which identity rules the stored identities were made with, and the gate: rules that a person changed take effect only when applied.

Here: the record of applied rules, what differs from those in force, and the refusal. Not here: planning and applying (rules_plan).
The record is a readable JSON file in the lake; it is compared by content, so that a new version of the algorithm alone closes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from omnichannel_assets.errors import UserError
from omnichannel_assets.identity.rules import IdentityRules
from omnichannel_assets.lake.lake import digest_of
from omnichannel_assets.lake.tables_identity import IDENTITIES
from omnichannel_assets.resources.workspace import Workspace

RULES_KEY = "identity_rules.json"
NOT_SHOWN = ("blocked.values", "shared.values")
"""Lists that may hold somebody's address: of these only numbers are told."""


@dataclass(frozen=True)
class ChangedRule:
    """One rule that differs: its name in the file, and what it was and is, in words."""

    name: str
    before: str
    after: str


def applied_rules(workspace: Workspace) -> dict[str, Any] | None:
    """What the rules of the stored identities say (``IdentityRules.content``); None when the lake has no identities or no record of them."""
    store = workspace.lake.store
    if workspace.lake.manifest(IDENTITIES.name) is None or not store.exists(RULES_KEY):
        return None
    return json.loads(store.read(RULES_KEY))


def record_rules(workspace: Workspace) -> None:
    """Note the rules in force as the applied ones."""
    text = json.dumps(workspace.rules.content(), sort_keys=True, indent=1, ensure_ascii=False) + "\n"
    store = workspace.lake.store
    if not store.exists(RULES_KEY) or store.read(RULES_KEY) != text.encode():
        store.write(RULES_KEY, text.encode())


def rules_digest(rules: IdentityRules) -> str:
    """Digest of what the rules say, whatever the algorithm."""
    return digest_of(rules.content())


def changed_rules(workspace: Workspace) -> list[ChangedRule]:
    """How the rules in force differ from the applied ones; nothing for a lake without either."""
    before, after = applied_rules(workspace), json.loads(json.dumps(workspace.rules.content()))
    if before is None:
        return []
    return [change for name in sorted({*before, *after}) if before.get(name) != after.get(name) for change in _changes(name, before.get(name), after.get(name))]


def require_applied(workspace: Workspace) -> None:
    """Raise UserError when the rules in force are not those of the stored identities: then nothing may be made with them yet."""
    changed = changed_rules(workspace)
    if not changed:
        return
    from omnichannel_assets.assets.rules_plan import plan_rules  # deferred: a plan is made with the steps that ask this

    effects = plan_rules(workspace).effects
    raise UserError(
        f"IDENTITY_RULES: {', '.join(change.name for change in changed)} changed since the identities were made and not applied; "
        f"applying them splits {effects.split:,}, merges {effects.merge:,} and re-keys or ends {effects.rekey + effects.end:,} customers. "
        "Fix: omnichannel identity plan, then omnichannel identity apply with the plan's id"
    )


def _changes(name: str, before: Any, after: Any) -> list[ChangedRule]:
    if name in NOT_SHOWN or name == "blocked.patterns":
        one, other = ({json.dumps(entry) for entry in entries or []} for entries in (before, after))
        added, removed = (sorted(json.loads(text) for text in texts) for texts in (other - one, one - other))
        if name in NOT_SHOWN:
            return [ChangedRule(name, f"{len(one)} entries", f"{len(other)} entries ({len(added)} added, {len(removed)} removed)")]
        return [ChangedRule(name, " ".join(removed) or "nothing more", " ".join(added) or "nothing more")]
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        keys = sorted(key for key in {*before, *after} if before.get(key) != after.get(key))
        return [ChangedRule(f"{name}.{key}", _words(name, before.get(key)), _words(name, after.get(key))) for key in keys]
    return [ChangedRule("DEFAULT_REGION" if name == "default_region" else name, _words(name, before), _words(name, after))]


def _words(name: str, said: Any) -> str:
    """A rule as the file would say it."""
    if said is None:
        return "off" if name == "shared.customers" else "default" if name == "limits" else "none"
    if name in ("limits", "default_limit"):
        count, window = said
        return f"{count} ever" if window == "ever" else f"{count} a {window}"
    if name == "caps":
        return ", ".join(f"{what} {'off' if cap is None else cap}" for what, cap in zip(("merges", "identifiers"), said, strict=True))
    return ", ".join(map(str, said)) if isinstance(said, list) else str(said)
