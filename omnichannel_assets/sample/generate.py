"""Write a whole sample: the one entrance of this package.

Belongs here: the order of the steps, the refusal to mix two landing zones, the counts. Does not belong here: any of the steps.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from omnichannel_assets.errors import InputError
from omnichannel_assets.sample.behaviour import Narrator
from omnichannel_assets.sample.campaigns import send_campaigns
from omnichannel_assets.sample.catalogue import build_catalogue
from omnichannel_assets.sample.faults import Faults
from omnichannel_assets.sample.life import live
from omnichannel_assets.sample.outbox import Outbox
from omnichannel_assets.sample.people import World, build_people
from omnichannel_assets.sample.shop import Shop
from omnichannel_assets.sample.truth import Truth
from omnichannel_assets.sample.vocabulary import TABLE_COLUMNS, Period
from omnichannel_assets.sample.writers import LandingWriter


@dataclass(frozen=True)
class SampleCounts:
    """What was written. `lines_in_files` = valid + re-sent + replayed + malformed; blank lines and broken objects are not in it."""

    first_day: date
    last_day: date
    customers: int
    valid_lines: int
    resent_lines: int
    replayed_lines: int
    malformed_lines: int
    lines_in_files: int
    segment_files: int
    broken_files: int
    orders: int
    orders_in_both: int
    voided_orders: int
    dms_rows: int
    dms_repeated_rows: int
    dms_files: int
    planted_fault_groups: int


def write_sample(
    out: Path, truth: Path | None, *, customers: int = 1500, days: int = 120, seed: int = 7, last_day: date = date(2026, 6, 30)
) -> SampleCounts:
    """Write a landing zone into the empty folder `out` and, when given, what a pipeline should find into `truth`.

    The same arguments give the same bytes. Segment covers `days` days up to `last_day`; the shop database reaches 300 days further back.
    """
    _check(out, customers, days)
    period = Period(last_day - timedelta(days=days - 1), last_day)
    catalogue = build_catalogue(seed, period)
    population = build_people(seed, customers, period, catalogue)
    world = World(seed, period, catalogue, population)
    lives = [live(world, person) for person in population.people]

    answers = Truth()
    outbox = Outbox(world, answers)
    for life in lives:
        Narrator(world, life.person, outbox).tell(life)
    send_campaigns(world, lives, outbox)
    Faults(world, outbox).plant(customers)
    shop = Shop(world)
    shop.fill(lives, answers)

    writer = LandingWriter(world, out)
    writer.write_segment(outbox.lines)
    writer.write_tables(shop.changes)
    counts: Counter[str] = Counter({"customers": customers, "orders": answers.order_count, "replayed_lines": 0, "resent_lines": 0})
    for part in (outbox.counts, shop.counts, writer.counts):
        counts.update(part)
    if truth is not None:
        answers.save(truth, dict(sorted(counts.items())))
    return _summary(period, counts, sorted({day.date() for _, day in outbox.lines}))


def sample_settings(counts: SampleCounts) -> dict[str, date]:
    """The settings that bound the partitions of a sample: first and last received day that has a folder."""
    return {"FIRST_DAY": counts.first_day, "LAST_DAY": counts.last_day}


def _check(out: Path, customers: int, days: int) -> None:
    if customers < 1 or days < 1:
        raise InputError("sample size", f"{customers} customers, {days} days", expected="at least 1 of each", fix="give larger numbers")
    if out.exists() and not out.is_dir():
        raise InputError(str(out), "a file", expected="a folder", fix="name a new folder")
    if out.exists() and (found := sum(1 for _ in out.iterdir())):
        raise InputError(str(out), f"{found} entries", expected="an empty or new folder", fix="empty it or name another one")


def _summary(period: Period, counts: Counter[str], received_days: list[date]) -> SampleCounts:
    names = [f for f in SampleCounts.__dataclass_fields__ if f not in ("first_day", "last_day", "dms_rows")]
    return SampleCounts(
        first_day=received_days[0] if received_days else period.first_day,
        last_day=received_days[-1] if received_days else period.last_day,
        dms_rows=sum(counts[f"dms_{table}_rows"] for table in TABLE_COLUMNS),
        **{name: counts[name] for name in names},
    )
