"""What a trial can see, before it starts; held against trials that are drawn."""

import re

import pytest

from omnichannel_assets.trials.comparison import compare
from omnichannel_assets.trials.power import detectable, detectable_words, more_people
from omnichannel_assets_tests.trials.made_up import shares_trial


def test_four_trials_in_five_find_a_lift_of_the_detectable_size():
    points = detectable(2000, 0.2, 0.1)
    found = sum(compare(shares_trial(2000, points / 100, holdout=0.2, seed=seed))[0].is_clear for seed in range(800))
    assert 0.75 <= found / 800 <= 0.85


def test_the_sentence_tells_people_holdout_and_points():
    assert re.fullmatch(r"with 812 people and 10 % held out you can detect \+\d+\.\d points", detectable_words(812, 0.1, 0.05))
    assert detectable_words(812, 0, 0.05) == "with 812 people and 0 % held out you cannot detect any lift: nobody is held out"
    assert detectable_words(20, 0.1, 0.5) == "with 20 people and 10 % held out you cannot detect any lift: they are too few"


@pytest.mark.parametrize(("people", "share", "base"), [(812, 0.1, 0.05), (100_000, 0.5, 0.3)])
def test_more_people_and_an_even_split_see_smaller_lifts(people, share, base):
    assert detectable(4 * people, share, base) < detectable(people, share, base)
    assert detectable(people, 0.5, base) <= detectable(people, share, base)


def test_twice_the_precision_takes_four_times_the_people():
    assert more_people(1000, 2.8016, 2.0) == pytest.approx(3000, abs=2)
    assert more_people(1000, 2.8016, 1.0) is None or more_people(1000, 2.8016, 1.0) < 2
    assert more_people(1000, 0.0, 1.0) is None
    assert more_people(1000, 0.001, 1.0) is None
