"""Asking the command many times in one process: what a query or an explanation prints."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from typing import Any

import pytest

from omnichannel_assets import cli
from omnichannel_assets_tests.command.conftest import OURS, Said, Shop


def ask(shop: Shop, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Said:
    """Run the command here, in the shop's folder, over its lake."""
    monkeypatch.chdir(shop.folder)
    for name in OURS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.argv", ["omnichannel", *arguments, "--lake", "lake"])
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as ended:
        cli.main()
    return Said(int(ended.value.code or 0), out.getvalue(), err.getvalue())


def rows(shop: Shop, monkeypatch: pytest.MonkeyPatch, query: str) -> list[dict[str, Any]]:
    """Rows of a query, by way of the command's JSON."""
    said = ask(shop, monkeypatch, "sql", query, "--format", "json")
    assert said.code == 0, said
    return json.loads(said.out)


def csv_rows(said: Said) -> list[dict[str, str]]:
    """Rows the command printed as CSV."""
    return list(csv.DictReader(io.StringIO(said.out)))
