"""Promises 2 and 3 over whole runs of the pipeline: a table as of T needs nothing known at T or later, and remembers no other run.

The other landing zone is made here by taking out what was known at or after T, with gzip and csv alone. A fact is known: a Segment line
at its receivedAt, or at the end of its folder's day where that names another day (so whole later folders go, and no line of an earlier
one); a change row at its commit time, or at its file's time where it has none. T lies after the full load and, for tables without a commit
column, after their first change file, which dates the load.
"""

from __future__ import annotations

import csv
import io
import shutil
import tempfile
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from omnichannel_assets.sample import write_sample
from omnichannel_assets_tests.integration import landing_zone as zone
from omnichannel_assets_tests.integration import running

LAST_DAY = date(2025, 6, 30)
DAYS = 8
LOADED = LAST_DAY - timedelta(days=DAYS // 2 - 1)
AS_OF_TABLES = ("identities", "identity_changes", "products", "orders", "order_lines", "returns", "customer_fields", "consents", "customer_attributes", "customers", "interactions")
"""Tables computed as of T. Facts, links and staged tables are logs of everything received: they legitimately hold later rows too."""
FIRST_DAY = {"first_day": (LAST_DAY - timedelta(days=DAYS)).isoformat()}
PROFILE = settings(deadline=None, max_examples=4, derandomize=True, database=None)

as_ofs = st.integers(2, DAYS // 2).map(lambda days: LOADED + timedelta(days=days))
seeds = st.sampled_from([7, 11, 23])


@cache
def full(seed: int) -> Path:
    """A sample landing zone, written once a seed; read only."""
    folder = Path(tempfile.mkdtemp(prefix="pipeline-properties-"))
    write_sample(folder / "landing", None, customers=40, days=DAYS, seed=seed, last_day=LAST_DAY)
    return folder / "landing"


def known_before(landing: Path, as_of: date, out: Path) -> Path:
    """A copy of a landing zone without any fact known at or after 00:00 UTC of ``as_of``; positions of the others stay."""
    cut = datetime.combine(as_of, time(), UTC)
    for path in zone.segment_objects(landing):
        if int(path.parent.name) < cut.timestamp() * 1000:
            zone.put_bytes(out, path.relative_to(landing).as_posix(), path.read_bytes())
    for path in zone.table_objects(landing):
        kept = path.read_bytes() if path.name.startswith("LOAD") else rows_before(path, cut)
        if kept:
            zone.put_bytes(out, path.relative_to(landing).as_posix(), kept)
    return out


def rows_before(path: Path, cut: datetime) -> bytes:
    """The rows of a change file committed before ``cut``; a file without commit times is kept or dropped whole, by its name."""
    named = datetime.strptime(path.name[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
    records = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))
    if records[0][0] != "Op":
        return path.read_bytes() if named < cut else b""
    kept = [record for record in records[1:] if datetime.fromisoformat(record[-1]).replace(tzinfo=UTC) < cut]
    return "".join(f"{zone.csv_line(record)}\n" for record in [records[0], *kept]).encode() if kept else b""


def is_dated(landing: Path, as_of: date) -> bool:
    """Whether a change file of the table without commit column (inventory) comes before T: the first one dates its full load."""
    names = sorted(path.name for path in zone.table_objects(landing) if path.parent.name == "inventory" and not path.name.startswith("LOAD"))
    return names[0][:8] < as_of.strftime("%Y%m%d")


def tables_of(lake: Path, tables: tuple[str, ...] = AS_OF_TABLES) -> dict[str, str]:
    return {path: digest for path, digest in running.lake_bytes(lake).items() if path.split("/")[0] in tables and path.endswith(".parquet")}


@PROFILE
@given(as_ofs, seeds)
def test_tables_as_of_t_are_those_of_a_landing_zone_that_never_heard_of_later_facts(as_of, seed):
    landing = full(seed)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        earlier = known_before(landing, as_of, folder / "earlier")
        assert len(list(zone.segment_objects(earlier))) < len(list(zone.segment_objects(landing))) or as_of > LAST_DAY
        running.run_steps(running.workspace(landing, folder / "hindsight", as_of=as_of, **FIRST_DAY))
        running.run_steps(running.workspace(earlier, folder / "then", as_of=as_of, **FIRST_DAY))
        compared = AS_OF_TABLES if is_dated(landing, as_of) else tuple(name for name in AS_OF_TABLES if name != "products")
        assert running.differing(tables_of(folder / "hindsight", compared), tables_of(folder / "then", compared)) == []
        assert running.workspace(landing, folder / "then").lake.manifest("customers").rows > 40

        facts = tables_of(folder / "then", ("event_facts", "order_facts"))
        assert facts.items() <= tables_of(folder / "hindsight", ("event_facts", "order_facts")).items()


@settings(PROFILE, max_examples=3)
@given(st.lists(as_ofs, min_size=2, max_size=3, unique=True), seeds)
def test_a_lake_that_was_asked_for_other_dates_before_answers_as_a_new_one_does(dates, seed):
    landing = full(seed)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for as_of in dates:
            running.run_steps(running.workspace(landing, folder / "asked", as_of=as_of, **FIRST_DAY))
        running.run_steps(running.workspace(landing, folder / "new", as_of=dates[-1], **FIRST_DAY))
        assert running.differing(running.lake_bytes(folder / "asked"), running.lake_bytes(folder / "new")) == []


@settings(PROFILE, max_examples=2)
@given(st.randoms(use_true_random=False), as_ofs, seeds)
def test_half_of_the_files_first_and_any_as_of_between_change_no_byte_in_the_end(rng, as_of, seed):
    landing = full(seed)
    keys = sorted(path.relative_to(landing).as_posix() for path in landing.rglob("*") if path.is_file())
    first = rng.sample(keys, len(keys) // 2)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for key in first:
            zone.put_bytes(folder / "landing", key, (landing / key).read_bytes())
        running.run_steps(running.workspace(folder / "landing", folder / "halved", as_of=as_of, **FIRST_DAY))
        shutil.copytree(landing, folder / "landing", dirs_exist_ok=True)
        running.run_steps(running.workspace(folder / "landing", folder / "halved", as_of=LAST_DAY, **FIRST_DAY))
        running.run_steps(running.workspace(landing, folder / "whole", as_of=LAST_DAY, **FIRST_DAY))
        assert running.differing(running.lake_bytes(folder / "halved"), running.lake_bytes(folder / "whole")) == []
