"""omnichannel_assets: one view of each customer, from Segment and DMS files to trusted tables, as a Dagster asset graph."""

__version__ = "0.1.0"
