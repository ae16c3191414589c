"""Segment's raw exports: keys, salvage of lines, event vocabulary. Values and Arrow tables in and out; typing is SQL (``segment_calls.sql``)."""
