"""Tests of identity: rules, normalisation, resolution, comparison. Promises about all inputs are in properties/."""
