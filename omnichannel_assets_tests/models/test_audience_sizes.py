"""How many each campaign chooses and what becomes of them."""

from datetime import timedelta

from omnichannel_assets_tests.models.rows import AS_OF, built, person
from omnichannel_assets_tests.models.test_audiences import choice
from omnichannel_assets_tests.models.test_campaign_choices import rule


def test_everybody_chosen_is_counted_once_under_what_became_of_them():
    stayed = choice(6) | {"entered_on": AS_OF.date() - timedelta(days=3)}
    people = [choice(1), choice(2, arm="control"), choice(3, "not_contactable"), choice(4, "cooling_off"), choice(5, "over_cap"), stayed]
    scores = [{"customer_id": person(n), "as_of": AS_OF.date(), "repurchase_score": share} for n, share in ((1, 0.25), (2, 0.5), (3, 1.0))]
    (row,) = built("audience_sizes", campaign_choices=people, campaign_rules=[rule()], propensity_scores=scores)
    assert row == {
        "audience": "win_back", "as_of": AS_OF.date(), "chosen": 6, "treatment": 2, "control": 1, "entering": 2,
        "not_contactable": 1, "cooling_off": 1, "over_cap": 1, "expected_share": 0.375,
    }  # fmt: skip


def test_a_running_campaign_that_chooses_nobody_is_told_with_zeros():
    (row,) = built("audience_sizes", campaign_rules=[rule()])
    assert (row["chosen"], row["treatment"], row["expected_share"]) == (0, 0, None)
