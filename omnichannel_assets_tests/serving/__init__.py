"""Tests of the lake: store, tables, manifests, engine."""
