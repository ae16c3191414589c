"""Personalize's recommendations, as simple as they can be and always the same for the same data.

Belongs here: which items are answered, in what order, under which id. Not here: how good they are; `recommend` has our own models.
A campaign or recommender is any ARN whose name is a dataset group's, or starts with it and ``-``.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from omnichannel_assets.sandbox.answers import ServiceError
from omnichannel_assets.sandbox.personalize_state import ACTIVE, PersonalizeState

DEFAULT_RESULTS, MOST_RESULTS, MOST_RANKED = 25, 500, 500
LATEST_ITEMS = 10
PEOPLE_PER_ITEM = 500
"""Bounds the work of an item everyone has."""
OPERATIONS = {"/recommendations": "GetRecommendations", "/personalize-ranking": "GetPersonalizedRanking"}
Params = Mapping[str, Any]


@dataclass(frozen=True)
class Learned:
    """What a group's interactions amount to: items by how often they occur, who has what, who has an item."""

    popular: list[str]
    items_of: dict[str, list[str]]
    """User -> items, latest first."""
    users_of: dict[str, list[str]]


class RuntimeService:
    """Answers ``personalize-runtime``, given parameters its model has accepted."""

    def __init__(self, state: PersonalizeState):
        self.state = state
        self._learned: dict[str, tuple[int, Learned]] = {}

    def answer(self, operation: str, params: Params) -> dict[str, Any]:
        """The reply to one request."""
        arn = params.get("campaignArn") or params.get("recommenderArn")
        if not arn:
            raise ServiceError("InvalidInputException", "campaignArn or recommenderArn is needed")
        if params.get("filterArn") or params.get("promotions"):
            raise ServiceError("ResourceNotFoundException", "the sandbox has no filters")
        group = self._group(arn)
        learned = self._learn(group)
        own = self._own(group, learned, params)
        if operation == "GetPersonalizedRanking":
            return _with_id(arn, params, {"personalizedRanking": _ranked(recommended(learned, own, params), params)})
        count = params.get("numResults") or DEFAULT_RESULTS
        if count > MOST_RESULTS:
            raise ServiceError("InvalidInputException", f"numResults: at most {MOST_RESULTS}")
        return _with_id(arn, params, {"itemList": recommended(learned, own, params)[:count]})

    def _group(self, arn: str) -> str:
        for kind in ("campaign", "recommender"):
            made = next((one for one in self.state.all(kind) if one[f"{kind}Arn"] == arn), None)
            if made is not None and made["status"] != ACTIVE:
                raise ServiceError("ResourceNotFoundException", f"{arn} is {made['status']}, not ACTIVE")
        name = re.fullmatch(r"arn:[a-z\d-]+:personalize:[^:]*:[^:]*:(?:campaign|recommender)/([^/]+)", arn)
        groups = [group["name"] for group in self.state.all("dataset-group")]
        found = [group for group in groups if name and (name[1] == group or name[1].startswith(f"{group}-"))]
        if not found:
            raise ServiceError("ResourceNotFoundException", f"No campaign or recommender {arn}; name it as a dataset group, or <group>-<anything>")
        return max(found, key=len)

    def _learn(self, group: str) -> Learned:
        version, learned = self._learned.get(group, (-1, None))
        if learned is None or version != self.state.version:
            rows = self.state.rows(group, "INTERACTIONS")
            learned = learned_from([(row["TIMESTAMP"], row["USER_ID"], row["ITEM_ID"]) for row in rows])
            self._learned[group] = (self.state.version, learned)
        return learned

    def _own(self, group: str, learned: Learned, params: Params) -> list[str]:
        """The items a request starts from: the asked one, else the user's latest, first what was put in real time."""
        if params.get("itemId"):
            return [params["itemId"]]
        user = params.get("userId") or ""
        events = sorted(self.state.events.get(group, {}).get(user, []), reverse=True)
        return list(dict.fromkeys([*(item for _, item in events), *learned.items_of.get(user, [])]))[:LATEST_ITEMS]


def _ranked(order: list[dict[str, Any]], params: Params) -> list[dict[str, Any]]:
    """The given items in the order of a recommendation, unknown ones at the end without a score."""
    if len(params["inputList"]) > MOST_RANKED:
        raise ServiceError("InvalidInputException", f"inputList: at most {MOST_RANKED} items")
    items = dict.fromkeys(params["inputList"])
    known = [entry for entry in order if entry["itemId"] in items]
    ids = {entry["itemId"] for entry in known}
    return known + [{"itemId": item} for item in items if item not in ids]


def learned_from(seen: list[tuple[float, str, str]]) -> Learned:
    """What (time, user, item) amount to."""
    counts = Counter(item for _, _, item in seen)
    items_of: dict[str, dict[str, None]] = defaultdict(dict)
    users_of: dict[str, dict[str, None]] = defaultdict(dict)
    for _, user, item in sorted(seen, key=lambda row: (-row[0], row[1], row[2])):
        items_of[user][item] = None
        if len(users_of[item]) < PEOPLE_PER_ITEM:
            users_of[item][user] = None
    popular = sorted(counts, key=lambda item: (-counts[item], item))
    return Learned(popular, {user: list(items) for user, items in items_of.items()}, {item: list(users) for item, users in users_of.items()})


def recommended(learned: Learned, own: list[str], params: Params) -> list[dict[str, Any]]:
    """Items seen by the same people as the asked ones, then popular ones; scores only where a user asks."""
    user, item = params.get("userId"), params.get("itemId")
    near: Counter[str] = Counter()
    for place, known in enumerate(own):
        for other_user in learned.users_of.get(known, []):
            for other in learned.items_of[other_user]:
                near[other] += 1.0 / (1 + place)
    first = sorted((other for other in near if other not in own), key=lambda other: (-near[other], other))
    items = list(dict.fromkeys([*first, *(other for other in learned.popular if other != item)]))
    if not user or item:
        return [{"itemId": other} for other in items]
    total = sum(1.0 / (place + 1) for place in range(len(items)))
    return [{"itemId": other, "score": round(1.0 / (place + 1) / total, 7)} for place, other in enumerate(items)]


def _with_id(arn: str, params: Params, reply: dict[str, Any]) -> dict[str, Any]:
    """The reply with an id that depends on question and answer only."""
    digest = hashlib.blake2b(repr((arn, sorted(params.items(), key=str), reply)).encode("utf-8", "replace"), digest_size=12).hexdigest()
    return {**reply, "recommendationId": f"RID-{digest}"}
