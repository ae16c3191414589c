"""Promises about tables that can fail: contracts from the declared schemas, conservation laws, Great Expectations suites.

They run on the rows *before* these are published, so a broken promise leaves the last good table in place.
"""
