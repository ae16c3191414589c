"""YAML files that a person edits: read strictly, and every mistake in one becomes one line that names setting, file, field and fix.

Here: what the files of all settings share. Not here: what any of them says (dms/registry, identity/rules_file).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from omnichannel_assets.errors import SettingError

SHOWN_CHARACTERS = 80


class FieldMistake(ValueError):
    """A mistake found by our own checks; carries the field, what was given, what was expected and the fix."""

    def __init__(self, field: str, got: object, expected: str, fix: str):
        super().__init__(expected)
        self.field, self.got, self.expected, self.fix = field, got, expected, fix


class _UniqueKeys(yaml.SafeLoader):
    """YAML lets the last of two equal keys win in silence; a file of settings must not."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key_node, _ in node.value:
            key = str(key_node.value)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key} is given twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def read_yaml(source: Path, setting: str, *, called: str, fix: str) -> Any:
    """The document of a YAML file; no object is ever constructed from a tag, and a key given twice is a mistake.

    Raises SettingError naming ``setting`` when the file cannot be read (``called`` is what it should be, ``fix`` the way out) or parsed.
    """
    try:
        return yaml.load(source.read_text(encoding="utf-8"), Loader=_UniqueKeys)
    except OSError as error:
        expected = f"{called} that can be read"
        raise SettingError(setting, str(source), expected=expected, fix=error.strerror or "check the path") from None
    except UnicodeDecodeError:
        raise SettingError(setting, str(source), expected="a UTF-8 text file", fix=fix) from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date that no calendar has
        mark = getattr(error, "problem_mark", None)
        where = f"{source}:{mark.line + 1}" if mark else str(source)
        problem = str(getattr(error, "problem", None) or error or "no YAML")
        raise SettingError(setting, problem, expected="a YAML file", fix="correct that line", source=where) from None


def first_mistake(failure: ValidationError) -> FieldMistake:
    """The first thing pydantic found wrong, our own checks' words kept."""
    first: Mapping[str, Any] = failure.errors(include_url=False)[0]
    cause = (first.get("ctx") or {}).get("error")
    where = ".".join(str(part) for part in first["loc"] if part != "[key]")
    if isinstance(cause, FieldMistake):
        cause.field = cause.field or where
        return cause
    got = "nothing" if first["type"] == "missing" else first["input"]
    return FieldMistake(where, got, f"a right value ({first['msg'].lower()})", "correct this field")


def mistake_error(setting: str, source: Path, mistake: FieldMistake, *, inside: str = "") -> SettingError:
    """The one line of a mistake; ``inside`` names what the field belongs to, such as ``table orders``."""
    where = ", ".join(part for part in (inside, f"field {mistake.field}" if mistake.field else "") if part)
    shown = mistake.got if len(repr(mistake.got)) <= SHOWN_CHARACTERS else repr(mistake.got)[: SHOWN_CHARACTERS - 3] + "..."
    expected = f"{where}: {mistake.expected}" if where else mistake.expected
    return SettingError(setting, shown, expected=expected, fix=mistake.fix, source=str(source))
