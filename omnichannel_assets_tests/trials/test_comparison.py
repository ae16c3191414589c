"""Comparisons of a trial, and what is said of them."""

import re
from dataclasses import replace

import numpy as np

from omnichannel_assets.trials.comparison import Trial, compare
from omnichannel_assets.trials.words import many, verdict
from omnichannel_assets_tests.trials.made_up import generator, shares_trial


def test_a_lift_is_told_in_points_with_its_interval():
    (row,) = compare(shares_trial(20_000, 0.05))
    assert re.fullmatch(r"more: \+\d\.\d+ points \(\+\d\.\d+ to \+\d\.\d+\), \+\d\d % against control's \d+\.\d %", verdict(row))
    assert row.low < 0.05 < row.high and row.p < 0.0001


def test_a_small_trial_says_that_it_cannot_tell_and_how_many_people_it_takes():
    (row,) = compare(shares_trial(600, 0.01, seed=1))
    assert not row.is_clear
    assert re.fullmatch(r"cannot tell: between -\d+\.\d and \+\d+\.\d points; [\d,]+ people more would be needed", verdict(row))


def test_too_few_people_or_buyers_are_said_to_be_too_few():
    trial = shares_trial(40, 0.0)
    alone = replace(trial, arms=np.array(["control"] + ["treatment"] * 39))
    assert verdict(compare(alone)[0]) == "cannot tell: 39 people and 1 in control are too few to compare"
    spend = replace(trial, outcomes={"net_spend": np.where(np.arange(40) < 5, 20.0, 0.0)})
    assert verdict(compare(spend)[0]) == "cannot tell: fewer than 10 people of an arm have any net spend"


def test_of_a_rare_share_the_people_needed_are_told_from_its_own_interval():
    arms = np.repeat(["treatment", "control"], [19, 3])
    (row,) = compare(Trial(arms, "control", {"bought": np.repeat([1.0, 0.0], [10, 12])}))
    assert row.low < 0 < row.more_people < 200
    (nobody,) = compare(Trial(arms, "control", {"bought": np.zeros(22)}))
    assert verdict(nobody).startswith("cannot tell: between -56") and verdict(nobody).endswith("; nobody did in either arm")


def test_among_many_parts_one_that_looks_clear_by_chance_is_not_called_clear():
    trial = shares_trial(20_000, 0.0, seed=5)
    labels = generator().integers(0, 40, 20_000)
    rows = compare(replace(trial, parts={"decile": labels.astype(str).astype(object)}))[1:]
    alone = [row for row in rows if row.p < 0.05]
    assert alone and not any(row.is_clear for row in rows)
    assert all("one of 40 (p " in verdict(row) for row in alone)
    assert many(rows) == [f"40 comparisons of parts: about 2.0 would look clear by chance alone; {len(alone)} do one by one, 0 when all are allowed for (Holm)."]


def test_parts_come_in_their_order_and_people_in_no_part_in_none():
    trial = shares_trial(3000, 0.0)
    labels = np.array(["10", "9", None] * 1000, dtype=object)
    rows = compare(replace(trial, parts={"decile": labels}))
    assert [(row.part, row.label) for row in rows] == [("all", "all"), ("decile", "9"), ("decile", "10")]
    assert sum(row.people + row.control_people for row in rows[1:]) == 2000


def test_history_is_used_where_it_helps_and_told_where_not():
    rng = generator()
    before = rng.gamma(2, 50, 2000)
    trial = shares_trial(2000, 0.0)
    spend = before + rng.normal(0, 20, 2000)
    used, unused = compare(replace(trial, outcomes={"spend": spend, "bought": trial.outcomes["bought"]}, history={"before": before}))
    assert used.is_adjusted and used.variance_after < 0.1 * used.variance_before
    assert not unused.is_adjusted and unused.variance_before is not None


def test_sub_groups_of_treatment_are_held_against_all_of_control():
    trial = shares_trial(2000, 0.0)
    letters = np.where(trial.arms == "control", None, np.where(np.arange(2000) % 2 == 0, "letter", "voucher"))
    rows = compare(replace(trial, parts={"variant": letters}))
    assert [(row.label, row.control_people == rows[0].control_people) for row in rows] == [("all", True), ("letter", True), ("voucher", True)]
    assert rows[1].people + rows[2].people == rows[0].people
