"""Jobs: which assets run together, and the approval of audiences. Sensors and schedules start them by name; people may too."""

from collections.abc import Iterable

import dagster as dg

from omnichannel_assets.automation.approval import approve_job

RECEIVED_DAY, DMS_TABLES, TRUSTED_REFRESH = "received_day", "dms_tables", "trusted_refresh"
SCORES_REFRESH, MODEL_TRAINING, DELIVERY = "scores_refresh", "model_training", "delivery"
READ_BACK = ("personalize_recommendations", "personalize_segments")
"""Results of a channel's own models: they follow its delivery."""
DELIVERIES = ("segment_delivery", "pinpoint_delivery", "connect_delivery", "personalize_delivery")
RESULTS = ("campaign_outcomes", "campaign_results")
RECEIVED_DAY_ASSETS = ("landing_files", "segment_events", "segment_duplicates", "event_facts", "order_facts")


def jobs(dms_tables: Iterable[str], as_of_days: dg.PartitionsDefinition) -> list:
    """Every job of the code location, for the DMS tables of the registry."""
    models = dg.AssetSelection.groups("models")
    made = dg.AssetSelection.groups("features", "scores", "recommend") - dg.AssetSelection.assets(*READ_BACK)
    as_of = made | dg.AssetSelection.assets("audiences", *RESULTS)
    trusted = dg.AssetSelection.groups("landing", "staged", "trusted") | dg.AssetSelection.assets("campaign_events")
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
            selection=dg.AssetSelection.assets("landing_files").downstream() & trusted,
            description="Everything from the landing zone to the trusted tables, for all received days; what is current is left alone. Runs every night.",
        ),
        dg.define_asset_job(
            SCORES_REFRESH,
            selection=models | as_of,
            description="Features, scores, lists and audiences of one as-of date, with a model trained before it. Started when the trusted tables know a new date; delivers nothing.",
        ),
        dg.define_asset_job(
            MODEL_TRAINING,
            selection=models,
            description="Train and judge the models on what was known before the newest Monday. A version that exists is kept. Runs every week.",
        ),
        dg.define_asset_job(
            DELIVERY,
            selection=dg.AssetSelection.assets(*DELIVERIES, *READ_BACK),
            description="Send one as-of date to every channel, and read back what Personalize makes of it. Started by the sensor for fresh scores.",
        ),
        approve_job(as_of_days),
    ]
