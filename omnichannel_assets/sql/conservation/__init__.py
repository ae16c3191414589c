"""Conservation laws: one file a table, over its inputs and ``built`` (the rows about to be published). ``rows_in`` = the sum of the others."""
