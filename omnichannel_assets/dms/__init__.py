"""The shop databases' side of the domain: which tables DMS copies, their files' names, their rows, their version history.

Plain Python: bytes, Arrow tables and values in and out, SQL as text. No Dagster, no lake, no database connection, no clock.
"""
