"""Settings: where they come from, which wins, and the one line a person reads when one is wrong."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import pytest

from omnichannel_assets.devices import gpus
from omnichannel_assets.errors import UserError
from omnichannel_assets.resources.workspace import plain_settings
from omnichannel_assets.settings import Settings, load_settings

DATE = "Fix: write a date such as 2026-01-31, or leave it empty."
WRONG = [
    ("FIRST_DAY", "yesterday", f"FIRST_DAY: expected a date written YYYY-MM-DD, got 'yesterday' (from environment). {DATE}"),
    ("LAST_DAY", "1767225600", f"LAST_DAY: expected a date written YYYY-MM-DD, got '1767225600' (from environment). {DATE}"),
    ("AS_OF", "2026-13-01", f"AS_OF: expected a date written YYYY-MM-DD, got '2026-13-01' (from environment). {DATE}"),
    ("LAKE_URI", "s3:/lake", "LAKE_URI: expected a local folder without any of * ? [ ], got 's3:/lake' (from environment). Fix: name a folder, for example data/lake."),
    ("LANDING_URI", "", "LANDING_URI: expected a local folder without any of * ? [ ], got '' (from environment). Fix: name a folder, for example data/landing."),
    ("DEFAULT_REGION", "Great Britain", "DEFAULT_REGION: expected a two-letter country code such as GB, got 'Great Britain' (from environment). Fix: write GB, for example, or leave it empty."),
    ("ENGINE_MEMORY_MB", "lots", "ENGINE_MEMORY_MB: expected a whole number of at least 256, got 'lots' (from environment). Fix: write 1024, for example."),
    ("ENGINE_THREADS", "0", "ENGINE_THREADS: expected a whole number from 1 to 256, got '0' (from environment). Fix: write the number of cores to use."),
    ("LOCK_WAIT_SECONDS", "inf", "LOCK_WAIT_SECONDS: expected a number of seconds, 0 or more, got 'inf' (from environment). Fix: write 10, for example."),
    ("MOSTLY_BAD_SHARE", "50", "MOSTLY_BAD_SHARE: expected a share above 0 and up to 1, got '50' (from environment). Fix: write 0.5, for example."),
    ("ELIGIBLE_DAYS", "-1", "ELIGIBLE_DAYS: expected a whole number of days from 0 to 36500, got '-1' (from environment). Fix: write 365, for example, or 0 for everybody with a purchase."),
    ("REPURCHASE_DAYS", "0", "REPURCHASE_DAYS: expected a whole number of days from 1 to 3650, got '0' (from environment). Fix: write 30, for example."),
    ("CHURN_DAYS", "90.5", "CHURN_DAYS: expected a whole number of days from 1 to 3650, got '90.5' (from environment). Fix: write 90, for example."),
    ("TRAINING_CUTOFFS", "1", "TRAINING_CUTOFFS: expected a whole number from 2 to 240, got '1' (from environment). Fix: write 12, for example."),
    (
        "IDENTIFIER_TRAITS",
        "loyalty_id",
        "IDENTIFIER_TRAITS: expected trait=identifier_type, such as loyalty_id=customer_ref, got 'loyalty_id' (from environment). Fix: write pairs, separated by commas.",
    ),
    (
        "NOT_MERCHANDISE",
        "(?!A).*",
        "NOT_MERCHANDISE: expected a regular expression without look-around and back-references (the SQL engine has neither), got '(?!A).*' (from environment). Fix: correct the value.",
    ),
    (
        "SEGMENT_URL",
        "https://someone:password@proxy.example.com",
        "SEGMENT_URL: expected an address such as https://api.segment.io, without a user in it, got a value that is not shown (from environment). Fix: correct the value.",
    ),
    ("CONNECT_DOMAIN", "my shop", "CONNECT_DOMAIN: expected 1 to 64 letters, digits, - and _, got 'my shop' (from environment). Fix: write omnichannel, for example."),
    (
        "CONNECT_CAMPAIGNS",
        "win_back",
        ("CONNECT_CAMPAIGNS: expected one pair campaign=id for each campaign, such as win_back=11111111-2222-3333-4444-555555555555, got 'win_back' (from environment). "
        "Fix: write win_back=ID, with the id that Connect shows, or leave it empty."),
    ),
    (
        "CONNECT_SOURCE_EMAIL",
        "the shop",
        "CONNECT_SOURCE_EMAIL: expected an e-mail address, got 'the shop' (from environment). Fix: write an address of the instance, or leave it empty.",
    ),
    (
        "CONNECT_TEMPLATE_ARN",
        "arn:aws:s3:::bucket",
        "CONNECT_TEMPLATE_ARN: expected the ARN of a message template, got 'arn:aws:s3:::bucket' (from environment). Fix: write the ARN of a message template, or leave it empty.",
    ),
    ("CONNECT_TOLERANCE", "1", "CONNECT_TOLERANCE: expected a share from 0 up to, but not, 1, got '1' (from environment). Fix: write 0.01, for example."),
    (
        "LIVE_CHANNELS",
        "connect,pinpoint",
        ("LIVE_CHANNELS: expected segment, personalize or connect: Pinpoint's service ended on 30 October 2026, its files are written only, got 'connect,pinpoint' "
        "(from environment). Fix: write segment,personalize,connect, for example, or leave it empty."),
    ),
    (
        "PERSONALIZE_S3_URI",
        "https://bucket/x",
        "PERSONALIZE_S3_URI: expected s3://bucket/prefix, got 'https://bucket/x' (from environment). Fix: write s3://my-bucket/personalize, for example, or leave it empty.",
    ),
    (
        "PERSONALIZE_CREATE",
        "solution,lambda",
        "PERSONALIZE_CREATE: expected any of event_tracker, metric_attribution, recommender, solution, campaign, batch_inference, batch_segment, comma-separated, got 'solution,lambda' (from environment). Fix: write event_tracker,solution,campaign, for example, or leave it empty.",
    ),
    ("PERSONALIZE_DOMAIN", "VIDEO", "PERSONALIZE_DOMAIN: expected ECOMMERCE or nothing, got 'VIDEO' (from environment). Fix: write ECOMMERCE, or leave it empty."),
    (
        "PERSONALIZE_RECIPE",
        "aws-sims",
        "PERSONALIZE_RECIPE: expected one of aws-user-personalization-v2, aws-user-personalization, aws-popularity-count, got 'aws-sims' (from environment). Fix: write aws-user-personalization-v2, for example.",
    ),
    (
        "PERSONALIZE_ROLE_ARN",
        "personalize",
        "PERSONALIZE_ROLE_ARN: expected the ARN of a role, such as arn:aws:iam::123456789012:role/personalize, got 'personalize' (from environment). Fix: copy the role's ARN.",
    ),
    ("AWS_REGION", "Ireland", "AWS_REGION: expected a region of AWS such as eu-west-1, got 'Ireland' (from environment). Fix: write eu-west-1, for example."),
    ("IDENTITY_MATCHING", "yes", "IDENTITY_MATCHING: expected off or on, got 'yes' (from environment). Fix: write off or on."),
    ("MATCH_THRESHOLD", "95", "MATCH_THRESHOLD: expected a probability above 0.5 and up to 1, got '95' (from environment). Fix: write 0.95, for example."),
    ("IDENTITY_KEY", "k" * 65, "IDENTITY_KEY: expected 1 to 64 bytes of text, got a value that is not shown (from environment). Fix: write a random text and keep it."),
]


@pytest.mark.parametrize(("name", "value", "line"), WRONG, ids=[name for name, _, _ in WRONG])
def test_a_wrong_setting_is_told_in_one_line_with_its_fix(name: str, value: str, line: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as told:
        load_settings(environment={name: value}, folder=tmp_path)
    assert str(told.value) == line


@pytest.mark.parametrize(
    ("named", "line"),
    [
        (
            "event_tracker,campaign",
            "PERSONALIZE_CREATE: expected solution as well, which campaign stands on, got 'event_tracker,campaign' (from environment). Fix: add solution, which is paid for.",
        ),
        (
            "recommender",
            "PERSONALIZE_CREATE: expected no recommender, because PERSONALIZE_DOMAIN is empty, got 'recommender' (from environment). Fix: set PERSONALIZE_DOMAIN=ECOMMERCE and a new PERSONALIZE_GROUP.",
        ),
    ],
)
def test_what_stands_on_something_at_personalize_needs_that_named_too(named: str, line: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as told:
        load_settings(environment={"PERSONALIZE_CREATE": named}, folder=tmp_path)
    assert str(told.value) == line


def test_matching_without_its_extra_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "splink", None)  # what Python keeps for a module that is not installed
    with pytest.raises(UserError) as told:
        load_settings(environment={"IDENTITY_MATCHING": "on"}, folder=tmp_path)
    assert str(told.value) == (
        "IDENTITY_MATCHING: expected off, because splink is not installed, got 'on' (from environment). Fix: pip install omnichannel-assets[match], or write off."
    )


def test_a_gpu_that_cannot_be_used_is_told_before_anything_runs(tmp_path: Path) -> None:
    reasons = "no driver of NVIDIA's shows a GPU here|the installed xgboost-cpu cannot use a GPU"
    with pytest.raises(UserError, match=rf"^MODEL_DEVICE: expected cpu, because ({reasons}), got 'cuda' \(from environment\)\. Fix: .*cpu.*\.$"):
        load_settings(environment={"MODEL_DEVICE": "cuda"}, folder=tmp_path)
    assert gpus("no-such-driver.so") == 0


def test_all_wrong_settings_are_told_together(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("LAKE_URL=data/lake\nENGINE_THREADS=0\n", encoding="utf-8")
    with pytest.raises(UserError) as told:
        load_settings({"as_of": "soon"}, environment={name: value for name, value, _ in WRONG}, folder=tmp_path)
    assert {line.split(":")[0] for line in str(told.value).splitlines()} == {"LAKE_URL", *(name for name, _, _ in WRONG)}


def test_days_in_the_wrong_order_are_told_with_both_dates(tmp_path: Path) -> None:
    with pytest.raises(UserError) as told:
        load_settings(environment={"FIRST_DAY": "2026-02-01", "LAST_DAY": "2026-01-01"}, folder=tmp_path)
    assert str(told.value) == "LAST_DAY: expected a day not before FIRST_DAY (2026-02-01), got '2026-01-01' (from environment). Fix: swap or correct the two."


def test_an_unknown_name_in_the_env_file_is_refused_with_the_nearest_one_and_without_its_value(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("IDENTITY_KEYS=secret\nAWS_PROFILE=shop\nDAGSTER_HOME=x\nCOLOUR=red\n", encoding="utf-8")
    with pytest.raises(UserError) as told:
        load_settings(environment={}, folder=tmp_path)
    assert str(told.value).splitlines() == [
        "IDENTITY_KEYS: expected the name of a setting, got an unknown one (from .env). Fix: did you mean IDENTITY_KEY?",
        "COLOUR: expected the name of a setting, got an unknown one (from .env). Fix: see the settings table in README.md",
    ]


def test_an_option_wins_over_the_environment_over_the_env_file_over_the_landing_zone_over_the_default(tmp_path: Path) -> None:
    landing = tmp_path / "landing"
    landing.mkdir()
    (landing / "sample.env").write_text("FIRST_DAY=2026-01-01\nLAST_DAY=2026-01-31\n", encoding="utf-8")
    (tmp_path / ".env").write_text("FIRST_DAY=2026-01-02\nENGINE_THREADS=3\nDEFAULT_REGION=GB\n", encoding="utf-8")
    environment = {"ENGINE_THREADS": "4", "DEFAULT_REGION": "FR", "HOME": "anywhere"}
    settings = load_settings({"default_region": "DE", "landing_uri": str(landing), "lake_uri": None}, environment=environment, folder=tmp_path)
    assert settings.default_region == "DE"  # option
    assert settings.engine_threads == 4  # environment
    assert settings.first_day == date(2026, 1, 2)  # .env
    assert settings.last_day == date(2026, 1, 31)  # landing zone
    assert settings.lake_uri == "data/lake"  # default


def test_the_landing_zones_file_sets_its_bounds_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "sample.env").write_text("LAST_DAY=2026-01-31\nLAKE_URI=elsewhere\nIDENTITY_KEY=theirs\n", encoding="utf-8")
    settings = load_settings({"landing_uri": str(tmp_path)}, environment={}, folder=tmp_path / "none")
    assert (settings.last_day, settings.lake_uri) == (date(2026, 1, 31), "data/lake")
    assert settings.identity_key == Settings().identity_key


def test_an_empty_date_is_open(tmp_path: Path) -> None:
    settings = load_settings(environment={"FIRST_DAY": "", "LAST_DAY": "", "AS_OF": ""}, folder=tmp_path)
    assert (settings.first_day, settings.last_day, settings.as_of) == (None, None, None)


def test_the_key_is_never_shown() -> None:
    settings = load_settings(environment={"IDENTITY_KEY": "a-random-text"}, folder=Path("none"))
    assert "a-random-text" not in f"{settings!r} {settings} {settings.model_dump()} {plain_settings(settings)}"


def test_every_setting_has_a_description_that_is_a_sentence() -> None:
    wrong = [name for name, field in Settings.model_fields.items() if not (field.description or "").endswith(".")]
    assert wrong == []


def test_settings_cannot_be_changed_once_read() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().lake_uri = "elsewhere"  # type: ignore[misc]


def test_settings_written_as_text_are_the_same_settings(tmp_path):
    """As Dagster hands them to a step."""
    given = Settings(segment_integrations={"All": False, "Braze": True}, live_channels=("segment", "personalize"), first_day=date(2026, 1, 1), campaigns="a.yaml")
    assert load_settings(plain_settings(given), environment={}, folder=tmp_path) == given
    assert load_settings(plain_settings(Settings()), environment={}, folder=tmp_path) == Settings()


def test_an_outbound_campaign_of_connect_is_made_with_all_that_it_needs_or_not_at_all(tmp_path: Path) -> None:
    live = {"DELIVERY_MODE": "live", "LIVE_CHANNELS": "connect"}
    assert load_settings({}, environment=live, folder=tmp_path).connect_instance_id == ""
    with pytest.raises(UserError) as error:
        load_settings({}, environment={**live, "CONNECT_INSTANCE_ID": "i-1"}, folder=tmp_path)
    assert str(error.value) == (
        "CONNECT_SOURCE_EMAIL: expected a value, because LIVE_CHANNELS lists connect, got '' (from environment). Fix: set it, or leave connect out."
    )
