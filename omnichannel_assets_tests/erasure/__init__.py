"""Tests of `erasure`: who is recognised, what a row loses, what the certificate says."""
