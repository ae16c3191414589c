"""``omnichannel matches``: look at proposed pairs of customer records, and say which are one person. Here: options and printing."""

from __future__ import annotations

from typing import Any

import click

from omnichannel_assets.commands.printing import print_rows
from omnichannel_assets.commands.shared_options import format_option, lake_option, opened_workspace, require_lake

# Said again here because asking for help must not load the identity code; a test holds the two together.
STATES = ("accepted", "to_review", "rejected", "kept_apart", "blocked")
SHOWN = ("left_ref", "right_ref", "probability", "state", "explanation", "doubt", "proposed_as_of", "linked_as_of")


@click.group()
def matches() -> None:
    """Pairs of customer records that are probably one person (with IDENTITY_MATCHING=on): list them, accept or reject one."""


@matches.command("list")
@lake_option
@click.option("--state", type=click.Choice(STATES), help="Only pairs in this state.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="Pairs to show, the least certain first.")
@format_option
def list_matches(lake_uri: str | None, state: str | None, limit: int, form: str) -> None:
    """Show proposed pairs: those that wait for a person first, then the least probable."""
    from omnichannel_assets.lake.tables_identity import IDENTITY_MATCHES

    workspace = opened_workspace(lake_uri=lake_uri)
    require_lake(workspace)
    rows = [row for row in workspace.lake.read(IDENTITY_MATCHES).to_pylist() if state in (None, row["state"])]
    rows.sort(key=lambda row: (row["state"] != "to_review", row["probability"], row["left_ref"], row["right_ref"]))
    print_rows(list(SHOWN), [tuple(row[name] for name in SHOWN) for row in rows[:limit]], form)
    if form == "table":
        click.echo(f"{min(limit, len(rows)):,} of {len(rows):,} pairs. Next: omnichannel matches accept (or reject) LEFT RIGHT")


@matches.command()
@click.argument("left_ref", metavar="LEFT")
@click.argument("right_ref", metavar="RIGHT")
@lake_option
def accept(left_ref: str, right_ref: str, lake_uri: str | None) -> None:
    """Say that two records are one person: the next run joins them, unless the limits of identity forbid it."""
    _review(lake_uri, left_ref, right_ref, "accepted")


@matches.command()
@click.argument("left_ref", metavar="LEFT")
@click.argument("right_ref", metavar="RIGHT")
@lake_option
def reject(left_ref: str, right_ref: str, lake_uri: str | None) -> None:
    """Say that two records are two people: the next run takes the link away, and no other proposal joins them."""
    _review(lake_uri, left_ref, right_ref, "rejected")


def _review(lake_uri: str | None, left_ref: str, right_ref: str, verdict: Any) -> None:
    from omnichannel_assets.resources.match_reviews import review_match

    workspace = opened_workspace(lake_uri=lake_uri)
    require_lake(workspace)
    with workspace.lake.writing():
        explanation = review_match(workspace, left_ref, right_ref, verdict)
    click.echo(f"{verdict.capitalize()}: {explanation}.")
    click.echo("Next: omnichannel run honours it.")
