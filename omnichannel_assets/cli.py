"""The ``omnichannel`` command. Results go to stdout, progress and errors to stderr; exit 0 done, 1 failed, 2 wrong use, 130 interrupted.

Here: options, printing. Not here: what the commands do.
"""

import json
import shutil
import sys
from contextlib import ExitStack
from pathlib import Path

import click

from omnichannel_assets import __version__
from omnichannel_assets.commands.deliver import apply_command, plan_command
from omnichannel_assets.commands.erase import erase
from omnichannel_assets.commands.evaluate import evaluate
from omnichannel_assets.commands.evaluate_identity import evaluate_identity
from omnichannel_assets.commands.identity import identity
from omnichannel_assets.commands.lift import lift
from omnichannel_assets.commands.matches import matches
from omnichannel_assets.commands.printing import plain, print_rows, show_progress
from omnichannel_assets.commands.shared_options import date_of, format_option, lake_option, landing_option, opened_workspace, require_lake
from omnichannel_assets.errors import InputError, UserError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__)
def cli() -> None:
    """One view of each customer, from Segment and DMS files to scores, audiences and deliveries."""


@cli.command()
@landing_option
@lake_option
@click.option("--as-of", metavar="DATE", help="Describe what was known before 00:00 UTC of this date (default: the data clock).")
@click.option("--quiet", is_flag=True, help="No progress on stderr.")
def run(landing_uri: str | None, lake_uri: str | None, as_of: str | None, quiet: bool) -> None:
    """Bring a lake up to date with the landing zone: tables, scores, audiences; then deliver as DELIVERY_MODE says."""
    workspace = opened_workspace(landing_uri=landing_uri, lake_uri=lake_uri, as_of=as_of)
    show_progress(quiet)
    from omnichannel_assets.run import run_graph
    from omnichannel_assets.summary import summary_lines

    _ = workspace.landing  # fails early, with one line
    result = run_graph(workspace)
    click.echo("\n".join(summary_lines(workspace, result)))
    if result.unfinished:
        raise UserError("\n".join(result.unfinished))
    click.echo(f'Next: omnichannel sql "select * from customers limit 5" --lake {workspace.settings.lake_uri}')


@cli.command()
@click.argument("query")
@lake_option
@format_option
def sql(query: str, lake_uri: str | None, form: str) -> None:
    """Query the lake's tables by name: one SELECT."""
    from omnichannel_assets.lake.public import public_engine

    workspace = opened_workspace(lake_uri=lake_uri)
    require_lake(workspace)
    with public_engine(workspace.lake, workspace.tables) as engine:
        columns, rows = engine.select(query)
    print_rows(columns, rows, form)


@cli.command()
@click.argument("customer_or_identifier")
@lake_option
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How the answer is printed.")
@click.option("--picture", metavar="FILE", help="Draw why it is one person into an .svg or .png file instead.")
def explain(customer_or_identifier: str, lake_uri: str | None, form: str, picture: str | None) -> None:
    """Show one customer: identifiers, the links that joined them, where each field came from, orders and behaviour."""
    from omnichannel_assets.explain import draw, explain_lines
    from omnichannel_assets.explain import explain as explained

    workspace = opened_workspace(lake_uri=lake_uri)
    require_lake(workspace)
    if picture:
        draw(workspace, customer_or_identifier, Path(picture))
        click.echo(f"Picture: {picture}")
        return
    found = explained(workspace, customer_or_identifier)
    click.echo(json.dumps(found, default=plain, indent=1, ensure_ascii=False) if form == "json" else "\n".join(explain_lines(found)))


@cli.command()
@click.option("--out", metavar="PATH", default="data/landing", show_default=True, help="New folder for the landing zone.")
@click.option("--truth", metavar="PATH", default="data/truth", show_default=True, help="New folder for the truth.")
@click.option("--customers", type=click.IntRange(1), default=1500, show_default=True, help="People in the made-up shop.")
@click.option("--days", type=click.IntRange(1), default=120, show_default=True, help="Received days.")
@click.option("--seed", type=int, default=7, show_default=True, help="Another seed gives another shop; the same one the same bytes.")
def sample(out: str, truth: str, customers: int, days: int, seed: int) -> None:
    """Write a made-up shop's landing zone, in Segment's and DMS's formats, and the truth about it."""
    from omnichannel_assets.sample import sample_settings, write_sample

    partial = Path(out).with_name(f".{Path(out).name}.partial")
    if Path(out).exists() and any(Path(out).iterdir()):
        raise InputError("--out", repr(out), expected="a new or empty folder", fix="name another one, or remove it")
    shutil.rmtree(partial, ignore_errors=True)
    counts = write_sample(partial, Path(truth), customers=customers, days=days, seed=seed)
    bounds = "".join(f"{name}={value}\n" for name, value in sample_settings(counts).items())
    (partial / "sample.env").write_text(f"# Bounds of this sample; read only together with this landing zone.\n{bounds}", encoding="utf-8")
    partial.replace(out)  # an interrupted sample leaves no half landing zone behind
    click.echo(
        f"{counts.customers:,} customers, {counts.orders:,} orders, {counts.lines_in_files:,} Segment lines in {out}; the truth in {truth}."
    )
    click.echo(f"Next: omnichannel run --landing {out}")


@cli.command()
@lake_option
@click.option("--truth", required=True, metavar="DIR", help="Truth folder written with the landing zone.")
@format_option
def verify(lake_uri: str | None, truth: str, form: str) -> None:
    """Compare a lake with the truth about its landing zone. Exit 1 when a figure does not hold."""
    from omnichannel_assets.checks.truth import verify as compared

    workspace = opened_workspace(lake_uri=lake_uri)
    require_lake(workspace)
    figures = compared(workspace, Path(truth))
    shown = {True: "yes", False: "NO", None: ""}
    print_rows(["figure", "value", "holds"], [(figure.name, figure.value, shown[figure.holds]) for figure in figures], form)
    if any(figure.holds is False for figure in figures):
        raise UserError("verify: the lake differs from the truth where `holds` says NO")


@cli.command()
@lake_option
@click.option("--out", metavar="FILE", default="data/report.html", show_default=True, help="The page to write.")
def report(lake_uri: str | None, out: str) -> None:
    """Write one HTML page about a lake: scores, audiences, deliveries, recommendations, where every row went."""
    from omnichannel_assets.report import report_page

    workspace = opened_workspace(lake_uri=lake_uri)
    require_lake(workspace)
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    Path(out).write_text(report_page(workspace), encoding="utf-8")
    click.echo(f"Report: {out}")


@cli.command()
@click.argument("as_of", metavar="DATE")
@lake_option
def approve(as_of: str, lake_uri: str | None) -> None:
    """Release the audiences of an as-of date for campaigns (with AUDIENCE_APPROVAL=required none leaves before)."""
    from omnichannel_assets.resources.approvals import approve_audiences

    workspace = opened_workspace(lake_uri=lake_uri)
    require_lake(workspace)
    with workspace.lake.writing():
        found = approve_audiences(workspace, date_of(as_of))
    for audience, arms in found.items():
        click.echo(f"{audience}: {', '.join(f'{number:,} {arm}' for arm, number in arms.items())}")
    click.echo(f"Approved {as_of}. Next: omnichannel run (or the sensor) delivers.")


@cli.command()
@lake_option
@click.option("--port", type=click.IntRange(1, 65535), default=8791, show_default=True, help="Port on this machine.")
@click.option("--fault", "faults", multiple=True, metavar="FAULT", help="Fail on demand, e.g. segment:throttle,seconds=3,count=2; may be given several times.")
def sandbox(lake_uri: str | None, port: int, faults: tuple[str, ...]) -> None:
    """Stand in for Segment and Personalize: speak their protocols, check every request, keep an inbox under the lake, show it as a page."""
    from omnichannel_assets.resources.channels import sandbox_folder
    from omnichannel_assets.sandbox.faults import fault_of
    from omnichannel_assets.sandbox.server import serve as serve_sandbox

    workspace = opened_workspace(lake_uri=lake_uri)
    folder = sandbox_folder(workspace)
    told = f"inbox in {folder}. Deliveries and the web service use it with SANDBOX_URL="
    serve_sandbox(folder, port, lambda url: click.echo(f"Sandbox on {url}, {told}{url}"), [fault_of(text) for text in faults])


@cli.command()
@lake_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 lets other machines ask.")
@click.option("--port", type=click.IntRange(1, 65535), default=8790, show_default=True, help="Port to listen on.")
def serve(lake_uri: str | None, host: str, port: int) -> None:
    """Answer the shop's pages: recommendations, and Segment's webhook. What it answers is told at /docs."""
    from omnichannel_assets.resources.channels import sandbox_folder
    from omnichannel_assets.sandbox.server import reached
    from omnichannel_assets.serving.app import serve as serve_shop
    from omnichannel_assets.serving.channels_relay import relay_of

    workspace = opened_workspace(lake_uri=lake_uri)
    require_lake(workspace)
    with ExitStack() as stack:
        url = None
        if workspace.settings.delivery_mode == "sandbox":
            url = workspace.settings.sandbox_url or stack.enter_context(reached(sandbox_folder(workspace)))
            workspace = opened_workspace(lake_uri=lake_uri, sandbox_url=url)
        click.echo(f"Answering on http://{host}:{port}; what it answers: http://{host}:{port}/docs" + (f"; sandbox: {url}" if url else ""))
        serve_shop(workspace, host, port, relay=relay_of(workspace, url))


cli.add_command(identity)
cli.add_command(matches)
cli.add_command(evaluate)
cli.add_command(evaluate_identity)
cli.add_command(lift)
cli.add_command(erase)
cli.add_command(plan_command)
cli.add_command(apply_command)


def main() -> None:
    """Run the command; a person's mistake is one line on stderr."""
    try:
        code = cli.main(prog_name="omnichannel", standalone_mode=False)
    except UserError as error:
        click.echo("\n".join(f"error: {line}" for line in str(error).splitlines()), err=True)
        sys.exit(1)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted; running again is safe", err=True)
        sys.exit(130)
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
