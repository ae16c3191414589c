"""What the settings of Personalize may name, and what has to be named together.

Here: the parts of PERSONALIZE_CREATE and the recipes we know how to ask. Not here: the fields themselves (``settings``), what a part is
(``activation.personalize_models``).
"""

from __future__ import annotations

import re
from typing import Any

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


def suited(name: str, value: Any) -> Any:
    """The value of one of Personalize's settings, parts in the order they are made. Raises ValueError, which says what was expected."""
    if name == "personalize_create":
        if set(value) - set(PARTS):
            raise ValueError(f"any of {', '.join(PARTS)}, comma-separated")
        return tuple(part for part in PARTS if part in value)
    if name == "personalize_recipe" and value not in RECIPES:
        raise ValueError(f"one of {', '.join(RECIPES)}")
    if name == "personalize_use_cases" and (not value or set(value) - set(USE_CASES)):
        raise ValueError(f"some of {', '.join(USE_CASES)}, comma-separated")
    if name == "personalize_role_arn" and value and not re.fullmatch(r"arn:[a-z\d-]+:iam::\d{12}:role/[\w+=,.@/-]+", value):
        raise ValueError("the ARN of a role, such as arn:aws:iam::123456789012:role/personalize")
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
