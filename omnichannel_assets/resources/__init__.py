"""What steps need from outside: the landing zone, the lake, the settings; and their Dagster resource."""
