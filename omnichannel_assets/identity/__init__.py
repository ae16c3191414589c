"""Identity: which identifiers belong to one customer, as of any date.

Here: normalising identifiers, the merge rules, resolving links into customers and comparing two resolutions.
Not here: reading events or database rows (segment, dms), the customer table (sql), writing (lake), assets (assets/identity).
Arrow tables and values go in and out. Importing this package loads nothing heavy; `rules` is safe to import anywhere.
"""
