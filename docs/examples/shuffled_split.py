# %% [markdown]
# # Why a shuffled split reports 0.999
#
# A recipe one meets everywhere: make one row a customer, call those churned who bought nothing for 90 days, shuffle the rows, keep a fifth for
# testing, tune on the rest, report one AUC. This page follows it on purpose, then takes its two mistakes out one by one.
#
# Run it: `python docs/examples/shuffled_split.py` makes up three years of sales; `python docs/examples/shuffled_split.py FILE [FILE ...]` reads your own, or
# [Online Retail II](https://archive.ics.uci.edu/dataset/502/online+retail+ii) of the UCI Machine Learning Repository saved as CSV or Parquet: one
# row a line with a customer, a time, a quantity and a unit price. Where files overlap, the later one counts.

# %%
from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import xgboost as xgb
from matplotlib.figure import Figure
from sklearn.metrics import roc_auc_score

HORIZON = pd.Timedelta(days=90)
STEP = pd.Timedelta(days=30)
HISTORY = pd.Timedelta(days=180)
"""Days of sales before the first cut-off."""
ORIGINS = 7
"""How many of the last closed cut-offs the honest figure is the mean of."""
SEED = 20
NAMES = {
    "customer": ("Customer ID", "CustomerID", "customer_id", "customer"),
    "at": ("InvoiceDate", "ordered_at", "time", "date"),
    "quantity": ("Quantity", "quantity"),
    "price": ("Price", "UnitPrice", "unit_price", "price"),
}

# %% [markdown]
# ## Sales
#
# One row a line: `customer`, `at`, `quantity` (negative: given back), `amount`.


# %%
def read_sales(paths: Sequence[Path]) -> pd.DataFrame:
    """The lines of some files, oldest file first. Raises SystemExit naming the column that a file lacks."""
    parts = sorted((_read(path) for path in paths), key=lambda part: part["at"].min())
    starts = [part["at"].min() for part in parts[1:]]
    kept = [part[part["at"] < start] for part, start in zip(parts, starts, strict=False)]
    return pd.concat([*kept, parts[-1]], ignore_index=True)


def _read(path: Path) -> pd.DataFrame:
    found = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    names = {wanted: next((name for name in known if name in found), None) for wanted, known in NAMES.items()}
    for wanted, name in names.items():
        if name is None:
            raise SystemExit(f"{path.name}: expected a column {' or '.join(NAMES[wanted])}, got {', '.join(map(str, found.columns))}")
    lines = pd.DataFrame({wanted: found[name] for wanted, name in names.items()}).dropna(subset=["customer", "at"])
    lines["at"] = pd.to_datetime(lines["at"])
    lines["amount"] = lines["quantity"] * lines.pop("price")
    return lines


def made_up_sales(customers: int = 3000, days: int = 1100) -> pd.DataFrame:
    """Sales of people who each have their own rhythm, come at some time, and stop for good at another."""
    rng = np.random.default_rng(SEED)
    first = rng.uniform(0, days - 60, customers)
    gap = rng.gamma(1.3, 70, customers) + 4
    last = first + rng.exponential(700, customers)
    orders = [np.arange(1) + start for start in first]
    for number in range(customers):
        steps = np.cumsum(rng.exponential(gap[number], 200))
        orders[number] = np.append(first[number], first[number] + steps[first[number] + steps < min(last[number], days)])
    who = np.repeat(np.arange(customers), [len(times) for times in orders])
    at = pd.Timestamp("2023-01-01") + pd.to_timedelta((np.concatenate(orders) * 1440).astype(int), unit="min")
    quantity = np.where(rng.random(len(who)) < 0.03, -1, rng.poisson(3, len(who)) + 1)
    return pd.DataFrame({"customer": who, "at": at, "quantity": quantity, "amount": quantity * rng.lognormal(2.5, 0.6, len(who))})


# %% [markdown]
# ## Features
#
# What a notebook computes of each customer with one `groupby`. Nothing here is wrong by itself: everything depends on *which lines* it is given.


# %%
def features(lines: pd.DataFrame, until: pd.Timestamp) -> pd.DataFrame:
    """One row a customer of some lines, all before ``until``. Days are counted back from it."""
    bought = lines[lines["quantity"] > 0]
    days = (until - bought["at"]) / pd.Timedelta(days=1)
    by_customer = bought.assign(age=days, day=bought["at"].dt.normalize()).groupby("customer")
    table = by_customer.agg(
        order_days=("day", "nunique"),
        lines=("age", "size"),
        spend=("amount", "sum"),
        items=("quantity", "sum"),
        newest=("age", "min"),
        oldest=("age", "max"),
    )
    table["first_to_last_order_days"] = table["oldest"] - table.pop("newest")
    table["first_order_days"] = table.pop("oldest")
    table["mean_gap_days"] = table["first_to_last_order_days"] / (table["order_days"] - 1).clip(lower=1)
    table["returned_lines"] = lines[lines["quantity"] < 0].groupby("customer").size().reindex(table.index, fill_value=0)
    return table


def bought_nothing(lines: pd.DataFrame, start: pd.Timestamp, customers: pd.Index) -> pd.Series:
    """The label: no purchase in [start, start + 90 days)."""
    inside = lines[(lines["quantity"] > 0) & (lines["at"] >= start) & (lines["at"] < start + HORIZON)]
    return pd.Series(~customers.isin(inside["customer"].unique()), index=customers)


# %% [markdown]
# ## Learning, the same for everybody


# %%
def learned(inputs: pd.DataFrame, answers: pd.Series) -> xgb.Booster:
    """Small boosted trees: enough to find what is there."""
    parameters = {
        "objective": "binary:logistic",
        "max_depth": 4,
        "eta": 0.1,
        "subsample": 0.8,
        "colsample_bytree": 0.8,
        "seed": SEED,
        "nthread": 1,
    }
    return xgb.train(parameters, xgb.DMatrix(inputs, answers.astype(float)), 150)


def auc(model: xgb.Booster, inputs: pd.DataFrame, answers: pd.Series) -> float:
    """Area under the curve of a model on some rows."""
    return float(roc_auc_score(answers, model.predict(xgb.DMatrix(inputs))))


def shuffled(inputs: pd.DataFrame, answers: pd.Series) -> float:
    """Shuffle, keep a fifth for testing, learn from the rest."""
    order = np.random.default_rng(SEED).permutation(len(inputs))
    test, rest = order[: len(order) // 5], order[len(order) // 5 :]
    return auc(learned(inputs.iloc[rest], answers.iloc[rest]), inputs.iloc[test], answers.iloc[test])


# %% [markdown]
# ## 1. The recipe
#
# One row a customer, over the whole file. Who bought nothing in the last 90 days of it has churned. But `first_to_last_order_days` was measured over
# the same 90 days: with `first_order_days` beside it, the model only has to subtract one from the other.


# %%
def snapshot(lines: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    """Features over everything, and the label of the last 90 days: the mistake."""
    end = lines["at"].max() + pd.Timedelta(minutes=1)
    inputs = features(lines, end)
    return inputs, bought_nothing(lines, end - HORIZON, inputs.index)


# %% [markdown]
# ## 2. Features before the cut-off, labels after it
#
# The same features of lines before T; the label looks at [T, T + 90 days). A cut-off every 30 days. Rows are still shuffled, so the same customer at two
# neighbouring cut-offs, whose 90 days overlap, is on both sides of the split.


# %%
def at_cutoffs(lines: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series, pd.Series]:
    """Features, labels and cut-off of every customer seen before each cut-off whose 90 days are over."""
    end, first = lines["at"].max() + pd.Timedelta(minutes=1), lines["at"].min() + HISTORY
    cutoffs = [day for day in (end - HORIZON - STEP * back for back in range(60)) if day >= first]
    parts = [features(lines[lines["at"] < day], day) for day in cutoffs]
    answers = [bought_nothing(lines, day, part.index) for day, part in zip(cutoffs, parts, strict=True)]
    when = [pd.Series(day, index=part.index) for day, part in zip(cutoffs, parts, strict=True)]
    return pd.concat(parts, ignore_index=True), pd.concat(answers, ignore_index=True), pd.concat(when, ignore_index=True)


# %% [markdown]
# ## 3. Split by time
#
# To judge a cut-off, learn only from cut-offs whose 90 days had passed by it: what could have been known on that day.


# %%
def split_by_time(inputs: pd.DataFrame, answers: pd.Series, when: pd.Series) -> list[float]:
    """AUC at each of the last cut-offs that have closed ones before them, oldest first."""
    found = []
    for day in sorted(when.unique())[-ORIGINS:]:
        known, test = when + HORIZON <= day, when == day
        if answers[known].nunique() == 2:
            found.append(auc(learned(inputs[known], answers[known]), inputs[test], answers[test]))
    return found


# %% [markdown]
# ## What is reported


# %%
def compare(lines: pd.DataFrame) -> dict[str, float]:
    """How the split was made -> AUC, from the recipe to the honest figure."""
    whole, churned = snapshot(lines)
    inputs, answers, when = at_cutoffs(lines)
    return {
        "shuffled, features of the whole file": shuffled(whole, churned),
        "shuffled, features before the cut-off": shuffled(inputs, answers),
        "by time, features before the cut-off": float(np.mean(split_by_time(inputs, answers, when))),
    }


def draw(lines: pd.DataFrame, found: dict[str, float], path: Path) -> None:
    """Left: why the recipe needs no model. Right: what each way reports."""
    inputs, churned = snapshot(lines)
    figure = Figure(figsize=(9.2, 3.4), dpi=100, layout="constrained", facecolor="white")
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.25))
    for is_churned, colour, words in ((False, "#4477AA", "bought in the last 90 days"), (True, "#EE6677", "churned")):
        rows = inputs[churned == is_churned]
        left.scatter(rows["first_order_days"], rows["first_to_last_order_days"], s=3, color=colour, label=words, linewidths=0)
    left.set_xlabel("days since the first order", fontsize=9)
    left.set_ylabel("days from first to last order", fontsize=9)
    left.legend(fontsize=8, frameon=False, loc="upper left", markerscale=3)
    left.set_title("The label is one input minus the other", fontsize=10, loc="left")
    names = list(found)[::-1]
    right.barh(
        [name.replace(", ", ",\n") for name in names], [found[name] for name in names], color=["#228833", "#CCBB44", "#EE6677"], height=0.6
    )
    for place, name in enumerate(names):
        right.text(found[name] + 0.01, place, f"{found[name]:.3f}", va="center", fontsize=11, fontweight="bold")
    right.set_xlim(0.5, 1.08)
    right.set_xticks([0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
    right.set_xlabel("AUC (0.5: no better than chance)", fontsize=9)
    right.set_title("What each split reports", fontsize=10, loc="left")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
    figure.savefig(path, metadata={"Software": None})


def main(arguments: Sequence[str] | None = None) -> dict[str, float]:
    """Print the table, draw the picture where one is asked for, and return the figures."""
    parser = argparse.ArgumentParser(description="What a shuffled split reports beside a split by time.")
    parser.add_argument("files", nargs="*", type=Path, help="lines of sales, CSV or Parquet; none: made-up sales")
    parser.add_argument("--picture", type=Path, help="where to write the picture (PNG)")
    asked = parser.parse_args(arguments)
    lines = read_sales(asked.files) if asked.files else made_up_sales()
    print(
        f"{len(lines):,} lines of {lines['customer'].nunique():,} customers, {lines['at'].min():%Y-%m-%d} to {lines['at'].max():%Y-%m-%d}"
    )
    found = compare(lines)
    for name, value in found.items():
        print(f"{name:<40} AUC {value:.3f}")
    if asked.picture:
        draw(lines, found, asked.picture)
        print(f"{asked.picture} written")
    return found


# %%
if __name__ == "__main__":
    main()
