"""``omnichannel erase``: one person out of everything the lake holds and every channel it told, with a certificate.

Here: asking, refusing, printing. Not here: what is removed (``assets/erasure``).
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from omnichannel_assets.commands.printing import show_progress
from omnichannel_assets.commands.shared_options import lake_option, landing_option, opened_workspace, require_lake
from omnichannel_assets.errors import InputError

if TYPE_CHECKING:
    from omnichannel_assets.erasure.certificate import Certificate


@click.command()
@click.argument("customer_or_identifier", required=False)
@click.option("--resume", is_flag=True, help="Finish erasures that were interrupted, and ask channels again that could not be reached.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@landing_option
@lake_option
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How the certificate is printed.")
@click.option("--quiet", is_flag=True, help="No progress on stderr.")
def erase(customer_or_identifier: str | None, resume: bool, yes: bool, landing_uri: str | None, lake_uri: str | None, form: str, quiet: bool) -> None:
    """Remove a person from every table, file and channel for good, and certify it. There is no way back."""
    workspace = opened_workspace(landing_uri=landing_uri, lake_uri=lake_uri)
    require_lake(workspace)
    show_progress(quiet)
    if not resume and not customer_or_identifier:
        raise InputError("erase", "nothing", expected="an identifier or customer_id, or --resume", fix="name the person")
    from omnichannel_assets.assets.erasure import unfinished

    with workspace.lake.writing():
        waiting = unfinished(workspace)
        if customer_or_identifier:
            _require_consent(yes)
        for erasure_id in waiting:
            _print(_finished(workspace, erasure_id), form)
        if resume:
            _ask_channels_again(workspace, len(waiting))
        if customer_or_identifier:
            _erase(workspace, customer_or_identifier, yes, form)


def _require_consent(yes: bool) -> None:
    if not yes and not sys.stdin.isatty():
        raise InputError("erase", "no terminal to ask on", expected="a person's yes", fix="add --yes")


def _erase(workspace: Any, asked: str, yes: bool, form: str) -> None:
    from omnichannel_assets.assets.erasure import begin, erased_before
    from omnichannel_assets.explain import find_customer
    from omnichannel_assets.lake.public import public_engine

    before = erased_before(workspace, asked)
    if before:
        click.echo(f"Erased before: {', '.join(f'erasures/{one}.md' for one in before)}. Nothing is left to do.")
        return
    with public_engine(workspace.lake, workspace.tables) as engine:
        customer_id, _ = find_customer(workspace, engine, asked, "erase")
    if not yes:
        click.confirm(f"Erase {customer_id} from {workspace.settings.lake_uri} and every channel, for good?", abort=True, err=True)
    _print(_finished(workspace, begin(workspace, customer_id).erasure_id), form)


def _finished(workspace: Any, erasure_id: str) -> Certificate:
    from omnichannel_assets.assets.erasure import finish
    from omnichannel_assets.run import refresh_trusted
    from omnichannel_assets.settings import dagster_home

    return finish(workspace, erasure_id, lambda: refresh_trusted(workspace), dagster_home=dagster_home())


def _ask_channels_again(workspace: Any, finished: int) -> None:
    from omnichannel_assets.assets.deletions import send_deletions

    states = send_deletions(workspace)
    told = ", ".join(f"{number:,} {state}" for state, number in sorted(states.items()))
    click.echo(f"{finished:,} interrupted erasures finished; requests to channels: {told or 'none'}.")


def _print(certificate: Certificate, form: str) -> None:
    click.echo(json.dumps(certificate.plain(), indent=1, ensure_ascii=False) if form == "json" else "\n".join(certificate.lines()))
    if form == "text":
        click.echo(f"\nCertificate: erasures/{certificate.erasure_id}.md and .json below the lake. Next: omnichannel run delivers without this person.")
