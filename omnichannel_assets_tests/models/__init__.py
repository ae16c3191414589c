"""One test module a model in ``sql/``: hand-made rows in, rows out, on the real engine."""
