"""What is faster than what, measured side by side in one run. Ratios travel between machines, absolute times do not."""
