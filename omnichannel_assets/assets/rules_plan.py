"""Changed identity rules, first looked at and then applied: what they would do to the stored customers, and doing it.

Here: resolving with the rules in force without writing, the plan and its id, applying a plan. Not here: the record of applied rules
and the gate (applied_rules), what a plan looks like on a terminal (commands/identity).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from omnichannel_assets.assets.applied_rules import ChangedRule, applied_rules, changed_rules, record_rules
from omnichannel_assets.assets.identity import resolve_identities
from omnichannel_assets.assets.links import collect_links, links_under
from omnichannel_assets.errors import UserError
from omnichannel_assets.lake.lake import digest_of
from omnichannel_assets.lake.schema import TableSchema
from omnichannel_assets.lake.tables import SEGMENT_DUPLICATES, SEGMENT_EVENTS
from omnichannel_assets.lake.tables_activation import AUDIENCES
from omnichannel_assets.lake.tables_identity import IDENTIFIERS, IDENTITIES
from omnichannel_assets.lake.tables_scores import PROPENSITY_SCORES
from omnichannel_assets.resources.dms_tables import dms_history_table
from omnichannel_assets.resources.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

    from omnichannel_assets.identity.effects import Effects

PLAN_ID_CHARACTERS = 12


@dataclass(frozen=True)
class RulesPlan:
    """What applying the rules in force would do.

    id          changes with the rules, the stored identities and everything links are made of
    changed     rules that differ from the applied ones
    as_of       the date at which customers are compared: that of the stored identities
    in_audience, scored   how many of the customers touched are in the newest audiences, and hold newest scores
    """

    id: str
    changed: list[ChangedRule]
    as_of: date
    effects: Effects
    in_audience: int
    scored: int


def plan_rules(workspace: Workspace) -> RulesPlan:
    """Resolve with the rules in force, write nothing, and tell the difference. Raises UserError for a lake without identities."""
    import pyarrow as pa

    from omnichannel_assets.identity.effects import effects_of
    from omnichannel_assets.identity.resolve import resolve

    manifest = workspace.lake.manifest(IDENTITIES.name)
    if manifest is None:
        raise UserError("identity plan: this lake has no identities yet, the rules hold from the first run on. Fix: omnichannel run")
    key = workspace.settings.identity_key.get_secret_value().encode()
    as_of = workspace.as_of()
    found = resolve(pa.concat_tables(links_under(workspace, workspace.rules)), workspace.rules, key, as_of)
    compared = min(date.fromordinal(manifest.counts["as_of_day"]), as_of)
    effects = effects_of(workspace.lake.read(IDENTITIES), found.identities, compared)
    counted = (_among(workspace, table, effects.touched) for table in (AUDIENCES, PROPENSITY_SCORES))
    return RulesPlan(_plan_id(workspace, manifest.sha256), changed_rules(workspace), compared, effects, *counted)


def apply_rules(workspace: Workspace, plan_id: str) -> RulesPlan:
    """Make the rules in force the applied ones and re-make links, identities and their journals with them; the caller holds the lock.

    Raises UserError, and changes nothing, when the plan of now is not the one asked for.
    """
    plan = plan_rules(workspace)
    if not plan.changed:
        raise UserError("identity apply: the rules in force are already applied, there is nothing to do. Fix: omnichannel run")
    if plan.id != plan_id:
        raise UserError(
            f"identity apply: expected {plan.id}, the plan of the rules and data of now, got {plan_id}: rules or data have moved since. "
            "Fix: look at omnichannel identity plan again, then apply the id it shows"
        )
    # Recorded first: after a crash in between, the next run goes on with the rules that a person has applied.
    record_rules(workspace)
    collect_links(workspace)
    resolve_identities(workspace)
    return plan


def _plan_id(workspace: Workspace, identities: str) -> str:
    specs = [spec for spec in workspace.registry.values() if spec.identifiers]
    tables = (SEGMENT_EVENTS, SEGMENT_DUPLICATES, *map(dms_history_table, specs))
    staged = {table.name: workspace.lake.content_digest(table) for table in (*tables, IDENTIFIERS)}
    said = [[spec.name, spec.key, spec.identifiers, spec.country_column] for spec in specs]
    secret = digest_of(workspace.settings.identity_key.get_secret_value().encode().hex())[:8]
    rules = [applied_rules(workspace), workspace.rules.fingerprint()]
    return digest_of([rules, identities, staged, said, secret, workspace.as_of()])[:PLAN_ID_CHARACTERS]


def _among(workspace: Workspace, table: TableSchema, customers: pa.Array) -> int:
    """How many of these customers the newest date of a table holds."""
    import pyarrow.compute as pc

    values = sorted(workspace.lake.manifests(table))
    if not values:
        return 0
    held = pc.unique(workspace.lake.read(table, values[-1:])["customer_id"])
    return pc.sum(pc.is_in(held, value_set=customers)).as_py() or 0
