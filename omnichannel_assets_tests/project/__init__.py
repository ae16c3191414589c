"""Rules of the whole project: what may import what, what the graph is, how code, SQL and pages are written."""
