"""The search for parameters: a stated number of trials, each held against later cut-offs; the defaults stay unless they lose on every one.

Optuna proposes (TPE, seeded). A trial is stopped at the first cut-off where it loses to the defaults, because it cannot win any more; XGBoost
stops growing where a later cut-off gains no more. Not here: the folds (``validation``), the trees (``trees``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from omnichannel_assets.propensity.terms import Terms
from omnichannel_assets.propensity.trees import DEFAULTS, Parameters
from omnichannel_assets.propensity.validation import Course, best_length

if TYPE_CHECKING:
    import optuna

MOST_FOLDS = 3
"""The newest later cut-offs that trials are held against."""
STARTING_TRIALS = 4
"""Trials that are drawn at random before the sampler learns from them."""


@dataclass(frozen=True)
class Trial:
    """Parameters that were tried, and their mean loss on later cut-offs; None where the trial was stopped because it had lost."""

    parameters: Parameters
    loss: float | None


@dataclass(frozen=True)
class Found:
    """The parameters in force, the trials, and in words how they came to be."""

    parameters: Parameters = DEFAULTS
    trials: tuple[Trial, ...] = ()
    words: str = "default parameters: no later cut-off could be held out to try others on"


NOT_SEARCHED = Found()
"""Where there is nothing to try parameters on."""


def search(courses: Sequence[Course], terms: Terms) -> Found:
    """The parameters that hold on later cut-offs. The defaults are tried first, and are what every other trial must beat on each fold."""
    newest = list(courses)[-MOST_FOLDS:]
    if not newest:
        return NOT_SEARCHED
    usual = [course.losses(DEFAULTS) for course in newest]
    trees, loss = best_length(usual)
    default = Trial(replace(DEFAULTS, trees=trees), round(loss, 9))
    told = f"{trees} trees, the number with the smallest loss on {len(newest)} later cut-offs"
    if not terms.trials:
        return Found(default.parameters, (default,), f"default parameters with {told}; nothing else was tried")
    trials, better = _tried(newest, usual, terms)
    if better is None:
        return Found(default.parameters, (default, *trials), f"default parameters with {told}; none of {len(trials)} trials was better on all of them")
    words = f"the best of {len(trials)} trials, better than the defaults on each of {len(newest)} later cut-offs ({better.loss:.4f} against {loss:.4f})"
    return Found(better.parameters, (default, *trials), words)


def _tried(newest: Sequence[Course], usual: Sequence[Sequence[float]], terms: Terms) -> tuple[list[Trial], Trial | None]:
    """Every trial, and the best of those that beat the defaults on each fold."""
    import optuna  # deferred: half a second to import

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=terms.seed, n_startup_trials=STARTING_TRIALS))
    before = [min(course) for course in usual]
    winners: list[Trial] = []

    def objective(trial: optuna.Trial) -> float:
        parameters, seen = proposed(trial), []
        for step, course in enumerate(newest):
            seen.append(course.losses(parameters))
            trial.report(min(seen[-1]) - before[step], step)
            if min(seen[-1]) >= before[step]:
                raise optuna.TrialPruned
        trees, loss = best_length(seen)
        trial.set_user_attr("trees", trees)
        winners.append(Trial(replace(parameters, trees=trees), round(loss, 9)))
        return loss - sum(before) / len(before)

    study.optimize(objective, n_trials=terms.trials)
    won = iter(winners)
    trials = [next(won) if "trees" in trial.user_attrs else Trial(Parameters(**trial.params), None) for trial in study.trials]
    return trials, min(winners, key=lambda trial: (trial.loss, str(trial.parameters)), default=None)


def proposed(trial: optuna.Trial) -> Parameters:
    """The next parameters to try; the number of trees is not among them, early stopping finds it."""
    return Parameters(
        depth=trial.suggest_int("depth", 2, 5),
        rate=trial.suggest_float("rate", 0.05, 0.2, log=True),
        leaf=trial.suggest_int("leaf", 20, 400, log=True),
        rows=trial.suggest_float("rows", 0.5, 1.0, step=0.1),
        columns=trial.suggest_float("columns", 0.3, 1.0, step=0.1),
        penalty=trial.suggest_float("penalty", 0.5, 30.0, log=True),
    )
