"""What the service answers, as its documentation page shows it: every body with its fields and an example."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from omnichannel_assets.recommend.choose import Answer, Source


class Item(BaseModel):
    """One item to show. It was on sale and in stock when the answer was made."""

    item_id: str = Field(description="The shop's product id.")
    name: str | None = Field(description="Name as the shop's database has it.")
    category: str | None = Field(description="Category as the shop's database has it.")
    price: str | None = Field(description="List price as text with two decimals, so that no client rounds it.", examples=["19.75"])
    currency: str | None = Field(description="ISO 4217.", examples=["GBP"])
    stock: int | None = Field(description="Units over all locations; null when the shop keeps no stock of it.")
    reason: str = Field(description="Why, in words for the page.", examples=["Bought 4 times in a year"])
    score: float | None = Field(description="0 to 1, to compare items of one list; null for items from Personalize.")


class Dropped(BaseModel):
    """Items that stood on a list and were left out; others took their places."""

    unresolved: int = Field(description="Unknown, no merchandise, or no longer on sale.")
    out_of_stock: int = Field(description="Stock is 0.")


class Recommendations(BaseModel):
    """Items for one page, best first."""

    items: list[Item] = Field(description="As many as `limit`, fewer only when the shop has fewer to sell.")
    source: Source = Field(
        description="Where the first item comes from. `personalize`: Amazon Personalize; `lake`: the person's own list, or what goes with the items; `popular`: what everybody buys."
    )
    recommendation_id: str = Field(
        description="Id of this answer, also in the header X-Recommendation-Id: send it along when an item is clicked or bought."
    )
    as_of: date = Field(description="The lake's lists know everything before 00:00 UTC of this date. Stock and prices are newer.")
    dropped: Dropped
    fallback: Literal["personalize did not answer"] | None = Field(description="Set when the lake answered because Personalize did not.")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        {
                            "item_id": "85123A",
                            "name": "WHITE HANGING HEART T-LIGHT HOLDER",
                            "category": "Lighting",
                            "price": "2.55",
                            "currency": "GBP",
                            "stock": 312,
                            "reason": "Bought 4 times in a year",
                            "score": 0.96,
                        }
                    ],
                    "source": "lake",
                    "recommendation_id": "lake-3f0c5f7f8f0b4f6fa9f4b1f0a1c2d3e4",
                    "as_of": "2026-07-01",
                    "dropped": {"unresolved": 0, "out_of_stock": 1},
                    "fallback": None,
                }
            ]
        }
    )

    @classmethod
    def of(cls, answer: Answer, recommendation_id: str, as_of: date, has_fallen_back: bool) -> Recommendations:
        """The body for chosen items."""
        items = [
            Item(
                item_id=suggestion.item_id,
                name=product.name,
                category=product.category,
                price=product.price,
                currency=product.currency,
                stock=product.stock,
                reason=suggestion.reason,
                score=suggestion.score,
            )
            for suggestion, product in answer.items
        ]
        return cls(
            items=items,
            source=answer.source,
            recommendation_id=recommendation_id,
            as_of=as_of,
            dropped=Dropped(unresolved=answer.unresolved, out_of_stock=answer.out_of_stock),
            fallback="personalize did not answer" if has_fallen_back else None,
        )


class Received(BaseModel):
    """What became of the calls of one delivery. Their sum is the number of calls in the body."""

    relayed: int = Field(description="Sent on, and the person's new list sent back.")
    duplicates: int = Field(description="Delivered before; not sent on again.")
    other: int = Field(
        description="Not an e-commerce event of a person (other types, deletions, unknown names): acknowledged, not sent on."
    )
    not_relayed: int = Field(description="Would be sent on, but no relay is set up.")

    model_config = ConfigDict(json_schema_extra={"examples": [{"relayed": 2, "duplicates": 1, "other": 0, "not_relayed": 0}]})


class Health(BaseModel):
    """Whether there is something to recommend."""

    status: Literal["ok"]
    as_of: date = Field(description="As-of date of the lists being served.")


class Problem(BaseModel):
    """Every error has this body."""

    message: str = Field(examples=["limit: expected a whole number from 1 to 100"])
