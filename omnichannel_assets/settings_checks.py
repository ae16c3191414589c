"""Settings that need one another, or something of the machine. Not here: the settings themselves (``settings``), one value's own form."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from omnichannel_assets.errors import SettingError

if TYPE_CHECKING:
    from omnichannel_assets.settings import Settings

CAMPAIGN_OF_CONNECT = ("connect_instance_id", "connect_source_email", "connect_template_arn")
"""What an outbound campaign of Connect is made with: all of them or none."""


def check_live(settings: Settings) -> None:
    """Live channels need their credentials named. Raises SettingError."""
    if settings.delivery_mode != "live":
        return
    needed = {
        "segment": {"SEGMENT_WRITE_KEY": settings.segment_write_key.get_secret_value()},
        "personalize": {"PERSONALIZE_ROLE_ARN": settings.personalize_role_arn, "PERSONALIZE_S3_URI": settings.personalize_s3_uri},
    }
    if "connect" in settings.live_channels:
        made_with = {name.upper(): getattr(settings, name) for name in CAMPAIGN_OF_CONNECT}
        needed["connect"] = made_with if any(made_with.values()) else {}  # with none of them no campaign is made, with some it could not be
    for channel in settings.live_channels:
        for name, value in needed[channel].items():
            if not value:
                raise SettingError(name, "", expected=f"a value, because LIVE_CHANNELS lists {channel}", fix=f"set it, or leave {channel} out")


def check_matching(settings: Settings, values: Mapping[str, tuple[Any, str]]) -> None:
    """Matching needs an extra. Raises SettingError."""
    if settings.identity_matching == "on" and find_spec("splink") is None:
        fix, source = "pip install omnichannel-assets[match], or write off", values["identity_matching"][1]
        raise SettingError("IDENTITY_MATCHING", "on", expected="off, because splink is not installed", fix=fix, source=source)


def check_device(settings: Settings, values: Mapping[str, tuple[Any, str]]) -> None:
    """A GPU must be there before anything runs, not when models learn hours later. Raises SettingError."""
    if settings.model_device != "cuda":
        return
    from omnichannel_assets.devices import without_gpu  # deferred: most use no GPU

    missing = without_gpu()
    if missing:
        reason, fix = missing
        raise SettingError("MODEL_DEVICE", "cuda", expected=f"cpu, because {reason}", fix=fix, source=values["model_device"][1])
