"""What the sample plants is what a model of subscriptions finds, in its order: returns, which are seen, before lost interest, which shows as silence."""

from datetime import timedelta

import numpy as np
import pyarrow.compute as pc

from omnichannel_assets.assets.model_versions import MODEL_FEATURES
from omnichannel_assets.propensity.evaluation import weights
from omnichannel_assets.propensity.scoring import contributions
from omnichannel_assets.propensity.tasks import CHURN_SUBSCRIPTION
from omnichannel_assets.propensity.training import train
from omnichannel_assets_tests.models.rows import person
from omnichannel_assets_tests.propensity.planted import LAST_DAY, examples, lives, midnight

SILENCE = ("recency", "frequency", "regularity", "browsing")
"""How lost interest shows: days without orders and visits, against the customer's own rhythm."""
NOT_PLANTED = ("tenure", "channel", "wishes", "taste", "mails")


def explained(level: np.ndarray, answers: np.ndarray) -> float:
    """The share of the answers' variance that a cause with some levels explains."""
    groups = [answers[level == value] for value in np.unique(level)]
    return sum(len(group) * (group.mean() - answers.mean()) ** 2 for group in groups) / len(answers) / answers.var()


def test_churn_of_subscriptions_is_learned_from_returns_then_from_silence_and_hardly_from_anything_else():
    told = lives(people=1500, days=300)
    table = examples(told, [LAST_DAY - timedelta(days=90 + 30 * back) for back in range(8)])
    asked = table.filter(pc.is_valid(table.column("subscription_churn"))).sort_by([("cutoff", "ascending"), ("customer_id", "ascending")])
    answers, returns = (asked.column(name).to_numpy(zero_copy_only=False).astype(float) for name in ("subscription_churn", "returned_items_90_days"))

    interest = {person(life.person.number): life for life in told}
    rows = zip(asked.column("customer_id").to_pylist(), asked.column("cutoff").to_pylist(), strict=True)
    lost = np.array([not interest[customer].interested_at(midnight(day).replace(tzinfo=None)) for customer, day in rows])
    tenure = asked.column("first_order_days").to_numpy() // 90
    planted = {"returns": explained(np.minimum(returns, 3), answers), "lost interest": explained(lost, answers)}
    assert min(planted.values()) > 10 * explained(tenure, answers), planted

    model = train(CHURN_SUBSCRIPTION, table, MODEL_FEATURES)
    found = weights(model, asked.filter(pc.equal(asked.column("cutoff"), model.calibrated_on)))
    silence = sum(found[name] for name in SILENCE)
    assert next(iter(found)) == "returns"
    assert found["returns"] > silence > 2 * max(found[name] for name in NOT_PLANTED), found

    moved = contributions(model, asked)[:, [MODEL_FEATURES.index(name) for name in MODEL_FEATURES if name.startswith("returned_")]].sum(axis=1)
    by_returns = [moved[returns == 0].mean(), moved[returns == 1].mean(), moved[returns >= 2].mean()]
    assert by_returns == sorted(by_returns), by_returns
    assert moved[returns >= 2].mean() > moved[returns == 0].mean() + 1
