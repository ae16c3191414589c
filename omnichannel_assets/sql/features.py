"""What ``customer_features.sql`` declares of its features: one line of SQL each, whose trailing comment says what it means.

    count(*) filter (where age <= 30) as orders_30_days, -- frequency | integer | order/orders | stays | {} in 30 days | purchases in [T-30 d, T)

Here: reading those lines. Not here: the table (``lake.tables_scores``) and the reasons (``propensity.reasons``) that are made from them.
The parts, in order:

family       inputs that tell of the same thing; one reason at most comes from a family
kind         integer, decimal (money), number, boolean; or text, which no model reads
unit         what is counted, as one/many (``day/days``); money; share (shown in per cent); ratio (one decimal); yes/no; none for a text
direction    stays, leaves: whether more of it speaks for a customer who stays and buys, or for one who leaves; either
words        a reason, with {} where the number and its noun stand; of a yes/no two texts, ``if so / if not``; or with <another> feature that is
             told in its place and, in brackets, <one> that says what is usual for this customer; none for a text
description  what the column holds
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from importlib import resources
from typing import Literal, cast

from omnichannel_assets.errors import InputError

FeatureKind = Literal["integer", "decimal", "number", "boolean", "text"]
FILE = "customer_features.sql"
DIRECTIONS = {"stays": 1, "leaves": -1, "either": 0}
NAMED_UNITS = ("money", "share", "ratio", "yes/no", "none")
NONE = "none"
_DECLARED = re.compile(r"^ *\S.*? as (?P<name>[a-z][a-z0-9_]*),? -- (?P<told>.*)$")
_COMMENTED = re.compile(r"\S.* --")
_COUNTED = re.compile(r"[a-z][a-z -]*/[a-z][a-z -]*")
_TOLD = re.compile(r"<([a-z][a-z0-9_]*)>")
_OF_OTHERS = re.compile(r"[^<>{}()]*<\w+>[^<>{}()]* \([^<>{}()]*<\w+>[^<>{}()]*\)")


@dataclass(frozen=True)
class Feature:
    """One feature as its line declares it; the parts are those of the module's docstring."""

    name: str
    family: str
    kind: FeatureKind
    unit: str
    direction: str
    words: str
    description: str

    @property
    def stays(self) -> int:
        """+1 where more speaks for a customer who stays and buys, -1 for one who leaves, 0 for either."""
        return DIRECTIONS[self.direction]

    @property
    def nouns(self) -> tuple[str, str] | None:
        """What is counted: one, many. None where the unit is no noun."""
        if self.unit in NAMED_UNITS:
            return None
        one, many = self.unit.split("/")
        return one, many

    @property
    def told_by(self) -> tuple[str, ...]:
        """The features that its words tell in its place."""
        return tuple(_TOLD.findall(self.words))

    @property
    def explained(self) -> str:
        """The description with its unit, as a schema shows it."""
        shown = {"money": "", "yes/no": "", NONE: "", "share": " (0 to 1)", "ratio": ""}
        return self.description + shown.get(self.unit, f" ({self.nouns[1]})" if self.nouns else "")


def declared(text: str, file: str = f"sql/{FILE}") -> tuple[Feature, ...]:
    """The features of a model's text, in its order. Raises InputError naming file and line for one that is not declared as it must be."""
    found: dict[str, Feature] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("--") or not _COMMENTED.search(line):
            continue
        feature = _read(line, f"{file}:{number}")
        if feature.name in found:
            raise InputError(f"{file}:{number}", f"{feature.name} again", expected="a new name", fix="rename the feature")
        found[feature.name] = feature
    for feature in found.values():
        for other in feature.told_by:
            if other not in found or found[other].kind == "text" or found[other].told_by:
                raise InputError(f"{file}: {feature.name}", f"<{other}>", expected="words that tell declared features", fix="correct its words")
    return tuple(found.values())


def _read(line: str, where: str) -> Feature:
    """The feature of one line."""
    told = _DECLARED.match(line)
    names = [field.name for field in fields(Feature)][1:]
    parts = [part.strip() for part in told["told"].split(" | ")] if told else []
    if told is None or len(parts) != len(names) or not all(parts):
        raise InputError(where, repr(line.strip()[-60:]), expected=f"`expression as name, -- {' | '.join(names)}`", fix="complete the line")
    family, kind, unit, direction, words, description = parts
    feature = Feature(told["name"], family, cast("FeatureKind", kind), unit, direction, words, description)
    _check(feature, where)
    return feature


def _check(feature: Feature, where: str) -> None:
    """Raises InputError for a part that cannot be."""
    is_text, is_flag = feature.kind == "text", feature.kind == "boolean"
    rules = {
        "family": (re.fullmatch(r"[a-z_]+", feature.family), "a word in small letters"),
        "kind": (feature.kind in ("integer", "decimal", "number", "boolean", "text"), "integer, decimal, number, boolean or text"),
        "unit": (
            (feature.unit == NONE) == is_text
            and (feature.unit == "yes/no") == is_flag
            and (feature.unit in NAMED_UNITS or _COUNTED.fullmatch(feature.unit)),
            "one/many such as day/days, money, share or ratio; yes/no of a boolean, none of a text",
        ),
        "direction": (feature.direction in DIRECTIONS, "stays, leaves or either"),
        "words": (
            feature.words == NONE
            if is_text
            else len(feature.words.split(" / ")) == 2
            if is_flag
            else _OF_OTHERS.fullmatch(feature.words) or (feature.words.count("{}") == 1 and not re.search(r"[<>()]", feature.words)),
            "{} once, or <another> (<its usual value>); two texts parted by ` / ` of a boolean, none of a text",
        ),
    }
    for part, (holds, expected) in rules.items():
        if not holds:
            raise InputError(where, repr(getattr(feature, part)), expected=f"as {part} of {feature.name} {expected}", fix="correct the line")


FEATURES = declared((resources.files("omnichannel_assets") / "sql" / FILE).read_text(encoding="utf-8"))
"""Every feature, in the order of its line."""
