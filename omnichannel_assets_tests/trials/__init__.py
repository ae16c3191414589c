"""Tests of trials: differences and how sure they are, before, during and after; lists of people a campaign moves."""
