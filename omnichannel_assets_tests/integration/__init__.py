"""Tests over whole runs: landing zone in, lake out."""
