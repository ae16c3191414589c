"""Made-up sales with a known habit: some customers buy every few weeks, others now and then, and some stop."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

HEADER = "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country"
START = datetime(2020, 1, 3, 10)


def made_up_lines(customers: int = 90, days: int = 360, seed: int = 5) -> list[str]:
    """Lines in Online Retail II's columns, without the header."""
    rng, lines, invoice = np.random.default_rng(seed), [], 1000
    for customer in range(customers):
        pause = rng.choice([9, 25, 70])
        at, ends = rng.uniform(0, 120), rng.choice([days, rng.uniform(60, days)])
        while at < ends:
            invoice += 1
            when = START + timedelta(days=at)
            for _ in range(1 + int(rng.poisson(1))):
                lines.append(f"{invoice},{rng.integers(30)},item {rng.integers(30)},{1 + rng.poisson(2)},{when:%Y-%m-%d %H:%M:%S},{rng.integers(100, 999) / 100},{10000 + customer},UK")
            at += rng.exponential(pause)
    return lines


def write_sales(path: Path, lines: list[str], header: str = HEADER) -> Path:
    """A file of lines under a header."""
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path
