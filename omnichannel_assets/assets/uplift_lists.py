"""Whom to reach next time: an uplift list learned from a campaign's past flights, beside the propensity list of the same size.

A flight is everybody who entered on one date and has their days behind them. Learned from are the features of that date, so nothing that came
later is an input. Here: bringing people, features and scores together. Not here: models and judgement (``trials.uplift``). Nothing is stored: an
option for a person to look at, no part of the graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from omnichannel_assets.activation.arms import TREATMENT
from omnichannel_assets.assets.model_versions import MODEL_FEATURES, partition_of
from omnichannel_assets.errors import InputError
from omnichannel_assets.lake.tables_results import CAMPAIGN_OUTCOMES
from omnichannel_assets.lake.tables_scores import CUSTOMER_FEATURES, PROPENSITY_SCORES
from omnichannel_assets.resources.workspace import Workspace

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from omnichannel_assets.trials.uplift import Uplift

FLIGHTS = 2
SHARE = 0.1
"""Share of the scored customers that is on a list."""


@dataclass(frozen=True)
class ListedCustomer:
    """One scored customer who is on a list: places from 1, by both."""

    customer_id: str
    uplift: float
    uplift_place: int
    propensity: float | None
    propensity_place: int

    def is_on_both(self, size: int) -> bool:
        """Whether both lists of a size hold them."""
        return max(self.uplift_place, self.propensity_place) <= size


@dataclass(frozen=True)
class Lists:
    """Both lists of a date, and how well an uplift list did on people of the past flights that it had not learned from."""

    campaign: str
    flights: Sequence[date]
    learned_from: int
    as_of: date
    size: int
    customers: Sequence[ListedCustomer]
    judged: Uplift

    def words(self) -> str:
        """What was learned from, whether it is worth it, and how far the lists agree."""
        both = sum(one.is_on_both(self.size) for one in self.customers)
        flights = ", ".join(str(day) for day in self.flights)
        start = f"Learned from {self.learned_from:,} people of {len(self.flights)} flights of {self.campaign} ({flights})."
        return f"{start}\n{self.judged.words()}\nAs of {self.as_of}: two lists of {self.size:,}, {both:,} people on both."


def uplift_lists(workspace: Workspace, campaign: str) -> Lists:
    """The lists of the newest date that has scores. Raises InputError while the campaign has too few flights or people."""
    from omnichannel_assets.propensity.trees import matrix
    from omnichannel_assets.trials.uplift import TWO_MODEL, judge_lists, lists

    examples = _examples(workspace, campaign)
    flights = sorted(set(examples["entered_on"].to_pylist()))
    if len(flights) < FLIGHTS:
        got = f"{len(flights)} with people whose days are past and whose features are stored"
        raise InputError("--campaign", got, expected=f"{FLIGHTS} past flights of {campaign}", fix="wait for another one")
    inputs, treated = matrix(examples, MODEL_FEATURES), _is(examples, "arm", TREATMENT)
    bought = examples["purchased"].to_numpy(zero_copy_only=False).astype(float)
    judged = judge_lists(TREATMENT, "purchased", inputs, treated, bought)
    if judged is None:
        raise InputError("--campaign", f"{examples.num_rows:,} people of {campaign}", expected="200 people in each arm, and some who bought", fix="wait for larger flights")
    day, people, propensity = _scored(workspace)
    uplift = lists(inputs, treated, bought, matrix(people, MODEL_FEATURES))[TWO_MODEL]
    size = max(round(SHARE * people.num_rows), 1)
    found = _listed(people["customer_id"].to_pylist(), uplift, propensity, size)
    return Lists(campaign, flights, examples.num_rows, day, size, found, judged)


def _is(table: pa.Table, column: str, value: str) -> np.ndarray:
    import pyarrow.compute as pc

    return pc.equal(table[column], value).to_numpy(zero_copy_only=False)


def _examples(workspace: Workspace, campaign: str) -> pa.Table:
    """People of past flights with the features of the date they entered on, sorted; who has another id since is left out, in both arms alike."""
    import pyarrow as pa
    import pyarrow.compute as pc

    made = workspace.lake.manifests(CAMPAIGN_OUTCOMES)
    known = workspace.lake.read(CAMPAIGN_OUTCOMES, [max(made)]) if made else CAMPAIGN_OUTCOMES.arrow().empty_table()
    own = known.filter(pc.and_(pc.equal(known["audience"], campaign), known["is_closed"])).select(["customer_id", "arm", "entered_on", "purchased"])
    features = [name for name in CUSTOMER_FEATURES.names if name in ("customer_id", *MODEL_FEATURES)]
    parts = []
    for day in sorted(set(own["entered_on"].to_pylist())):
        if workspace.lake.has_data(CUSTOMER_FEATURES, day.isoformat()):
            told = partition_of(workspace, CUSTOMER_FEATURES, day, features)
            parts.append(own.filter(pc.equal(own["entered_on"], day)).join(told, "customer_id", join_type="inner").sort_by("customer_id"))
    return pa.concat_tables(parts) if parts else own.slice(0, 0)


def _scored(workspace: Workspace) -> tuple[date, pa.Table, list[float | None]]:
    """The newest date with scores and features, its customers' features in order, and their repurchase scores."""
    scored, stored = (set(workspace.lake.manifests(table)) for table in (PROPENSITY_SCORES, CUSTOMER_FEATURES))
    if not scored & stored:
        raise InputError("--campaign", "a lake without scores", expected="customers to list", fix="omnichannel run")
    day = date.fromisoformat(max(scored & stored))
    scores = partition_of(workspace, PROPENSITY_SCORES, day, ["customer_id", "repurchase_score"])
    people = partition_of(workspace, CUSTOMER_FEATURES, day).join(scores, "customer_id", join_type="inner").sort_by("customer_id")
    return day, people, people["repurchase_score"].to_pylist()


def _listed(customers: Sequence[str], uplift: np.ndarray, propensity: Sequence[float | None], size: int) -> list[ListedCustomer]:
    """Who is on a list of a size, the first by uplift first; of equals the smaller id."""
    by_uplift = {place: rank for rank, place in enumerate(sorted(range(len(customers)), key=lambda place: (-uplift[place], customers[place])), 1)}
    order = sorted(range(len(customers)), key=lambda place: (-(propensity[place] or 0.0), customers[place]))
    by_propensity = {place: rank for rank, place in enumerate(order, 1)}
    found = [ListedCustomer(customers[place], float(uplift[place]), by_uplift[place], propensity[place], by_propensity[place]) for place in range(len(customers))]
    return sorted((one for one in found if min(one.uplift_place, one.propensity_place) <= size), key=lambda one: one.uplift_place)
