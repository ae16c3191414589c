"""A small made-up shop in the real file formats: the landing zone a newcomer runs on, and the answers to check a pipeline against.

Belongs here: everything that invents data. Does not belong here: reading it back, Dagster, the lake. Only `omnichannel_assets.errors`
is imported from the project, so that the truth can never be computed by the code it judges.
"""

from omnichannel_assets.sample.generate import SampleCounts, sample_settings, write_sample

__all__ = ["SampleCounts", "sample_settings", "write_sample"]
