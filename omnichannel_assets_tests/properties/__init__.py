"""Promises about all inputs, tried on thousands of generated ones. Worked examples are beside the code they explain."""
