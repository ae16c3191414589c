"""How commands print: rows as a table, CSV or JSON on stdout; progress on stderr."""

from __future__ import annotations

import csv
import json
import logging
import sys
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import click


def show_progress(quiet: bool) -> None:
    """Progress and warnings on stderr; only warnings when quiet."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s  %(message)s", "%H:%M:%S"))
    logger = logging.getLogger("omnichannel_assets")
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel(logging.WARNING if quiet else logging.INFO)


def plain(value: Any) -> Any:
    """What JSON shows for a value it has no form for."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def cell(value: Any) -> str:
    """A value in a printed table."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S.%f").rstrip("0").rstrip(".")
    if isinstance(value, dict | list):
        return json.dumps(value, default=plain, ensure_ascii=False)
    return str(value).lower() if isinstance(value, bool) else str(value)


def print_rows(columns: list[str], rows: list[tuple[Any, ...]], form: str) -> None:
    """Rows on stdout as ``table``, ``csv`` or ``json``."""
    if form == "json":
        click.echo(json.dumps([dict(zip(columns, row, strict=True)) for row in rows], default=plain, indent=1, ensure_ascii=False))
    elif form == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([value.isoformat() if isinstance(value, datetime) else cell(value) for value in row] for row in rows)
    else:
        from tabulate import tabulate

        click.echo(tabulate([[cell(value) for value in row] for row in rows], headers=columns, disable_numparse=True))
