"""The search for parameters: a stated number of trials, each held against later cut-offs; the defaults stay unless they lose on every one.

Optuna proposes (TPE, seeded) and stops hopeless trials; XGBoost stops growing where a later cut-off gains no more. Not here: the folds
(``validation``), the trees (``trees``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
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
    """Parameters that were tried, and their mean loss on later cut-offs; None where the trial was stopped as hopeless."""

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
    newest = list(courses)[-MOST_FOLDS:][::-1]
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
    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=terms.seed, n_startup_trials=STARTING_TRIALS),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=STARTING_TRIALS, n_warmup_steps=0),
    )
    best = [min(course) for course in usual]
    winners: dict[int, Trial] = {}

    def objective(trial: optuna.Trial) -> float:
        parameters, seen = proposed(trial), []
        for step, course in enumerate(newest):
            seen.append(course.losses(parameters))
            trial.report(best_length(seen)[1], step)
            if trial.should_prune():
                raise optuna.TrialPruned
        trees, loss = best_length(seen)
        trial.set_user_attr("trees", trees)
        if all(min(found) < before for found, before in zip(seen, best, strict=True)):
            winners[trial.number] = Trial(replace(parameters, trees=trees), round(loss, 9))
        return loss

    study.optimize(objective, n_trials=terms.trials)
    trials = []
    for trial in study.trials:
        done = trial.state == optuna.trial.TrialState.COMPLETE
        parameters = Parameters(**trial.params)
        trials.append(Trial(replace(parameters, trees=trial.user_attrs["trees"]), round(trial.value, 9)) if done else Trial(parameters, None))
    return trials, min(winners.values(), key=lambda trial: (trial.loss, str(asdict(trial.parameters))), default=None)


def proposed(trial: optuna.Trial) -> Parameters:
    """The next parameters to try; the number of trees is not among them, early stopping finds it."""
    return Parameters(
        depth=trial.suggest_int("depth", 2, 5),
        rate=trial.suggest_float("rate", 0.03, 0.15, log=True),
        leaf=trial.suggest_int("leaf", 20, 400, log=True),
        rows=trial.suggest_float("rows", 0.5, 1.0, step=0.1),
        columns=trial.suggest_float("columns", 0.3, 1.0, step=0.1),
        penalty=trial.suggest_float("penalty", 0.5, 30.0, log=True),
    )
