"""What is chosen on later cut-offs: the number of trees, parameters, inputs, and how probabilities are calibrated."""

import numpy as np
import pytest
from scipy.special import expit

from omnichannel_assets.propensity.calibration import AS_IT_IS, Calibration, choose, fitted_line, isotonic, level, log_odds, probabilities
from omnichannel_assets.propensity.search import NOT_SEARCHED, search
from omnichannel_assets.propensity.selection import NOT_SELECTED, select
from omnichannel_assets.propensity.tasks import REPURCHASE
from omnichannel_assets.propensity.terms import Terms
from omnichannel_assets.propensity.training import labelled_rows, rows_of
from omnichannel_assets.propensity.trees import DEFAULTS, Rows
from omnichannel_assets.propensity.validation import Course, HeldOut, best_length, folds, levelled_loss, losses_of
from omnichannel_assets_tests.propensity.example_rows import FEATURES, examples


def rows(**options) -> Rows:
    return rows_of(labelled_rows(REPURCHASE.label, 30, examples(**options), None), FEATURES, REPURCHASE)


@pytest.fixture(scope="module")
def courses() -> list[Course]:
    return [Course(fold, Terms()) for fold in folds(rows(), 30, Terms())]


def test_a_fold_holds_a_cutoff_and_only_what_was_known_by_it():
    for fold in folds(rows(), 90, Terms()):
        assert set(fold.later.days) == {fold.day}
        assert fold.earlier.days.max() + 90 <= fold.day


def test_a_cutoff_where_everybody_ends_alike_is_no_fold():
    calm = rows(rate_of_last=0.05)
    assert len(folds(calm, 30, Terms())) == len(folds(rows(), 30, Terms())) - 1


def test_trees_are_as_many_as_help_on_later_cutoffs():
    assert best_length([[0.5, 0.4, 0.45], [0.5, 0.42]]) == (2, pytest.approx(0.41))
    assert best_length([[0.5, 0.4, 0.4001]]) == (3, 0.4), "of two that are as good the longer one"


def test_a_search_keeps_its_budget_and_the_defaults_unless_others_win_on_every_cutoff(courses):
    assert search([], Terms(trials=5)) == NOT_SEARCHED
    none, some = search(courses, Terms()), search(courses, Terms(trials=3))
    assert (len(none.trials), len(some.trials)) == (1, 4)
    assert none.trials == some.trials[:1]
    assert none.parameters.trees < 300 and (none.parameters.depth, none.parameters.rate) == (DEFAULTS.depth, DEFAULTS.rate)
    finished = [trial for trial in some.trials if trial.loss is not None]
    assert some.parameters == min(finished[1:] or finished, key=lambda trial: trial.loss).parameters
    assert some == search(courses, Terms(trials=3))


def with_noise(columns: int) -> Rows:
    """The known truth among inputs that say nothing."""
    known = rows(customers=600)
    drawn = np.random.default_rng(4).normal(size=(len(known.answers), columns))
    names = (*known.features, *(f"noise_{n:02}" for n in range(columns)))
    return Rows(names, np.column_stack([known.inputs, drawn]), known.answers, known.days)


def test_inputs_that_do_not_hold_on_later_cutoffs_are_left_out_where_that_is_no_loss():
    courses = [Course(fold, Terms()) for fold in folds(with_noise(25), 30, Terms())]
    plain = [course.held_out(DEFAULTS) for course in courses]
    selection, told = select(courses, DEFAULTS, Terms(), plain)
    kept = {worth.feature for worth in selection.worths if worth.kept}
    assert [worth.feature for worth in selection.worths[:2]] == ["recency_days", "returned_items_90_days"]
    assert {"recency_days", "returned_items_90_days"} <= kept and len(kept) < len(selection.worths)
    assert levelled_loss(told[-1].margin, told[-1].answers, "probability") <= levelled_loss(plain[-1].margin, plain[-1].answers, "probability")
    assert selection.words.startswith(f"those that hold are read: {len(kept)} of 29 hold on 3 later cut-offs")
    assert selection == select(courses, DEFAULTS, Terms(), plain)[0]


def test_with_one_later_cutoff_every_input_stays(courses):
    one = courses[-1:]
    assert select(one, DEFAULTS, Terms(), [one[0].held_out(DEFAULTS)])[0] == NOT_SELECTED


def held_out(shifts: list[float], *, slope: float = 1.0, customers: int = 600) -> list[HeldOut]:
    """Cut-offs 30 days apart: what happens has log-odds slope * margin + the shift of its cut-off."""
    found = []
    for number, shift in enumerate(shifts):
        rng = np.random.default_rng(number)
        margin = rng.normal(0, 1.5, customers)
        found.append(HeldOut(30 * number, margin, (rng.random(customers) < expit(slope * margin + shift)).astype(float)))
    return found


def test_probabilities_that_hold_are_left_alone():
    assert choose(held_out([0.0] * 6), 30)[:2] == ("none", AS_IT_IS)


def test_a_season_that_turns_is_not_followed():
    """One month up, one month down: what the newest said does not hold on the next."""
    assert choose(held_out([0.8, -0.8] * 3), 30)[0] == "none"


def test_a_level_that_lasts_is_followed():
    name, found, ways = choose(held_out([-1.0] * 6), 30)
    assert name in ("level", "platt")
    assert -1.3 < found.intercept < -0.4
    assert {way.name: way.cutoffs for way in ways} == {"level": 5, "platt": 5, "isotonic": 5}


def test_margins_that_are_too_sure_are_bent_back():
    name, found, _ = choose(held_out([0.0] * 6, slope=0.3), 30)
    assert name == "platt" and found.slope == pytest.approx(0.3, abs=0.05)


def test_overlapping_horizons_are_one_season_and_choose_nothing():
    name, _, ways = choose(held_out([-1.0] * 6), 90)
    assert name == "none"
    assert all(way.gain is None for way in ways)


def test_isotonic_steps_need_many_examples_and_keep_the_order():
    assert isotonic(held_out([0.0], customers=300)) is None
    many = held_out([0.0] * 2, slope=0.5, customers=2000)
    found = isotonic(many)
    margin = np.linspace(-8, 8, 500)
    assert (np.diff(log_odds(margin, found)) > 0).all()
    assert probabilities(many[0].margin, found).mean() == pytest.approx(many[0].answers.mean(), abs=0.03)


def test_the_level_goes_half_of_the_way():
    assert level(held_out([0.6] * 4, customers=4000)).intercept == pytest.approx(0.3, abs=0.05)


def test_calibration_never_turns_the_ranking_around():
    margin = np.linspace(-2, 2, 200)
    calibration = fitted_line(margin, margin < 0.5)
    assert calibration.slope == 1
    assert probabilities(margin, calibration).mean() == pytest.approx((margin < 0.5).mean(), abs=1e-6)


def test_few_of_one_class_leave_the_trees_their_own_probabilities():
    assert fitted_line(np.linspace(-2, 2, 200), np.arange(200) < 29) == Calibration()


def test_the_loss_of_an_amount_is_smallest_at_its_mean():
    spent = np.array([0.0, 0.0, 30.0, 90.0])
    losses = [losses_of(np.log(np.full(4, guess)), spent, "amount").mean() for guess in (20.0, 30.0, 45.0)]
    assert min(losses) == losses[1]
    assert levelled_loss(np.zeros(4), spent, "amount") == pytest.approx(losses[1])
