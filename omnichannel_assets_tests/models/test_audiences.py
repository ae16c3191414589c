"""Who is chosen for which campaign: the top band and the top decile, of people who may be contacted, with the arm handed in."""

from omnichannel_assets_tests.models.rows import AS_OF, built, part, person


def score(number: int, band: str | None = "low", decile: int | None = 5) -> dict:
    return {"customer_id": person(number), "as_of": AS_OF.date(), "churn_band": band, "repurchase_decile": decile}


def customer(number: int, opted_in: bool | None = True) -> dict:
    return {"customer_id": person(number), "is_known": True, "email": "a@example.com", "email_opt_in": opted_in, "orders": 0, "lifetime_value": 0}


def arms(*numbers: int, arm: str = "treatment") -> list[dict]:
    return [{"audience": audience, "customer_id": person(n), "arm": arm} for audience in ("win_back", "repurchase_lookalike") for n in numbers]


def chosen(scores: list[dict], customers: list[dict], given: list[dict]) -> list[tuple]:
    return part(built("audiences", propensity_scores=scores, customers=customers, arms=given), "audience", "customer_id", "arm")


def test_the_top_churn_band_is_won_back_and_the_top_repurchase_decile_is_the_lookalike_seed():
    scores = [score(1, "high"), score(2, "medium"), score(3, "low", 1), score(4, "high", 1)]
    assert chosen(scores, [customer(n) for n in (1, 2, 3, 4)], arms(1, 2, 3, 4)) == [
        ("repurchase_lookalike", person(3), "treatment"),
        ("repurchase_lookalike", person(4), "treatment"),
        ("win_back", person(1), "treatment"),
        ("win_back", person(4), "treatment"),
    ]


def test_who_may_not_be_contacted_is_in_no_arm():
    assert chosen([score(1, "high", 1), score(2, "high", 1)], [customer(1, False), customer(2, None)], arms(1, 2)) == []


def test_controls_are_in_the_audience_with_their_arm():
    assert chosen([score(1, "high")], [customer(1)], arms(1, arm="control")) == [("win_back", person(1), "control")]


def test_without_scores_nobody_is_chosen():
    assert chosen([score(1, None, None)], [customer(1)], arms(1)) == []
