"""The shop databases' side: which tables DMS copies, their file names, rows and version history.

Plain Python: bytes, Arrow tables and values in and out, SQL as text. No Dagster, no lake, no database connection, no clock.
"""
