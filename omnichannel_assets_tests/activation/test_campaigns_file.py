"""The campaigns file: what it says becomes campaigns, and one clear line for every mistake in it."""

from datetime import date
from pathlib import Path

import pytest

from omnichannel_assets.activation.campaign_rule import checked_rule
from omnichannel_assets.activation.campaigns import Guards
from omnichannel_assets.activation.campaigns_file import SHIPPED, load_campaigns
from omnichannel_assets.errors import SettingError
from omnichannel_assets.resources.campaigns import checked_campaigns

OWN = """
contacts_a_week: 2
guards: {removals: 0.3}
campaigns:
  spring:
    title: Spring sale
    rule: churn_band in ('high', 'medium') and orders >= 2 -- the ones we know
    channels: {segment: [pick_1], connect: [churn_score]}
    holdout: 0.2
    variants: {voucher: 0.6, letter: 0.4}
    starts: 2026-03-01
    ends: 2026-05-31
    cooling_off_days: 60
    priority: 4
    measured_days: 14
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "campaigns.yaml"
    path.write_text(text)
    return path


def one(rule: str = "orders > 1", more: str = "") -> str:
    return f'campaigns:\n  spring:\n    rule: "{rule}"\n    channels: [segment]\n{more}'


def test_an_own_file_is_what_it_says(tmp_path):
    found = load_campaigns(written(tmp_path, OWN))
    (spring,) = found.campaigns
    assert (found.contacts_a_week, found.guards) == (2, Guards(removals=0.3))
    assert (spring.title, spring.holdout, spring.variants, spring.priority, spring.measured_days) == ("Spring sale", 0.2, {"voucher": 0.6, "letter": 0.4}, 4, 14)
    assert spring.channels == {"segment": ("pick_1",), "connect": ("churn_score",)}
    assert spring.rule == "churn_band IN ('high', 'medium') AND orders >= 2"
    assert [spring.runs_on(date(2026, month, day)) for month, day in ((2, 28), (3, 1), (5, 31), (6, 1))] == [False, True, True, False]
    assert found.remembered_days == 60


def test_the_shipped_file_has_the_three_campaigns_and_rules_that_any_file_may_have(tmp_path):
    shipped = load_campaigns()
    assert shipped.names == ("win_back", "reactivation", "repurchase_lookalike")
    assert [campaign.is_contact for campaign in shipped.campaigns] == [True, True, False]
    copied = checked_campaigns(written(tmp_path, SHIPPED.read_text()))
    assert [(c.name, c.channels) for c in copied.campaigns] == [(c.name, c.channels) for c in shipped.campaigns]
    for campaign in shipped.campaigns:
        assert checked_rule(campaign.rule).lower() == campaign.rule.lower()


@pytest.mark.parametrize(
    "rule",
    [
        "churn_score > 0.5 or (repurchase_decile between 1 and 3 and not country = 'GB')",
        "lower(country) like 'g%' and preferred_store is not null",
        "expected_spend / 2 + lifetime_value * 0.1 >= 10 - orders",
        "coalesce(churn_score, 0) <= 0.2 and days_since_seen < -1",
        "favourite_categories ilike '%tea; drop table customers --%'",
    ],
)
def test_a_condition_over_scores_and_customers_is_taken(tmp_path, rule):
    assert checked_campaigns(written(tmp_path, one(rule))).campaigns[0].rule


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("email = 'a@example.com'", "columns of scores and customers"),
        ("churn_skore > 1", "did you mean churn_score?"),
        ("customers.orders > 1", "columns of scores and customers"),
        ("orders in (select 1)", "comparisons, and, or"),
        ("exists (select 1)", "comparisons, and, or"),
        ("read_text('/etc/passwd') is not null", "comparisons, and, or"),
        ("getenv('HOME') = '1'", "comparisons, and, or"),
        ("orders > 1) or (1 = 1", "a condition in SQL"),
        ("orders > 1; drop table customers", "a condition in SQL"),
        ("orders > 1 limit 3", "a condition in SQL"),
        ("orders > 1) union select * from (customers", "a condition in SQL"),
        ("orders >", "a condition in SQL"),
        ("$as_of_date > orders", "comparisons, and, or"),
        ("orders > 1 and case when true then true end", "comparisons, and, or"),
        ("churn_band > 3 + 'x'", "a condition the engine understands"),
        ("orders + 1", "a condition the engine understands"),
        ("orders = 1 or " * 200 + "orders = 2", "at most 2000 characters"),
    ],
)
def test_anything_else_is_refused_in_one_line_that_names_setting_field_and_fix(tmp_path, rule, told):
    with pytest.raises(SettingError) as error:
        checked_campaigns(written(tmp_path, one(rule)))
    assert told in str(error.value)
    assert str(error.value).startswith("CAMPAIGNS: ")
    assert "campaigns.spring.rule" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "field", "told"),
    [
        (one(more="    holdout: 1.5\n"), "campaigns.spring.holdout", "less than 1"),
        (one(more="    variants: {a: 0.5, b: 0.6}\n"), "campaigns.spring.variants", "add up to 1"),
        (one(more="    starts: 2026-05-01\n    ends: 2026-04-01\n"), "ends", "not before starts"),
        (one(more="    starts: soon\n"), "campaigns.spring.starts", "YYYY-MM-DD"),
        (one(more="    colour: red\n"), "campaigns.spring.colour", "extra"),
        ("campaigns:\n  scores: {rule: orders > 1, channels: [segment]}\n", "campaigns", "none of scores"),
        ("campaigns:\n  Spring: {rule: orders > 1, channels: [segment]}\n", "campaigns", "small letters"),
        ("campaigns:\n  spring: {rule: orders > 1, channels: [fax]}\n", "channels", "one of segment"),
        ("campaigns:\n  spring: {rule: orders > 1, channels: {segment: [email]}}\n", "channels", "one of churn_score"),
        ("campaigns:\n  spring: {rule: orders > 1}\n", "campaigns.spring.channels", "required"),
        ("contacts_a_week: 0\ncampaigns: {}\n", "contacts_a_week", "or off"),
        ("campaigns: [", "", "a YAML file"),
        ("- spring\n", "", "the key campaigns"),
    ],
)
def test_every_mistake_is_one_line(tmp_path, text, field, told):
    with pytest.raises(SettingError) as error:
        load_campaigns(written(tmp_path, text))
    assert field in str(error.value)
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_no_limit_is_written_off(tmp_path):
    assert load_campaigns(written(tmp_path, "contacts_a_week: off\ncampaigns: {}\n")).contacts_a_week is None
