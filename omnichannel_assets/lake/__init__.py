"""The lake: where tables live, how they are written atomically, and the one SQL engine that reads them. No Dagster, no domain rules."""
