"""What the rules are by default, how they order types, and which ones are refused."""

import dataclasses
import subprocess
import sys

import pytest

from omnichannel_assets.errors import SettingError
from omnichannel_assets.identity.rules import DEFAULT_RULES, Caps, Composite, IdentityRules, Limit, SharedRules, SharedValue


@pytest.mark.parametrize(
    ("identifier_type", "count", "window"),
    [
        ("user_id", 1, "ever"),
        ("email", 5, "year"),
        ("phone", 5, "year"),
        ("customer_ref", 5, "ever"),
        ("anonymous_id", 5, "week"),
        ("ios.idfa", 5, "week"),
        ("ga_client_id", 5, "week"),
    ],
)
def test_default_limits_are_those_of_the_design(identifier_type, count, window):
    assert DEFAULT_RULES.limit_of(identifier_type) == Limit(count, window)


def test_composites_come_last():
    rules = dataclasses.replace(DEFAULT_RULES, composites=(Composite("a_name", ("first_name", "last_name")),))
    assert sorted(["a_name", "phone", "email"], key=rules.priority_key) == ["email", "phone", "a_name"]


def test_user_id_and_email_come_first_and_all_other_types_alphabetically():
    types = ["phone", "anonymous_id", "email", "ios.id", "user_id", "customer_ref"]
    assert sorted(types, key=DEFAULT_RULES.priority_key) == ["user_id", "email", "anonymous_id", "customer_ref", "ios.id", "phone"]


@pytest.mark.parametrize("text", ["0", "000-0000", "-", "", "-1", "null", "NULL", "anonymous", "Undefined", "None", "NaN"])
def test_placeholder_texts_are_blocked(text):
    assert DEFAULT_RULES.is_blocked(text)


@pytest.mark.parametrize("text", ["C-1", "100", "0a", "nullable", "-12", "nonesuch@example.com"])
def test_a_text_that_only_contains_a_placeholder_is_not_blocked(text):
    assert not DEFAULT_RULES.is_blocked(text)


def test_the_fingerprint_changes_with_any_rule_and_with_nothing_else():
    variants = [
        DEFAULT_RULES,
        dataclasses.replace(DEFAULT_RULES, limits={**DEFAULT_RULES.limits, "email": Limit(5, "month")}),
        dataclasses.replace(DEFAULT_RULES, default_limit=Limit(4, "week")),
        dataclasses.replace(DEFAULT_RULES, priority=("email", "user_id")),
        dataclasses.replace(DEFAULT_RULES, blocked_values=frozenset({"test"})),
        dataclasses.replace(DEFAULT_RULES, blocked_patterns=("test.*",)),
        dataclasses.replace(DEFAULT_RULES, default_region="AU"),
        dataclasses.replace(DEFAULT_RULES, composites=(Composite("name", ("first_name", "last_name")),)),
        dataclasses.replace(DEFAULT_RULES, shared=SharedRules(4)),
        dataclasses.replace(DEFAULT_RULES, shared=SharedRules(3, (SharedValue("email", "a@x.example"),))),
        dataclasses.replace(DEFAULT_RULES, caps=Caps(merges=100)),
    ]
    assert len({rules.fingerprint() for rules in variants}) == len(variants)
    reordered = dataclasses.replace(DEFAULT_RULES, limits=dict(reversed(DEFAULT_RULES.limits.items())))
    assert reordered.fingerprint() == DEFAULT_RULES.fingerprint()


@pytest.mark.parametrize(
    ("wrong", "setting"),
    [
        (lambda: Limit(0, "ever"), "IDENTITY_RULES"),
        (lambda: Limit(True, "ever"), "IDENTITY_RULES"),
        (lambda: Limit(5, "day"), "IDENTITY_RULES"),
        (lambda: IdentityRules({"email": 5}, Limit(5, "week")), "IDENTITY_RULES"),
        (lambda: IdentityRules({}, Limit(5, "week"), priority=("email", "email")), "IDENTITY_RULES"),
        (lambda: IdentityRules({}, Limit(5, "week"), blocked_patterns=("(",)), "IDENTITY_RULES"),
        (lambda: IdentityRules({}, Limit(5, "week"), default_region="Australia"), "DEFAULT_REGION"),
    ],
)
def test_a_nonsensical_rule_is_refused_in_one_line_that_names_the_setting(wrong, setting):
    with pytest.raises(SettingError) as refused:
        wrong()
    assert str(refused.value).startswith(f"{setting}: expected ")
    assert "\n" not in str(refused.value)


def test_a_limit_says_nothing_about_what_a_record_carries_and_a_blocked_value_does():
    tight = dataclasses.replace(DEFAULT_RULES, default_limit=Limit(1, "ever"), shared=SharedRules(), caps=Caps())
    assert tight.reading_fingerprint() == DEFAULT_RULES.reading_fingerprint()
    blocking = dataclasses.replace(DEFAULT_RULES, blocked_values=frozenset({"test"}))
    assert blocking.reading_fingerprint() != DEFAULT_RULES.reading_fingerprint()


def test_reading_the_rules_loads_no_heavy_library():
    check = "import sys, omnichannel_assets.identity.rules as r; r.DEFAULT_RULES; print({'pyarrow', 'numpy', 'scipy', 'phonenumbers'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
