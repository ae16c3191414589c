"""Tests of omnichannel_assets.dms: rows in, rows out, on a real DuckDB."""
