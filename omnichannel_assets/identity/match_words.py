"""What a compared pair looks like in words, and what speaks against it whatever the model thinks.

Here: one sentence part a field, made from how closely the field agrees, never from what it holds; and doubts. Not here: weighing (match_model).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from omnichannel_assets.identity.match_records import FIELDS

NOUNS = {name: name.replace("_", " ") for name in FIELDS} | {"email": "e-mail", "national_id": "number"}
"""How a field is called."""
UNITS = {"birth_date": "digit", "phone": "digit", "postcode": "character", "national_id": "character", "email": "character"}
OTHER, SIMILAR, CLOSE, SAME, SWAPPED = "other", "similar", "close", "same", "swapped"
"""How closely a field agrees, from not at all to wholly; swapped: first and last name stand in each other's place."""
LEVELS: dict[str, tuple[str, ...]] = {
    "first_name": (OTHER, SIMILAR, CLOSE, SWAPPED, SAME),
    "last_name": (OTHER, SIMILAR, CLOSE, SAME),
    "birth_date": (OTHER, SIMILAR, CLOSE, SAME),
    "street": (OTHER, SIMILAR, SAME),
    "city": (OTHER, SIMILAR, SAME),
    "postcode": (OTHER, CLOSE, SAME),
    "email": (OTHER, CLOSE, SAME),
    "phone": (OTHER, CLOSE, SAME),
    "national_id": (OTHER, SIMILAR, CLOSE, SAME),
}
"""The levels of each field's comparison, worst first: the position is the number the model gives it; -1 where a record says nothing."""


def agreement(levels: Mapping[str, int]) -> dict[str, str]:
    """Level numbers as words; fields that one of the two records lacks are left out."""
    return {name: LEVELS[name][levels[name]] for name in FIELDS if levels.get(name, -1) >= 0}


def explanation(found: Mapping[str, str]) -> str:
    """Such as ``same first name; last name differs by one letter; other street``: what agrees first, then what does not."""
    order = (SAME, SWAPPED, CLOSE, SIMILAR, OTHER)
    return "; ".join(_part(name, how) for how in order for name, said in found.items() if said == how and not _is_told(name, found))


def _is_told(name: str, found: Mapping[str, str]) -> bool:
    return name == "last_name" and found.get("first_name") == SWAPPED


def _part(name: str, how: str) -> str:
    if how == SWAPPED:
        return "first and last name are swapped"
    if how == CLOSE:
        return f"{NOUNS[name]} differs by one {UNITS.get(name, 'letter')}"
    return f"{how} {NOUNS[name]}"


def doubt(found: Mapping[str, str], fields: Collection[str]) -> str | None:
    """Why a person must look at a pair however probable it is; None when nothing speaks against it. `fields` are those the model compares.

    Twins share a birth date, a name and a home; couples a home and a phone; father and son a name and a home. No weight of what is the same
    tells them apart, so the first name and the birth date must both be there and agree, typing errors allowed. An e-mail that agrees stands in
    for a missing birth date, and a number that one person alone has settles everything.
    """
    if found.get("national_id") in (SAME, CLOSE, SIMILAR):
        return None
    if "first_name" in fields and "first_name" not in found:
        return "a first name is missing"
    if found.get("first_name") == OTHER:
        return "first names differ"
    if found.get("birth_date") == OTHER:
        return "birth dates differ"
    if "birth_date" in fields and "birth_date" not in found and found.get("email") not in (SAME, CLOSE):
        return "a birth date is missing"
    return None
