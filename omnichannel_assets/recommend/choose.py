"""Which items a page shows: lists of suggestions in, items the shop can sell now out.

Here: what a home, product and cart page ask of which list, leaving out what cannot be bought, and topping up. Not here: where lists and
products come from (``serving``) and how lists are made (``sql/recommendations.sql``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

Page = Literal["home", "product", "cart"]
Source = Literal["personalize", "lake", "popular"]

OWN_LIST_WEIGHT = 0.5
"""How much an item that goes with others gains when it leads the person's own list: half its closeness more."""


@dataclass(frozen=True)
class Suggestion:
    """An item some list holds, with its place there in [0, 1] and why in words."""

    item_id: str
    score: float | None
    reason: str


@dataclass(frozen=True)
class Product:
    """What a page shows of an item. ``stock`` None: none is kept. ``is_offered`` False: no merchandise, or no longer on sale."""

    name: str | None
    category: str | None
    price: str | None
    currency: str | None
    stock: int | None
    is_offered: bool


class Lists(Protocol):
    """What the shop knows at this moment."""

    def personal(self, customer_id: str) -> Sequence[Suggestion]:
        """The customer's own list, best first; empty when there is none."""
        ...

    def similar(self, item_id: str) -> Sequence[Suggestion]:
        """What goes with an item, best first."""
        ...

    def popular(self) -> Iterable[Suggestion]:
        """Everything the shop sells, most wanted first."""
        ...

    def product(self, item_id: str) -> Product | None:
        """The item as the shop offers it now; None for an unknown one."""
        ...


@dataclass(frozen=True)
class Question:
    """What a page asks for. ``cart`` items are never shown, on no page; nor is ``item_id`` on its own page."""

    page: Page
    limit: int
    customer_ids: Sequence[str] = ()
    item_id: str | None = None
    cart: Sequence[str] = ()

    @property
    def shown_already(self) -> set[str]:
        """Items the page shows anyway."""
        return {*self.cart, *([self.item_id] if self.item_id and self.page == "product" else [])}

    @property
    def seeds(self) -> tuple[str, ...]:
        """Items whose company is wanted."""
        if self.page == "product":
            return (self.item_id,) if self.item_id else ()
        return tuple(dict.fromkeys(self.cart)) if self.page == "cart" else ()


@dataclass
class Answer:
    """Items to show, each once and buyable, where they came from, and how many were left out on the way."""

    source: Source
    items: list[tuple[Suggestion, Product]] = field(default_factory=list)
    unresolved: int = 0
    out_of_stock: int = 0


def choose(question: Question, lists: Lists, recommended: Sequence[str] | None = None) -> Answer:
    """The items for a page: up to the limit, fewer only when the shop has fewer to sell.

    ``recommended`` are item ids from elsewhere (Personalize), best first; they come before the lake's own lists. The source is that of the
    first item shown: ``personalize``, ``lake`` (own list, or what goes with the items) or ``popular``.
    """
    own = _own_list(question, lists)
    answer = Answer("popular")
    seen = question.shown_already
    for source, suggestion in _candidates(question, lists, own, recommended or ()):
        if len(answer.items) >= question.limit:
            break
        if suggestion.item_id in seen:
            continue
        seen.add(suggestion.item_id)
        product = lists.product(suggestion.item_id)
        if product is None or not product.is_offered:
            answer.unresolved += 1
        elif product.stock is not None and product.stock <= 0:
            answer.out_of_stock += 1
        else:
            answer.source = answer.source if answer.items else source
            answer.items.append((suggestion, product))
    return answer


def _own_list(question: Question, lists: Lists) -> Sequence[Suggestion]:
    return next((found for customer_id in question.customer_ids if (found := lists.personal(customer_id))), ())


def _candidates(
    question: Question, lists: Lists, own: Sequence[Suggestion], recommended: Sequence[str]
) -> Iterator[tuple[Source, Suggestion]]:
    related = _related(question.seeds, lists, own)
    reasons = {suggestion.item_id: suggestion.reason for suggestion in (*own, *related)}
    for item_id in recommended:
        yield "personalize", Suggestion(item_id, None, reasons.get(item_id, "Recommended for you"))
    for suggestion in (*related, *own):
        yield "lake", suggestion
    for suggestion in lists.popular():
        yield "popular", suggestion


def _related(seeds: Sequence[str], lists: Lists, own: Sequence[Suggestion]) -> list[Suggestion]:
    """What goes with the seeds, closest first: closeness to all of them added up, more for what the person's own list holds."""
    closest: dict[str, Suggestion] = {}
    total: dict[str, float] = {}
    for seed in seeds:
        product = lists.product(seed)
        reason = f"Goes with {product.name}" if product and product.name else "Goes with what you looked at"
        for suggestion in lists.similar(seed):
            item_id, score = suggestion.item_id, suggestion.score or 0.0
            total[item_id] = total.get(item_id, 0.0) + score
            if item_id not in closest or score > (closest[item_id].score or 0.0):
                closest[item_id] = replace(suggestion, reason=reason)
    liked = {suggestion.item_id: suggestion.score or 0.0 for suggestion in own}
    score = {item_id: total[item_id] * (1 + OWN_LIST_WEIGHT * liked.get(item_id, 0.0)) for item_id in total}
    ordered = sorted(score, key=lambda item_id: (-score[item_id], item_id))
    return [replace(closest[item_id], score=min(score[item_id], 1.0)) for item_id in ordered]
