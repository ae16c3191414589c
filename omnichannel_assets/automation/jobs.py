"""Jobs: which assets run together. Sensors and schedules start them by name; people may too."""

from collections.abc import Iterable

import dagster as dg

RECEIVED_DAY, DMS_TABLES, TRUSTED_REFRESH = "received_day", "dms_tables", "trusted_refresh"
RECEIVED_DAY_ASSETS = ("landing_files", "segment_events", "segment_duplicates", "event_facts", "order_facts")


def jobs(dms_tables: Iterable[str]) -> list:
    """Every job of the code location, for the DMS tables of the registry."""
    return [
        dg.define_asset_job(
            RECEIVED_DAY,
            selection=dg.AssetSelection.assets(*RECEIVED_DAY_ASSETS),
            description="Catalogue the landing zone, then stage the received days of the run and their facts. Started by the sensor for new Segment files.",
        ),
        dg.define_asset_job(
            DMS_TABLES,
            selection=dg.AssetSelection.assets("landing_files", *(f"dms_{name}" for name in dms_tables)),
            description="Catalogue the landing zone, then bring DMS tables up to date. Started by the sensor for new DMS files, for the tables that have any.",
        ),
        dg.define_asset_job(
            TRUSTED_REFRESH,
            selection=dg.AssetSelection.assets("landing_files").downstream(),
            description="Everything from the landing zone to the trusted tables, for all received days; what is current is left alone. Runs every night.",
        ),
    ]
