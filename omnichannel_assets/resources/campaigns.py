"""The campaigns file in force, its rules tried against the engine once. Not here: the form of the file (``activation.campaigns_file``)."""

from __future__ import annotations

from pathlib import Path

from omnichannel_assets.activation.campaign_rule import COLUMNS
from omnichannel_assets.activation.campaigns import SETTING, Campaigns
from omnichannel_assets.activation.campaigns_file import load_campaigns
from omnichannel_assets.errors import SettingError
from omnichannel_assets.lake.engine import EngineError, EngineLimits, open_engine, quoted
from omnichannel_assets.lake.schema import SQL_TYPES


def checked_campaigns(path: Path | None) -> Campaigns:
    """The campaigns of a file (None: the package's). Raises SettingError, also for a rule that is no yes-or-no or compares unlike types."""
    found = load_campaigns(path)
    if path is not None:  # the package's own are tried by a test
        with open_engine(EngineLimits(256, 1)) as engine:
            columns = ", ".join(f"cast(null as {SQL_TYPES[kind]}) as {quoted(name)}" for name, (kind, _) in COLUMNS.items())
            for campaign in found.campaigns:
                try:
                    ((kind,),) = engine.rows(f"select typeof({campaign.rule}) from (select {columns}) as people")
                except EngineError as error:
                    kind = str(error)
                if kind != "BOOLEAN":
                    expected = f"field campaigns.{campaign.name}.rule: a condition the engine understands, which is yes or no ({kind})"
                    raise SettingError(SETTING, campaign.rule, expected=expected, fix="compare numbers with numbers and texts with texts", source=str(path))
    return found
