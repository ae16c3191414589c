"""Whom a campaign moves, beside who would do it anyway: an uplift list and a propensity list of one size, judged on people neither learned from.

Two models (Hansotia and Rukstales 2002; "T-learner" in Künzel et al. 2019): one learns the outcome in treatment, one in control, and the list is by
their difference. The response list is by one model of the outcome in both. Each of ten seeded splits learns on 70 % of the people and judges on the
other 30 %: the lift among the first 30 % of a list is treatment's mean there less control's. The interval of what the uplift list gains is by 200
draws of customers, the same draws in every split. Learning on another trial's people may go otherwise: that no interval tells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

RANDOM, RESPONSE, TWO_MODEL = "random", "response", "two-model"
LISTS = (RANDOM, RESPONSE, TWO_MODEL)
SPLITS, LEARNED, TOP, DRAWS, SEED = 10, 0.7, 0.3, 200, 20
TREES, DEPTH, RATE, LEAF = 60, 3, 0.05, 20
STEPS = 20
"""Points of the curve."""
LEAST = 200
"""People of each arm below whom there is nothing to learn."""


@dataclass(frozen=True)
class Uplift:
    """Lift among the first 30 % of each list, mean of the splits; ``gain`` is two-model less response, with its 95 % interval.

    ``overlap``: the share of the one list that is on the other too. ``curves``: by list, lift times share of the people reached, at each twentieth.
    """

    arm: str
    outcome: str
    lifts: Mapping[str, float]
    gain: float
    low: float
    high: float
    overlap: float
    curves: Mapping[str, Sequence[float]]

    def words(self) -> str:
        """Whether an uplift list is worth having, in a sentence."""
        lists = ", ".join(f"{name} {self.lifts[name]:.3f}" for name in LISTS)
        start = f"{self.arm}, {self.outcome}: lift among the first {100 * TOP:.0f} %: {lists}"
        spread = f"{self.gain:+.3f} ({self.low:+.3f} to {self.high:+.3f})"
        if self.low > 0:
            told = f"the uplift list beats the propensity list by {spread}"
        elif self.high < 0:
            told = f"the uplift list is worse than the propensity list: {spread}"
        else:
            told = f"uplift modelling adds nothing that can be seen over the propensity list: {spread}"
        return f"{start}. {told[0].upper()}{told[1:]}; {100 * self.overlap:.0f} % of the people are on both lists."


def judge_lists(arm: str, outcome: str, inputs: np.ndarray, treated: np.ndarray, values: np.ndarray) -> Uplift | None:
    """Judge both lists on one arm and control: inputs (people x columns, NaN for NULL), who was treated, what they did. None: too few people."""
    import numpy as np

    if min(int(treated.sum()), int((~treated).sum())) < LEAST or not inputs.shape[1] or len(set(values.tolist())) < 2:
        return None
    generator = np.random.Generator(np.random.PCG64(SEED))
    weights = np.stack([generator.poisson(1.0, len(values)).astype(np.uint8) for _ in range(DRAWS)])
    lifts: dict[str, list[float]] = {name: [] for name in LISTS}
    curves: dict[str, list[list[float]]] = {name: [] for name in LISTS}
    gains, overlaps = [], []
    for seed in range(SPLITS):
        order = np.random.Generator(np.random.PCG64(seed)).permutation(len(values))
        cut = int(LEARNED * len(values))
        learned, judged = order[:cut], order[cut:]
        scores = _scores(inputs, treated, values, learned, judged)
        ranked = {name: judged[np.argsort(-score, kind="stable")] for name, score in scores.items()}
        first = {name: people[: round(TOP * len(judged))] for name, people in ranked.items()}
        for name in LISTS:
            everybody = name == RANDOM
            lifts[name].append(_lift(judged if everybody else first[name], treated, values))
            curves[name].append([share * lifts[name][-1] for share in _shares()] if everybody else _curve(ranked[name], treated, values))
        drawn = [_drawn_lifts(first[name], treated, values, weights) for name in (TWO_MODEL, RESPONSE)]
        gains.append(drawn[0] - drawn[1])
        overlaps.append(len(np.intersect1d(first[TWO_MODEL], first[RESPONSE])) / len(first[RESPONSE]))
    means = {name: float(np.mean(found)) for name, found in lifts.items()}
    gain = means[TWO_MODEL] - means[RESPONSE]
    draws = np.mean(gains, axis=0)
    low, high = gain + np.quantile(draws, [0.025, 0.975]) - draws.mean()
    mean_curves = {name: [float(point) for point in np.mean(found, axis=0)] for name, found in curves.items()}
    return Uplift(arm, outcome, means, gain, float(low), float(high), float(np.mean(overlaps)), mean_curves)


def lists(inputs: np.ndarray, treated: np.ndarray, values: np.ndarray, people: np.ndarray) -> dict[str, np.ndarray]:
    """Scores of people (their inputs) by what a past campaign teaches: ``response`` and ``two-model``."""
    import numpy as np

    together = np.concatenate([inputs, people])
    return _scores(together, treated, values, np.arange(len(inputs)), np.arange(len(inputs), len(together)))


def _scores(inputs: np.ndarray, treated: np.ndarray, values: np.ndarray, learned: np.ndarray, judged: np.ndarray) -> dict[str, np.ndarray]:
    arm = treated[learned]
    asked = inputs[judged]
    of_treated, of_control, of_all = (
        _predicted(inputs[people], values[people], asked) for people in (learned[arm], learned[~arm], learned)
    )
    return {RESPONSE: of_all, TWO_MODEL: of_treated - of_control}


def _predicted(inputs: np.ndarray, values: np.ndarray, asked: np.ndarray) -> np.ndarray:
    import numpy as np
    import xgboost as xgb

    is_share = bool(np.isin(values, (0.0, 1.0)).all())
    parameters = {
        "objective": "binary:logistic" if is_share else "reg:squarederror",
        "max_depth": DEPTH,
        "eta": RATE,
        "min_child_weight": LEAF,
        "subsample": 0.8,
        "colsample_bytree": 0.8,
        "seed": SEED,
        "nthread": 1,
        "tree_method": "hist",
        "verbosity": 0,
    }
    booster = xgb.train(parameters, xgb.DMatrix(inputs, values), TREES)
    return booster.predict(xgb.DMatrix(asked))


def _lift(people: np.ndarray, treated: np.ndarray, values: np.ndarray) -> float:
    """Treatment's mean less control's among some people; 0 where one of them has nobody."""
    inside = treated[people]
    if inside.all() or not inside.any():
        return 0.0
    return float(values[people][inside].mean() - values[people][~inside].mean())


def _drawn_lifts(people: np.ndarray, treated: np.ndarray, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The lift among some people in every draw; one draw at a time, so that many people fit into memory."""
    import numpy as np

    sides = [people[treated[people]], people[~treated[people]]]
    found = []
    for draw in weights:
        means = [float(draw[side] @ values[side]) / max(int(draw[side].sum()), 1) for side in sides]
        found.append(means[0] - means[1])
    return np.array(found)


def _shares() -> list[float]:
    return [step / STEPS for step in range(STEPS + 1)]


def _curve(ranked: np.ndarray, treated: np.ndarray, values: np.ndarray) -> list[float]:
    """What reaching the first share of a list gains for each person of all, at every twentieth (Radcliffe 2007, "Qini curve", per person)."""
    return [share * _lift(ranked[: round(share * len(ranked))], treated, values) if share else 0.0 for share in _shares()]
