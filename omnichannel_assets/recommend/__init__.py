"""Recommendations that need no cloud service: which lists a customer, a product page or a basket gets. Plain Python; no Dagster, no lake."""
