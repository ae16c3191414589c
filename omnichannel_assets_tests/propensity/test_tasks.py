"""The three questions in words: with the numbers of days that the settings give."""

import pytest

from omnichannel_assets.propensity.tasks import TASKS, Horizons, task_named, tasks


def test_words_tell_the_horizons_that_hold():
    inactivity, subscription, repurchase = tasks(Horizons(repurchase_days=1, churn_days=60))
    assert (inactivity.happened, inactivity.did_not, inactivity.horizon_days) == ("bought nothing for 60 days", "bought within 60 days", 60)
    assert (subscription.happened, subscription.did_not, subscription.horizon_days) == ("ended within 60 days", "went on for 60 days", 60)
    assert (repurchase.happened, repurchase.did_not, repurchase.horizon_days) == ("bought again within 1 day", "bought nothing for 1 day", 1)


@pytest.mark.parametrize(
    ("eligible_days", "everybody", "subscribers"),
    [
        (365, "known customers with a purchase in the 365 days before", "known customers with an active subscription and a purchase in the 365 days before"),
        (1, "known customers with a purchase in the 1 day before", "known customers with an active subscription and a purchase in the 1 day before"),
        (0, "known customers with any purchase before", "known customers with an active subscription and any purchase before"),
    ],
)
def test_the_population_is_told_as_the_setting_has_it(eligible_days, everybody, subscribers):
    assert [task.asked_of(eligible_days) for task in TASKS] == [everybody, subscribers, everybody]


def test_a_stored_version_answers_the_question_it_was_trained_for():
    assert task_named("repurchase", 45) == tasks(Horizons(repurchase_days=45))[2]
    assert task_named("churn_subscription", 120) == tasks(Horizons(churn_days=120))[1]
