"""How good lists are against what people bought afterwards: NDCG and hit rate, each list beside the same one for everybody.

Here: the measures, over plain dictionaries. Not here: which time is trained on and which is judged (the caller splits by as-of date).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from math import log2


@dataclass(frozen=True)
class ListQuality:
    """Over ``customers`` people who bought something in the judged time. All figures are means over these people.

    ``ndcg``: 1 when the first places hold bought items and nothing else; ``hit_rate``: share of people with at least one bought item among
    the first places; ``without_list``: people who had none, counted with 0.
    """

    customers: int
    ndcg: float
    hit_rate: float
    without_list: int


def judge_lists(lists: Mapping[str, Sequence[str]], bought: Mapping[str, AbstractSet[str]], *, places: int = 10) -> ListQuality:
    """Quality of customer -> items, best first, against customer -> items bought afterwards; an item bought more than once counts once.

    Raises ValueError when nobody bought anything: nothing can be told.
    """
    judged = {customer: items for customer, items in bought.items() if items}
    if not judged:
        raise ValueError("nobody bought anything in the judged time")
    gains = {customer: _ndcg(lists.get(customer, ())[:places], items, places) for customer, items in judged.items()}
    return ListQuality(
        len(judged),
        sum(gains.values()) / len(judged),
        sum(gain > 0 for gain in gains.values()) / len(judged),
        sum(customer not in lists for customer in judged),
    )


def _ndcg(shown: Sequence[str], wanted: AbstractSet[str], places: int) -> float:
    gain = sum(1 / log2(place + 2) for place, item in enumerate(dict.fromkeys(shown)) if item in wanted)
    return gain / sum(1 / log2(place + 2) for place in range(min(places, len(wanted))))
