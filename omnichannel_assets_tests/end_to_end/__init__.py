"""The whole thing as a person meets it: `dagster dev` in a copy of the project's root, its pages, its daemon and its files."""
