"""The rules file: what it says becomes rules, and one clear line for every mistake in it."""

from datetime import date

import pyarrow as pa
import pytest

from omnichannel_assets.errors import SettingError
from omnichannel_assets.identity.normalise import normalise_identifiers
from omnichannel_assets.identity.rules import DEFAULT_RULES, Caps, Composite, Limit, SharedValue
from omnichannel_assets.identity.rules_file import SHIPPED, load_rules

OWN = """
limits: {user_id: 1 ever, email: 3 a month, name_birth_date: 1 ever}
blocked: {values: ["test@example.com"]}
composites:
  name_birth_date: [first_name, last_name, birth_date|birthday]
shared:
  values:
    - {type: email, value: " Family@Example.com ", since: 2026-03-01}
    - {type: phone, value: "020 7946 0018"}
caps: {merges: 100}
"""


def written(folder, text):
    path = folder / "rules.yaml"
    path.write_text(text)
    return path


def test_the_shipped_file_is_the_default():
    assert load_rules() == DEFAULT_RULES
    assert (DEFAULT_RULES.shared.customers, DEFAULT_RULES.composites, DEFAULT_RULES.caps) == (3, (), Caps(None, 1000))


def test_an_own_file_says_its_part_and_the_shipped_one_the_rest(tmp_path):
    rules = load_rules(written(tmp_path, OWN), "GB")
    assert rules.limit_of("email") == Limit(3, "month")
    assert rules.limit_of("phone") == rules.default_limit == DEFAULT_RULES.default_limit
    assert rules.composites == (Composite("name_birth_date", ("first_name", "last_name", "birth_date|birthday")),)
    assert rules.composites[0].options == (("first_name",), ("last_name",), ("birth_date", "birthday"))
    assert rules.blocked_values == {"test@example.com"}
    assert rules.blocked_patterns == DEFAULT_RULES.blocked_patterns
    assert (rules.shared.customers, rules.caps, rules.default_region) == (3, Caps(100, 1000), "GB")


def test_declared_shared_values_are_spelled_as_the_identifiers_they_are_compared_with(tmp_path):
    rules = load_rules(written(tmp_path, OWN), "GB")
    assert rules.shared.values == (SharedValue("email", "family@example.com", date(2026, 3, 1)), SharedValue("phone", "+442079460018", None))
    raw = pa.table({"identifier_type": ["email", "phone"], "raw_value": [" Family@Example.com ", "020 7946 0018"], "country": ["GB", "GB"]})
    spelled = normalise_identifiers(raw, rules)["identifier_value"].to_pylist()
    assert spelled == [value.identifier_value for value in rules.shared.values]


def test_off_detects_no_shared_identifier_and_caps_nothing(tmp_path):
    rules = load_rules(written(tmp_path, "shared: {customers: off}\ncaps: {identifiers: 'off'}\n"))
    assert (rules.shared.customers, rules.caps) == (None, Caps(None, None))


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("email: 3 a month", "email: 3 a day", "limits.email"),
        ("email: 3 a month", "email: 0 ever", "limits.email"),
        ("email: 3 a month", "email: 3", "limits.email"),
        ("email: 3 a month", "E-Mail: 3 ever", "limits.E-Mail"),
        ('["test@example.com"]', "[0]", "blocked.values.0"),
        ('["test@example.com"]', "test", "blocked.values"),
        ('{values: ["test@example.com"]}', "{patterns: ['(']}", "blocked.patterns.0"),
        ('{values: ["test@example.com"]}', "{words: [a]}", "blocked.words"),
        ("blocked:", "blockd:", "blockd"),
        ("birth_date|birthday]", "'birth date']", "composites.name_birth_date.2"),
        ("[first_name, last_name, birth_date|birthday]", "[first_name]", "composites.name_birth_date"),
        ("[first_name, last_name, birth_date|birthday]", "[city, city]", "composites.name_birth_date"),
        ("  name_birth_date:", "  email:", "composites.email"),
        ("  name_birth_date:", "  android.idfa:", "composites.android.idfa"),
        ("shared:", "shared:\n  customers: many", "shared.customers"),
        ("shared:", "shared:\n  customers: 0", "shared.customers"),
        ("since: 2026-03-01", "since: '1 March'", "shared.values.0.since"),
        ("type: email, ", "", "shared.values.0.type"),
        ('"020 7946 0018"', "2079460018", "shared.values.1.value"),
        ('"020 7946 0018"', '"none"', "shared.values"),
        ("{merges: 100}", "{merges: -1}", "caps.merges"),
        ("caps: {merges: 100}", "priority: [email, email]", "priority"),
        ("caps: {merges: 100}", "priority: [name_birth_date]", "priority"),
        ("caps: {merges: 100}", "default_limit: lots", "default_limit"),
    ],
)
def test_a_mistake_gives_one_line_that_names_the_setting_the_file_the_field_and_the_fix(tmp_path, old, new, field):
    assert old in OWN
    path = written(tmp_path, OWN.replace(old, new))
    with pytest.raises(SettingError) as caught:
        load_rules(path, "GB")
    line = str(caught.value)
    assert line.startswith(f"IDENTITY_RULES: expected field {field}: ") and "\n" not in line
    assert str(path) in line and "Fix: " in line
    assert "7946" not in line and "Family" not in line


@pytest.mark.parametrize("text", ["", "[]", "limits: {", "limits: {email: 1 ever, email: 2 ever}", "shared: {values: [{type: email, value: a@x, since: 2026-02-30}]}"])
def test_a_file_that_is_no_rules_file_gives_one_line(tmp_path, text):
    with pytest.raises(SettingError, match=r"^IDENTITY_RULES: [^\n]+$"):
        load_rules(written(tmp_path, text))


def test_a_missing_rules_file_names_its_path(tmp_path):
    with pytest.raises(SettingError, match="no-such"):
        load_rules(tmp_path / "no-such.yaml")


def test_the_composites_shown_in_the_shipped_file_are_right(tmp_path):
    text = SHIPPED.read_text().replace("composites: {}", "composites:").replace("#  name_", "  name_")
    assert [composite.name for composite in load_rules(written(tmp_path, text)).composites] == ["name_birth_date", "name_postcode"]
