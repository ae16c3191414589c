"""The models: one file a table, one SELECT a file. ``lake/engine.py`` reads them; ``conservation/`` holds the laws they must keep."""
