"""``omnichannel plan`` and ``omnichannel apply``: look at exactly what a delivery would send, then send it.

Here: options and words. Not here: planning and applying (assets/delivery_plan). Counts are printed; payloads, which hold ids and addresses, only
when they are asked for.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from omnichannel_assets.commands.printing import plain
from omnichannel_assets.commands.shared_options import lake_option, opened_workspace, require_lake

if TYPE_CHECKING:
    from omnichannel_assets.assets.delivery_plan import CampaignSize, DeliveryPlan, PlannedStream


@click.command("plan")
@lake_option
@click.option("--payloads", type=click.IntRange(0), default=0, help="Show so many payloads of each stream, as they would leave. They name people.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How the plan is printed.")
def plan_command(lake_uri: str | None, payloads: int, form: str) -> None:
    """Show what a delivery of the newest as-of date would send, by channel and stream. Sends and writes nothing."""
    from omnichannel_assets.assets.delivery_plan import plan_delivery

    workspace = opened_workspace(lake_uri=lake_uri)
    require_lake(workspace)
    found = plan_delivery(workspace, payloads=payloads)
    if form == "json":
        click.echo(json.dumps(asdict(found), default=plain, indent=1))
        return
    click.echo("\n".join(plan_lines(found)))


@click.command("apply")
@click.argument("plan_id")
@lake_option
def apply_command(plan_id: str, lake_uri: str | None) -> None:
    """Send what the plan of that id shows, its questions answered with yes; refused when anything has moved since it was shown."""
    from omnichannel_assets.assets.delivery_plan import apply_plan
    from omnichannel_assets.errors import UserError

    workspace = opened_workspace(lake_uri=lake_uri)
    require_lake(workspace)
    with workspace.lake.writing():
        reports = apply_plan(workspace, plan_id)
    for report in reports:
        channel = next(iter(report.manifests), "")
        for name, words in report.figures.items():
            if name != "as_of":
                click.echo(f"{channel:<12} {name:<22} {words}")
    unfinished = [report.unfinished for report in reports if report.unfinished]
    if unfinished:
        raise UserError("\n".join(unfinished))


def plan_lines(found: DeliveryPlan) -> list[str]:
    """A plan as a person reads it: the campaigns and their sizes first, then what would leave."""
    lines = [f"Plan {found.id}, as of {found.as_of}", ""]
    for size in found.sizes:
        lines += [f"{size.audience:<22} {_size_words(size)}", *([f"{'':<22} {size.power}"] if size.power else [])]
    lines += ["", f"{'channel':<12} {'stream':<22} {'new':>8} {'changed':>8} {'leaving':>8} {'again':>8} {'same':>9}"]
    for stream in found.streams:
        numbers = (stream.new, stream.changed, stream.leaving, stream.again)
        lines.append(f"{stream.channel:<12} {stream.stream:<22} " + " ".join(f"{number:>8,}" for number in numbers) + f" {stream.unchanged:>9,}{_told(stream)}")
        lines += [f"    {json.dumps(payload, default=plain, sort_keys=True)}" for payload in stream.payloads]
    lines += ["", "Nothing was sent."]
    if found.questions:
        lines.append(f"{len(found.questions)} of these streams wait for an answer: a delivery sends nothing of them until `omnichannel apply {found.id}` says yes.")
    return [*lines, f"Next: omnichannel apply {found.id}" if any(stream.sends for stream in found.streams) else "Nothing to do."]


def _size_words(size: CampaignSize) -> str:
    people = size.treatment + size.control
    words = f"{people:,} people: {size.treatment:,} treatment, {size.control:,} held out; {size.entering:,} of them new"
    left = [(size.not_contactable, "may not be contacted"), (size.cooling_off, "were contacted by it too lately"), (size.over_cap, "were contacted often enough this week")]
    told = ", ".join(f"{number:,} {why}" for number, why in left if number)
    return f"{words}{f'. Left out: {told}' if told else ''}"


def _told(stream: PlannedStream) -> str:
    words = [f"takes {stream.reach}" if stream.reach else "", stream.note, f"ASKS: {stream.question}" if stream.question else "", f"{stream.without_address:,} without an address there" if stream.without_address else ""]
    told = "; ".join(word for word in words if word)
    return f"  {told}" if told else ""
