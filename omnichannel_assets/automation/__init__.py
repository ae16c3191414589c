"""Partitions, jobs, schedules and sensors: when things run. What they do is in ``assets``."""
