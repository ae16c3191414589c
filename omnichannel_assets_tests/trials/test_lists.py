"""Uplift lists beside propensity lists, and splits of people who were all treated alike."""

from omnichannel_assets.activation.arms import CONTROL, arm_of
from omnichannel_assets.trials.placebo import false_positives
from omnichannel_assets.trials.uplift import judge_lists
from omnichannel_assets_tests.trials.made_up import generator, moved_by_offer


def test_an_uplift_list_finds_the_undecided_whom_a_propensity_list_passes_over():
    inputs, treated, bought = moved_by_offer()
    found = judge_lists("treatment", "bought", inputs, treated, bought)
    assert found.lifts["two-model"] > 0.25 > found.lifts["response"] > 0
    assert found.low > 0 and "beats the propensity list" in found.words()
    assert [round(found.curves[name][-1], 9) for name in ("response", "two-model")] == [round(found.lifts["random"], 9)] * 2


def test_where_everybody_is_moved_alike_an_uplift_list_adds_nothing_and_says_so():
    inputs, treated, bought = moved_by_offer()
    rng = generator(4)
    alike = (rng.random(len(bought)) < 0.1 + 0.4 * inputs[:, 0] + 0.1 * treated).astype(float)
    found = judge_lists("treatment", "bought", inputs, treated, alike)
    assert found.low <= 0 and "adds nothing" in found.words()


def test_too_few_people_teach_nothing():
    inputs, treated, bought = moved_by_offer(300)
    assert judge_lists("treatment", "bought", inputs, treated, bought) is None


def test_splitting_control_by_the_projects_own_draw_looks_like_a_difference_about_once_in_twenty():
    rng = generator(8)
    people = [f"c_{number:016x}" for number in range(700)]
    outcomes = {"bought": (rng.random(700) < 0.2).astype(float), "spend": rng.gamma(0.3, 30, 700)}
    found = false_positives(people, outcomes, lambda person, salt: arm_of(person, salt, b"key", 0.5) == CONTROL, 1000)
    assert all(0.03 <= one.share <= 0.07 for one in found), [one.words() for one in found]
