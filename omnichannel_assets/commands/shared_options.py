"""What every command takes: the lake and landing options, the workspace they open, a date."""

from __future__ import annotations

from datetime import date
from typing import Any

import click

from omnichannel_assets.errors import InputError
from omnichannel_assets.settings import load_settings

landing_option = click.option("--landing", "landing_uri", metavar="PATH", help="Landing zone (default: LANDING_URI).")
lake_option = click.option("--lake", "lake_uri", metavar="PATH", help="Lake (default: LAKE_URI).")
format_option = click.option(
    "--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True, help="How rows are printed."
)


def date_of(text: str) -> date:
    """An argument as a date. Raises InputError."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError("DATE", repr(text), expected="a date written YYYY-MM-DD", fix="write 2026-01-31, for example") from None


def opened_workspace(**options: Any) -> Any:
    """The workspace that these options (settings by field name; None: not given), the environment and ``.env`` name."""
    from omnichannel_assets.resources.workspace import Workspace

    return Workspace(load_settings(options))


def require_lake(workspace: Any) -> None:
    """Raise InputError when the lake does not exist yet."""
    from omnichannel_assets.lake.tables import LANDING_FILES

    if workspace.lake.manifest(LANDING_FILES.name) is None:
        raise InputError(
            "LAKE_URI", repr(workspace.settings.lake_uri), expected="a lake", fix="name one with --lake, or make it with `omnichannel run`"
        )
