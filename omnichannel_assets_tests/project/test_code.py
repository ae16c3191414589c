"""How the code is written: small functions, told purposes, one reader of the environment, no clock, nothing swallowed."""

from __future__ import annotations

import ast
import re

from omnichannel_assets_tests.project.sources import PACKAGE, ROOT, Module, body_lines, functions, modules

VAGUE = {"utils", "util", "helpers", "helper", "misc", "common", "manager"}
LONGEST, USUAL, USUAL_SHARE = 60, 40, 0.97
MODULE_LINES = 400
READS_ENVIRONMENT = {
    "settings": "the one reader",
    "checks.expectations": "sets GX_ANALYTICS_ENABLED before Great Expectations is imported, so that it sends nothing; reads no setting",
}
CLOCK_CALLS = {"now", "today", "utcnow"}
WALL_CLOCK_MARK = "# wall-clock:"
WALL_CLOCK_MODULES = {
    "assets.deletions": "when a deletion was asked for (outside byte equality)",
    "assets.landing": "first seen is wall-clock by definition",
    "assets.ledgers": "the ledger tells when an entry changed (outside byte equality)",
    "serving.channels_relay": "when a list was made for Segment",
    "resources.approvals": "when a person approved",
    "resources.match_reviews": "when a person said whether two records are one person",
    "resources.workspace": "no received day is later than the day in progress",
}


def test_every_module_opens_with_what_it_is() -> None:
    assert [module.shown for module in modules() if not (ast.get_docstring(module.tree) or "").strip()] == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [module.shown for module in modules() if VAGUE & set(module.name.split("."))] == []


def test_modules_are_short_enough_to_read() -> None:
    lengths = {module.shown: len(module.text.splitlines()) for module in modules()}
    assert {name: lines for name, lines in lengths.items() if lines > MODULE_LINES} == {}


def test_functions_are_small() -> None:
    found = sorted(((body_lines(f), module.shown, f.name) for module in modules() for f in functions(module.tree)), reverse=True)
    longest = "\n".join(f"{lines} lines: {name} in {where}" for lines, where, name in found[:10])
    assert found[0][0] <= LONGEST, f"the ten longest:\n{longest}"
    assert sum(lines <= USUAL for lines, _, _ in found) >= USUAL_SHARE * len(found), f"the ten longest:\n{longest}"


def test_only_the_settings_read_the_environment() -> None:
    wrong = []
    for module in modules():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv", "environb") and isinstance(node.value, ast.Name) and node.value.id == "os":
                wrong += [f"{module.shown}:{node.lineno}"] if module.name not in READS_ENVIRONMENT else []
            if isinstance(node, ast.ImportFrom) and node.module == "os":
                wrong += [f"{module.shown}:{node.lineno}"] if {alias.name for alias in node.names} & {"environ", "getenv"} else []
    assert wrong == []


def test_no_clock_is_read_but_where_the_landing_zone_is_listed() -> None:
    wrong = []
    for module in modules():
        lines = module.text.splitlines()
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and _reads_clock(node.func):
                allowed = module.name in WALL_CLOCK_MODULES and WALL_CLOCK_MARK in lines[node.lineno - 1]
                wrong += [] if allowed else [f"{module.shown}:{node.lineno} {lines[node.lineno - 1].strip()}"]
    assert wrong == []


def _reads_clock(called: ast.expr) -> bool:
    if not isinstance(called, ast.Attribute):
        return False
    owner = ast.unparse(called.value).rsplit(".", 1)[-1]
    return (called.attr in CLOCK_CALLS and owner in ("datetime", "date")) or (owner == "time" and called.attr in ("time", "time_ns", "localtime", "gmtime"))


def test_no_handler_swallows_what_it_does_not_know() -> None:
    wrong = []
    for module in modules():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ExceptHandler) and _is_broad(node) and not any(isinstance(inner, ast.Raise) for inner in ast.walk(node)):
                wrong.append(f"{module.shown}:{node.lineno}")
    assert wrong == []


def _is_broad(handler: ast.ExceptHandler) -> bool:
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type] if handler.type else []
    return not caught or any(ast.unparse(kind) in ("Exception", "BaseException") for kind in caught)


def test_no_assert_guards_what_a_person_hands_in() -> None:
    """``python -O`` removes them."""
    assert [f"{m.shown}:{n.lineno}" for m in modules() for n in ast.walk(m.tree) if isinstance(n, ast.Assert)] == []


def test_nothing_is_left_to_do_in_a_comment() -> None:
    unfinished = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    texts = [*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.sql"), *PACKAGE.rglob("*.yaml")]
    assert [path.relative_to(ROOT).as_posix() for path in texts if unfinished.search(path.read_text(encoding="utf-8"))] == []


def test_what_others_may_call_says_what_it_does() -> None:
    wrong = [f"{module.shown}:{node.lineno} {node.name}" for module in modules() for node in _undocumented(module)]
    assert wrong == []


def _undocumented(module: Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Public functions, and public methods of public classes that are longer than their name explains, without a docstring.

    A method that a Protocol of the same module documents needs no second text; Dagster's sensors and schedules are described in their decorator.
    """
    classes = [node for node in module.tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
    methods = [node for owner in classes for node in owner.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    documented = {node.name for node in methods if ast.get_docstring(node)}
    public = [node for node in module.tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    long_methods = [node for node in methods if body_lines(node) > 4 and node.name not in documented]
    return [node for node in [*public, *long_methods] if not node.name.startswith("_") and not ast.get_docstring(node) and not _described(node)]


def _described(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    calls = [node for node in function.decorator_list if isinstance(node, ast.Call)]
    return any(keyword.arg == "description" for call in calls for keyword in call.keywords)


def test_randomness_comes_from_a_seed_handed_in() -> None:
    wrong = []
    for module in modules():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and re.fullmatch(r"(random|np\.random|numpy\.random)\.[a-z_]+", ast.unparse(node.func)):
                wrong.append(f"{module.shown}:{node.lineno} {ast.unparse(node.func)}")
    assert wrong == []
