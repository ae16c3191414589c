"""Tests of judging on plain files of sales: reading them, and the world made of them."""
