"""Tests of Segment exports: keys, lines, the staging model."""
