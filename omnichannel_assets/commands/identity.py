"""``omnichannel identity``: look at what changed identity rules would do, then apply them.

Here: options and words. Not here: planning and applying (assets/rules_plan). Customer ids and counts are printed, never an identifier.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from omnichannel_assets.commands.printing import plain
from omnichannel_assets.commands.shared_options import lake_option, landing_option, opened_workspace, require_lake

if TYPE_CHECKING:
    from omnichannel_assets.assets.rules_plan import RulesPlan

rules_option = click.option("--rules", metavar="FILE", help="Rules file to look at (default: IDENTITY_RULES).")


@click.group()
def identity() -> None:
    """Change the identity rules safely: `plan` shows what a changed file would do to the customers, `apply` does it."""


@identity.command()
@lake_option
@landing_option
@rules_option
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How the plan is printed.")
def plan(lake_uri: str | None, landing_uri: str | None, rules: str | None, form: str) -> None:
    """Show what the rules would do: customers that split, merge, change id. Writes nothing."""
    from omnichannel_assets.assets.rules_plan import plan_rules

    workspace = opened_workspace(lake_uri=lake_uri, landing_uri=landing_uri, identity_rules=rules)
    require_lake(workspace)
    found = plan_rules(workspace)
    if form == "json":
        click.echo(json.dumps(_plain_plan(found), default=plain, indent=1))
        return
    click.echo("\n".join(plan_lines(found)))
    if found.changed:
        click.echo(f"Next: omnichannel identity apply {found.id}" + (f" --rules {rules}" if rules else ""))


@identity.command()
@click.argument("plan_id")
@lake_option
@landing_option
@rules_option
def apply(plan_id: str, lake_uri: str | None, landing_uri: str | None, rules: str | None) -> None:
    """Apply the plan of that id; refused when rules or data have moved since it was shown."""
    from omnichannel_assets.assets.rules_plan import apply_rules

    workspace = opened_workspace(lake_uri=lake_uri, landing_uri=landing_uri, identity_rules=rules)
    require_lake(workspace)
    with workspace.lake.writing():
        done = apply_rules(workspace, plan_id)
    click.echo(_customers_line(done))
    click.echo("Identities are made anew; what changed about published ids is in identity_corrections, cause `rules changed`.")
    click.echo(f"Next: {f'set IDENTITY_RULES={rules}, then ' if rules else ''}omnichannel run")


def plan_lines(found: RulesPlan) -> list[str]:
    """A plan as a person reads it."""
    if not found.changed:
        return ["The rules in force are the ones the identities were made with: nothing to apply."]
    effects = found.effects
    identifiers = {"blocked from now on": effects.blocked, "shared, so nobody's": effects.shared, "new": effects.carried}
    return [
        f"Plan {found.id}, customers as of {found.as_of}",
        "",
        *_block("Rules", [f"{change.name}: {change.before} -> {change.after}" for change in found.changed]),
        *_block("Customers", [_customers_line(found), f"of those, {found.in_audience:,} are in an audience and {found.scored:,} hold scores"]),
        *_block("Identifiers", [f"{words}: {_counts(counts)}" for words, counts in identifiers.items()]),
        *_block("For example", [f"{change}: {before} -> {', '.join(after)}" for change, before, after in effects.examples] or ["none"]),
        "Nothing was written.",
    ]


def _customers_line(found: RulesPlan) -> str:
    effects = found.effects
    return f"{effects.split:,} split, {effects.merge:,} merge into another, {effects.rekey:,} change id, {effects.end:,} end, {effects.new:,} appear"


def _block(title: str, lines: list[str]) -> list[str]:
    return [*(f"{title if not number else '':<12} {line}" for number, line in enumerate(lines)), ""]


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {kind}" for kind, number in counts.items()) or "none"


def _plain_plan(found: RulesPlan) -> dict[str, Any]:
    effects = asdict(found.effects) | {"touched": len(found.effects.touched)}
    shown = {"plan_id": found.id, "as_of": found.as_of, "rules": [asdict(change) for change in found.changed]}
    return shown | {"effects": effects, "in_audience": found.in_audience, "scored": found.scored}
