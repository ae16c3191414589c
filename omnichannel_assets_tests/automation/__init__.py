"""Tests of listing, sensors, schedules and of what a failed check stops."""
