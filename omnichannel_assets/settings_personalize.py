"""What the settings of Personalize may name, and what has to be named together.

Here: the parts of PERSONALIZE_CREATE and the recipes we know how to ask. Not here: the fields themselves (``settings``), what a part is
(``activation.personalize_models``).
"""

from __future__ import annotations

from omnichannel_assets.errors import SettingError

PARTS = ("event_tracker", "metric_attribution", "recommender", "solution", "campaign", "batch_inference", "batch_segment")
"""What PERSONALIZE_CREATE may name, in the order it is made."""
NEED_SOLUTION = ("campaign", "batch_inference", "batch_segment")
RECIPES = ("aws-user-personalization-v2", "aws-user-personalization", "aws-popularity-count")
"""Recipes that answer for a person, in a campaign and in a batch job."""
USE_CASES = (
    "aws-ecomm-recommended-for-you",
    "aws-ecomm-popular-items-by-views",
    "aws-ecomm-popular-items-by-purchases",
    "aws-ecomm-frequently-bought-together",
    "aws-ecomm-customers-who-viewed-x-also-viewed",
)


def parts_in_order(value: tuple[str, ...]) -> tuple[str, ...]:
    """The named parts in the order they are made. Raises ValueError."""
    if set(value) - set(PARTS):
        raise ValueError(f"any of {', '.join(PARTS)}, comma-separated")
    return tuple(part for part in PARTS if part in value)


def known_recipes(value: str | tuple[str, ...]) -> str | tuple[str, ...]:
    """A recipe, or use cases of the domain, as they are named. Raises ValueError."""
    if isinstance(value, str):
        if value not in RECIPES:
            raise ValueError(f"one of {', '.join(RECIPES)}")
    elif not value or set(value) - set(USE_CASES):
        raise ValueError(f"some of {', '.join(USE_CASES)}, comma-separated")
    return value


def check_personalize(named: tuple[str, ...], domain: str, source: str) -> None:
    """What is made at Personalize stands on something else that is named as well. Raises SettingError; ``source`` is where the list was read."""
    standing = [part for part in named if part in NEED_SOLUTION]
    if standing and "solution" not in named:
        words = f"solution as well, which {standing[0]} stands on"
        raise SettingError("PERSONALIZE_CREATE", ",".join(named), expected=words, fix="add solution, which is paid for", source=source)
    if "recommender" in named and not domain:
        words = "no recommender, because PERSONALIZE_DOMAIN is empty"
        fix = "set PERSONALIZE_DOMAIN=ECOMMERCE and a new PERSONALIZE_GROUP"
        raise SettingError("PERSONALIZE_CREATE", ",".join(named), expected=words, fix=fix, source=source)
