"""The sample's simulated lives as what the features read, without files and identities in between: a known cause for every churn. No assertions.

People of ``sample.life`` lose interest, the likelier the more they returned in 90 days; a subscription of somebody who lost interest soon ends.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pyarrow as pa

from omnichannel_assets.lake.tables_scores import CUSTOMER_FEATURES, TRAINING_EXAMPLES
from omnichannel_assets.sample.catalogue import build_catalogue
from omnichannel_assets.sample.life import Life, live
from omnichannel_assets.sample.people import World, build_people
from omnichannel_assets.sample.vocabulary import Period
from omnichannel_assets_tests.models.rows import PARAMETERS, engine, person, register

LAST_DAY = date(2026, 6, 30)
CUTOFF_IDENTITIES = "select cast($day as date) as cutoff, identifier_type, identifier_value, customer_id from identities"


def lives(people: int, days: int, seed: int = 7) -> list[Life]:
    """What happens to some people; visits are seen over ``days`` days."""
    period = Period(LAST_DAY - timedelta(days=days - 1), LAST_DAY)
    catalogue = build_catalogue(seed, period)
    population = build_people(seed, people, period, catalogue)
    world = World(seed, period, catalogue, population)
    return [live(world, each) for each in population.people]


def examples(told: list[Life], cutoffs: Iterable[date]) -> pa.Table:
    """Features and labels at some cut-offs by the project's own SQL, labels as known on the last day."""
    facts, days = Facts(told), list(cutoffs)
    features, held = [], []
    for day in days:
        facts.register("customer_features", before=midnight(day))
        bound = PARAMETERS | {"as_of": midnight(day), "as_of_date": day, "eligible_days": 365}
        features.append(engine().model(CUSTOMER_FEATURES, bound).cast(CUSTOMER_FEATURES.arrow()))
        held.append(engine().query(CUTOFF_IDENTITIES, {"day": day}))
    facts.register("training_examples", before=midnight(LAST_DAY))
    engine().register("cutoff_features", pa.concat_tables(features).rename_columns({"as_of": "cutoff"}))
    engine().register("cutoff_identities", pa.concat_tables(held))
    bound = PARAMETERS | {"as_of": midnight(LAST_DAY), "as_of_date": LAST_DAY, "orders_until": midnight(LAST_DAY), "repurchase_days": 30, "churn_days": 90}
    return engine().model(TRAINING_EXAMPLES, bound).cast(TRAINING_EXAMPLES.arrow())


def midnight(day: date) -> datetime:
    """00:00 UTC of a date."""
    return datetime.combine(day, time(), UTC)


class Facts:
    """The lives as rows of the models' inputs."""

    def __init__(self, told: list[Life]):
        self.identities, self.orders, self.lines, self.returns, self.events, self.subscriptions = [], [], [], [], [], []
        for life in told:
            self._add(life)

    def _add(self, life: Life) -> None:
        number, customer = f"C-{life.person.number}", person(life.person.number)
        joined = _utc(life.person.joined)
        self.identities.append({"identifier_type": "customer_ref", "identifier_value": number, "customer_id": customer, "first_known_at": joined, "valid_from": joined.date(), "valid_to": None})
        for order in life.orders:
            at = _utc(order.at)
            self.orders.append({"order_id": order.order_id, "customer_id": customer, "channel": "online" if order.online else "store", "ordered_at": at, "known_at": at, "total": Decimal(order.pence) / 100, "currency": "GBP", "status": "completed", "source": "dms"})
            for place, line in enumerate(order.lines):
                goods = line.product.category != "Charges"
                self.lines.append({"order_id": order.order_id, "line_no": place, "item_id": line.product.product_id, "quantity": line.quantity, "unit_price": Decimal(line.unit_pence) / 100, "is_merchandise": goods, "source": "dms"})
        for place, back in enumerate(life.returns):
            at = _utc(back.at)
            self.returns.append({"return_id": f"R-{number}-{place}", "position": 1, "order_id": back.order.order_id, "customer_id": customer, "item_id": back.line.product.product_id, "quantity": 1, "amount": Decimal(back.line.pence) / 100, "currency": "GBP", "channel": "store", "returned_at": at, "known_at": at})
        for place, visit in enumerate(life.visits):
            kinds = ("View", "View", *(["AddToWishlist"] if visit.saved else []))
            self.events += [self._event(f"m-{number}-{place}-{n}", kind, number, _utc(visit.at)) for n, kind in enumerate(kinds)]
        for each in life.subscriptions:
            started, ended = _utc(each.started), _utc(each.ended) if each.ended else None
            row = {"subscription_id": f"S-{number}-{each.number}", "customer_id": number, "started_at": started, "is_deleted": False, "known_at_assumed": False, "op": "I", "object_key": "k", "object_etag": "e", "row": 1}
            self.subscriptions.append(row | {"ended_at": None, "known_at": started, "valid_from": started, "valid_to": ended, "version": 1})
            if ended:
                self.subscriptions.append(row | {"ended_at": ended, "known_at": ended, "valid_from": ended, "valid_to": None, "version": 2})

    def _event(self, message_id: str, kind: str, number: str, at: datetime) -> dict:
        row = {"message_id": message_id, "item_id": "", "event_type": kind, "event_at": at, "known_at": at, "event_time_suspect": False}
        return row | {"identifier_type": "customer_ref", "identifier_value": number, "other_identifiers": [], "received_day": at.date()}

    def register(self, model: str, before: datetime) -> None:
        """Make the inputs of a model readable as they were known before an instant."""
        inputs = {"identities": self.identities, "orders": [row for row in self.orders if row["ordered_at"] < before], "dms_subscriptions": self.subscriptions}
        if model == "customer_features":
            known = {row["order_id"] for row in inputs["orders"]}
            inputs |= {"order_lines": [row for row in self.lines if row["order_id"] in known], "event_facts": self.events}
            inputs["returns"] = [row for row in self.returns if row["returned_at"] < before]
        register(model, **inputs)


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)
