"""``omnichannel identity``: a plan that names nobody and writes nothing, and its application."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from omnichannel_assets_tests.command.asking import ask, rows
from omnichannel_assets_tests.command.conftest import Shop
from omnichannel_assets_tests.command.test_privacy import personal, told  # noqa: F401
from omnichannel_assets_tests.integration.running import lake_bytes

TIGHT = "limits: {user_id: 1 ever, email: 1 ever, phone: 1 ever, customer_ref: 1 ever}\ndefault_limit: 1 ever\n"


@pytest.fixture
def rules(tmp_path: Path) -> str:
    path = tmp_path / "rules.yaml"
    path.write_text(TIGHT)
    return str(path)


def test_a_plan_counts_customers_names_nobody_and_ends_in_the_next_step(shop: Shop, rules: str, monkeypatch, personal):  # noqa: F811
    before = lake_bytes(shop.lake, without=())
    said = ask(shop, monkeypatch, "identity", "plan", "--rules", rules, "--landing", "landing")
    assert (said.code, said.err) == (0, "")
    (plan,) = re.findall(r"^Plan ([0-9a-f]{12}), customers as of \d{4}-\d\d-\d\d$", said.out, re.MULTILINE)
    assert re.search(r"^Customers    [1-9]\d* split, 0 merge into another, ", said.out, re.MULTILINE)
    assert re.search(r"^ {13}limits\.email: 5 a year -> 1 ever$", said.out, re.MULTILINE)
    assert said.out.splitlines()[-1] == f"Next: omnichannel identity apply {plan} --rules {rules}"
    assert told(personal, said.out) == set()
    printed = json.loads(ask(shop, monkeypatch, "identity", "plan", "--rules", rules, "--landing", "landing", "--format", "json").out)
    assert (printed["plan_id"], printed["effects"]["split"] > 0) == (plan, True)
    assert lake_bytes(shop.lake, without=()) == before


def test_without_a_change_there_is_nothing_to_apply(shop: Shop, monkeypatch):
    said = ask(shop, monkeypatch, "identity", "plan", "--landing", "landing")
    assert said.out == "The rules in force are the ones the identities were made with: nothing to apply.\n"


def test_a_run_with_changed_rules_stops_with_one_line_until_the_plan_is_applied(shop: Shop, rules: str, monkeypatch, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(shop.folder, folder, ignore=shutil.ignore_patterns("dagster", "truth"))
    copy = Shop(folder, shop.sampled, shop.ran)
    line = copy.ask("run", "--landing", "landing", "--quiet", IDENTITY_RULES=rules).line
    assert line.startswith("error: IDENTITY_RULES: default_limit, limits.customer_ref, limits.email, limits.phone changed since the identities were made")
    plan = json.loads(ask(copy, monkeypatch, "identity", "plan", "--rules", rules, "--landing", "landing", "--format", "json").out)
    assert ask(copy, monkeypatch, "identity", "apply", "0" * 12, "--rules", rules, "--landing", "landing").line.startswith("error: identity apply: expected ")
    said = ask(copy, monkeypatch, "identity", "apply", plan["plan_id"], "--rules", rules, "--landing", "landing")
    assert (said.code, said.out.splitlines()[-1]) == (0, f"Next: set IDENTITY_RULES={rules}, then omnichannel run")
    split = rows(copy, monkeypatch, "select count(distinct from_customer_id) as n from identity_corrections where change = 'split' and cause = 'rules changed'")
    assert split == [{"n": plan["effects"]["split"]}]


def test_a_mistake_in_the_rules_file_is_one_line(shop: Shop, monkeypatch, tmp_path):
    path = tmp_path / "wrong.yaml"
    path.write_text("limits: {email: many}\n")
    line = ask(shop, monkeypatch, "identity", "plan", "--rules", str(path), "--landing", "landing").line
    assert line == f"error: IDENTITY_RULES: expected field limits.email: a limit such as 1 ever, 5 a year, 5 a month or 5 a week, got 'many' (from {path}). Fix: write a count and a window."
