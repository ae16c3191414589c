"""Churn and repurchase scores: training, calibration, judgement, reasons in words. Plain Python over Arrow tables; no Dagster, no lake."""
