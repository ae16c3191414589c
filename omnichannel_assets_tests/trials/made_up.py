"""Made-up trials whose truth is known."""

from __future__ import annotations

import numpy as np

from omnichannel_assets.trials.comparison import Trial


def generator(seed: int = 3) -> np.random.Generator:
    return np.random.default_rng(seed)


def shares_trial(people: int, lift: float, *, holdout: float = 0.5, base: float = 0.1, seed: int = 3) -> Trial:
    """A trial of one share, ``bought``, that treatment lifts by so much."""
    rng = generator(seed)
    arms = np.where(rng.random(people) < holdout, "control", "treatment")
    bought = rng.random(people) < base + np.where(arms == "treatment", lift, 0.0)
    return Trial(arms, "control", {"bought": bought.astype(float)})


def moved_by_offer(people: int = 4000, seed: int = 11) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs, treated, bought: loyal people buy anyway, the undecided only with an offer, so that the two lists differ."""
    rng = generator(seed)
    loyalty, doubt = rng.random(people), rng.random(people)
    treated = rng.random(people) < 0.5
    chance = 0.05 + 0.5 * loyalty**2 + 0.35 * treated * (doubt > 0.7)
    return np.stack([loyalty, doubt], axis=1), treated, (rng.random(people) < chance).astype(float)
