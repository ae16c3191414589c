"""Reading a file of a trial: one line a person, with the arm, what they did, and what was known before.

Here: which columns are meant and whether they can be that. Not here: what is made of them (``comparison``, ``uplift``). A trial is judged of everybody
who was in it, so a line that cannot be read stops the reading: leaving it out would be a choice that differs between arms.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from omnichannel_assets.errors import InputError
from omnichannel_assets.trials.comparison import Trial

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

CUSTOMERS = ("customerid", "customer", "custid", "clientid", "client", "userid", "user", "id")
ARMS = ("arm", "group", "testgroup", "treatment", "variant", "segment", "cell")
CONTROLS = ("control", "heldout", "holdout", "noemail", "nomail", "nocontact", "nooffer", "placebo", "none", "no", "0", "false")
OUTCOMES = (
    *("visit", "visits", "visited", "conversion", "conversions", "converted", "purchase", "purchases", "purchased", "bought", "orders", "spend", "spent"),
    *("revenue", "sales", "returned", "churned", "unsubscribed", "outcome"),
)
"""Column names that mean it, without case, blanks and signs; the first that a file has counts, of outcomes every one."""
AFTERWARDS = ("sent", "delivered", "bounced", "opened", "clicked", "isclosed")
"""Columns that tell of the campaign itself: no outcome, for control has none of it, and nothing that was known before."""
BEFORE = re.compile(r"(?:pre|before|prior|past|history|recency).*|.*before")
"""Names of columns that tell of the time before."""
MOST_ARMS, MOST_LABELS, TENTHS_FROM = 12, 30, 20


@dataclass(frozen=True)
class Chosen:
    """Columns a person named; None or empty: guessed by name. ``parts``: columns whose values (or tenths) are looked at apart."""

    customer: str | None = None
    arm: str | None = None
    control: str | None = None
    outcomes: tuple[str, ...] = ()
    covariates: tuple[str, ...] | None = None
    parts: tuple[str, ...] = ()
    shares: Mapping[str, float] | None = None


@dataclass(frozen=True)
class TrialFile:
    """A file's trial, the people's ids (line numbers where no column tells them), and every other column as inputs of an uplift model."""

    name: str
    trial: Trial
    people: Sequence[str]
    columns: Mapping[str, str]
    inputs: Mapping[str, np.ndarray] = field(default_factory=dict)


def read_trial(path: Path, chosen: Chosen) -> TrialFile:
    """The trial of a CSV or Parquet file. Raises InputError, in one line with its fix, where a column is not there or not what it should be."""
    table = _table(path)
    where = f"{path.name} with columns {', '.join(table.column_names)}"
    customer = _one(table, "--customer", chosen.customer, CUSTOMERS)
    arm = _one(table, "--arm", chosen.arm, ARMS)
    if arm is None:
        raise InputError("--arm", where, expected="a column that tells each person's arm", fix="name it with --arm")
    arms, control = _arms(table, arm, chosen.control)
    guessed = tuple(name for name in table.column_names if _plain(name) in OUTCOMES and name not in (arm, customer))
    outcomes = tuple(_named(table, "--outcomes", name) for name in chosen.outcomes) or guessed
    if not outcomes:
        raise InputError("--outcomes", where, expected="columns that tell what each person did", fix="name them with --outcomes A,B")
    covariates = _covariates(table, chosen.covariates, (*outcomes, arm, customer))
    trial = Trial(
        arms,
        control,
        {name: _numbers(table, name, "--outcomes") for name in outcomes},
        {name: _numbers(table, name, "--covariates") for name in covariates},
        {name: _labels(table, _named(table, "--by", name)) for name in chosen.parts},
        _planned(chosen.shares, arms),
    )
    columns = {"arm": arm, "control": control, "outcomes": ", ".join(outcomes), "history": ", ".join(covariates) or "none"}
    others = [name for name in table.column_names if name not in {arm, customer, *outcomes, *guessed} and _plain(name) not in AFTERWARDS]
    return TrialFile(path.name, trial, _people(table, customer), columns, _inputs(table, others))


def _table(path: Path) -> pa.Table:
    import pyarrow as pa
    from pyarrow import csv, parquet

    if path.suffix.lower() not in (".csv", ".parquet"):
        raise InputError("--trial", path.name, expected="a .csv or .parquet file", fix="convert or rename it")
    try:
        if path.suffix.lower() == ".parquet":
            table = parquet.read_table(path)
        else:
            with path.open(encoding="utf-8-sig", errors="replace") as file:
                head = file.readline(1_000_000)
            table = csv.read_csv(path, parse_options=csv.ParseOptions(delimiter=max(",;\t|", key=head.count)))
    except (OSError, pa.ArrowException) as error:
        raise InputError("--trial", f"{path.name}, which cannot be read ({type(error).__name__})", expected="a readable file", fix="check the file") from None
    if not table.num_rows:
        raise InputError("--trial", f"{path.name} without a line", expected="people in arms", fix="check the file")
    return table


def _plain(name: object) -> str:
    return "".join(letter for letter in str(name).lower() if letter.isalnum())


def _named(table: pa.Table, option: str, name: str) -> str:
    found = next((column for column in table.column_names if _plain(column) == _plain(name)), None)
    if found is None:
        raise InputError(option, f"columns {', '.join(table.column_names)}", expected=f"a column {name}", fix="name one of the file's columns")
    return found


def _one(table: pa.Table, option: str, name: str | None, guesses: Iterable[str]) -> str | None:
    if name:
        return _named(table, option, name)
    by_name = {_plain(column): column for column in reversed(table.column_names)}
    return next((by_name[guess] for guess in guesses if guess in by_name), None)


def _arms(table: pa.Table, column: str, control: str | None) -> tuple[np.ndarray, str]:
    import numpy as np

    values = table.column(column).to_pylist()
    absent = sum(value is None or not str(value).strip() for value in values)
    if absent:
        raise InputError("--arm", f"{absent:,} lines without one", expected=f"an arm in every line of {column}", fix="complete the file")
    names = sorted({str(value).strip() for value in values})
    if not 2 <= len(names) <= MOST_ARMS:
        raise InputError("--arm", f"{len(names):,} different values in {column}", expected=f"2 to {MOST_ARMS} arms", fix="name the column that tells the arm")
    shown = ", ".join(names)
    if control is not None and control not in names:
        raise InputError("--control", f"arms {shown}", expected=f"an arm {control}", fix="name one of the arms")
    guess = next((name for wanted in CONTROLS for name in names if _plain(name) == wanted), None)
    if control is None and guess is None:
        raise InputError("--control", f"arms {shown}", expected="to know which arm is control", fix="name it with --control")
    return np.array([str(value).strip() for value in values]), str(control or guess)


def _planned(shares: Mapping[str, float] | None, arms: np.ndarray) -> Mapping[str, float] | None:
    if shares is not None and set(shares) != set(arms.tolist()):
        wanted = "a share for each of " + ", ".join(sorted(set(arms.tolist())))
        raise InputError("--shares", ", ".join(shares), expected=wanted, fix="write NAME=SHARE for every arm, with commas between")
    return shares


def _covariates(table: pa.Table, named: tuple[str, ...] | None, taken: Iterable[str | None]) -> tuple[str, ...]:
    if named is not None:
        return tuple(_named(table, "--covariates", name) for name in named)
    kept = set(taken)
    return tuple(
        name for name in table.column_names if name not in kept and BEFORE.fullmatch(_plain(name)) and _is_number(table, name) and not table.column(name).null_count
    )


def _is_number(table: pa.Table, name: str) -> bool:
    import pyarrow as pa

    kind = table.schema.field(name).type
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind) or pa.types.is_boolean(kind))


def _numbers(table: pa.Table, name: str, option: str) -> np.ndarray:
    import numpy as np
    import pyarrow as pa

    column = table.column(name)
    try:
        numbers = column.cast(pa.int8() if pa.types.is_boolean(column.type) else pa.float64()).to_numpy().astype(float)
    except pa.ArrowException:
        raise InputError(option, f"{name}, which holds texts", expected="a column of numbers", fix="name another column, or write 0 and 1") from None
    unknown = int(np.count_nonzero(~np.isfinite(numbers)))
    if unknown:
        raise InputError(option, f"{unknown:,} lines without one", expected=f"a number in every line of {name}", fix="write 0 for whoever did nothing")
    return numbers


def _labels(table: pa.Table, name: str) -> np.ndarray:
    """A column's values as labels; numbers of many values as tenths of the people, 1 the lowest."""
    import numpy as np

    values = table.column(name).to_pylist()
    distinct = {value for value in values if value not in (None, "")}
    if _is_number(table, name) and len(distinct) > TENTHS_FROM:
        numbers = _numbers(table, name, "--by")
        edges = np.quantile(numbers, [tenth / 10 for tenth in range(1, 10)])
        return np.array([str(1 + int(np.searchsorted(edges, number))) for number in numbers], dtype=object)
    if len(distinct) > MOST_LABELS:
        raise InputError("--by", f"{len(distinct):,} different values in {name}", expected=f"at most {MOST_LABELS}", fix="name another column")
    return np.array([None if value is None else str(value) or None for value in values], dtype=object)


def _people(table: pa.Table, customer: str | None) -> list[str]:
    if customer is None:
        return [f"line {number}" for number in range(1, table.num_rows + 1)]
    people = [str(value) for value in table.column(customer).to_pylist()]
    twice = len(people) - len(set(people))
    if twice:
        raise InputError("--customer", f"{twice:,} lines of somebody told before", expected=f"one line a person by {customer}", fix="add up each person's outcomes")
    return people


def _inputs(table: pa.Table, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Columns as numbers: as they are, NaN for NULL; texts of few values as one column of 0 and 1 for each."""
    import numpy as np
    import pyarrow as pa

    found: dict[str, np.ndarray] = {}
    for name in names:
        if _is_number(table, name):
            column = table.column(name)
            found[name] = column.cast(pa.int8() if pa.types.is_boolean(column.type) else pa.float64()).to_numpy().astype(float)
            continue
        values = np.array([None if value is None else str(value) for value in table.column(name).to_pylist()], dtype=object)
        labels = sorted({value for value in values if value is not None})
        found |= {f"{name}={label}": (values == label).astype(float) for label in labels if len(labels) <= MOST_LABELS}
    return found
