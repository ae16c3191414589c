"""Audiences' arms and the channels' own formats and protocols: Segment, Personalize, Pinpoint, Connect. Plain Python; no Dagster, no lake."""
