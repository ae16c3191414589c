"""Erasure: whom the list of erased people names, and what of a row or a text has to go. Arrow tables and values in, out.

Not here: where rows are stored and in which order they go (``assets/erasure*``), the channels' own deletions (``activation``).
"""
