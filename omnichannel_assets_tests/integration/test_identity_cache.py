"""The graph kept between runs is only a cache: whatever happens to it, the tables of identity are those of a lake that never had one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from omnichannel_assets.assets import links
from omnichannel_assets.lake.tables_identity import IDENTIFIERS
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets_tests.integration import landing_zone as zone
from omnichannel_assets_tests.integration import running
from omnichannel_assets_tests.integration.test_faults import Crash, grown

TABLES = ("identifiers", "identities", "identity_changes", "shared_identifiers")


def brought(opened: Workspace) -> int:
    """Runs every step up to identities; returns how many identifiers were resolved for it."""
    with opened.lake.writing():
        for step in running.steps(opened):
            report = step()
            if not isinstance(report, tuple) and report.table.name == "identities":
                return int(report.figures.get("identifiers resolved again", 0))
    raise AssertionError("no identities among the steps")


def tables_of(lake: Path) -> dict[str, str]:
    return {path: digest for path, digest in running.lake_bytes(lake).items() if path.split("/")[0] in TABLES or path.split("/")[1] in TABLES}


@pytest.fixture(scope="module")
def before(tmp_path_factory) -> tuple[Path, Path, Path]:
    """A landing zone, a lake brought up to date with it, and the landing zone one delivery later."""
    folder = tmp_path_factory.mktemp("kept")
    landing = folder / "landing"
    people = [zone.call(f"p{n}", userId=f"u-{n}", anonymousId=f"a-{n}") for n in range(9)]
    kiosk = [zone.call(f"k{n}", seconds=60 + n, userId=f"u-{n}", anonymousId="kiosk") for n in range(6)]
    zone.put_segment(landing, "one", [*people, *kiosk])
    zone.put_segment(landing, "two", [zone.call("m1", zone.DAY.replace(day=11), userId="u-2", anonymousId="a-2")], day=zone.DAY.replace(day=11))
    zone.put_table(landing, "customers", "LOAD00000001.csv", zone.CUSTOMERS, zone.customer("C1"), zone.customer("C2", email="c2@example.com"))
    brought(running.workspace(landing, folder / "lake"))
    later = grown(landing, folder / "later")
    return folder / "lake", landing, later


@pytest.fixture(scope="module")
def clean(before, tmp_path_factory) -> dict[str, str]:
    lake = tmp_path_factory.mktemp("clean") / "lake"
    brought(running.workspace(before[2], lake))
    return tables_of(lake)


def damage_nothing(lake: Path) -> None:
    """A cache as it was left."""


def delete(lake: Path) -> None:
    shutil.rmtree(lake / "identity_cache")


def flip_a_byte_of_every_file(lake: Path) -> None:
    for path in (lake / "identity_cache").rglob("*.arrow"):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(bytes(content))


def cut_the_rows_short(lake: Path) -> None:
    (path,) = (lake / "identity_cache").rglob("rows.arrow")
    path.write_bytes(path.read_bytes()[:100])


def write_nonsense_about_it(lake: Path) -> None:
    (path,) = (lake / "identity_cache").rglob("meta.json")
    path.write_text('{"terms": 1', encoding="utf-8")


def keep_it_from_other_tables(lake: Path) -> None:
    (folder,) = (lake / "identity_cache").iterdir()
    folder.rename(folder.with_name("another"))


@pytest.mark.parametrize(
    ("damage", "is_kept"),
    [(damage_nothing, True), (delete, False), (flip_a_byte_of_every_file, False), (cut_the_rows_short, False), (write_nonsense_about_it, False), (keep_it_from_other_tables, False)],
    ids=lambda value: getattr(value, "__name__", None),
)  # fmt: skip
def test_the_tables_are_the_same_with_a_good_a_bad_and_no_cache(before, clean, tmp_path, damage, is_kept):
    lake, _, later = before
    shutil.copytree(lake, tmp_path / "lake")
    damage(tmp_path / "lake")
    resolved = brought(running.workspace(later, tmp_path / "lake"))
    assert running.differing(tables_of(tmp_path / "lake"), clean) == []
    identifiers = running.workspace(later, tmp_path / "lake").lake.manifest("identities").counts["identifiers"]
    assert (resolved < identifiers) is is_kept
    assert len(list((tmp_path / "lake" / "identity_cache").iterdir())) == 1


def test_a_cache_of_another_key_is_not_believed(before, tmp_path):
    lake, landing, _ = before
    shutil.copytree(lake, tmp_path / "lake")
    brought(running.workspace(landing, tmp_path / "lake", identity_key="another key of sixteen or more"))
    brought(running.workspace(landing, tmp_path / "clean", identity_key="another key of sixteen or more"))
    assert running.differing(tables_of(tmp_path / "lake"), tables_of(tmp_path / "clean")) == []


@pytest.mark.parametrize("table", ["tables/identity_changes", "tables/identities/_manifest", "identity_cache"])
def test_a_crash_between_the_tables_and_the_cache_costs_a_full_build_and_nothing_else(before, clean, tmp_path, table):
    lake, _, later = before
    shutil.copytree(lake, tmp_path / "lake")

    def crash(key: str) -> None:
        if key.startswith(table):
            raise Crash

    with pytest.raises(Crash):
        brought(running.workspace(later, tmp_path / "lake", before_write=crash))
    brought(running.workspace(later, tmp_path / "lake"))
    assert running.differing(tables_of(tmp_path / "lake"), clean) == []


def test_only_parts_whose_inputs_changed_are_made_again_and_a_part_without_a_source_goes(before, tmp_path):
    lake, landing, later = before
    shutil.copytree(lake, tmp_path / "lake")
    opened = running.workspace(later, tmp_path / "lake")
    with opened.lake.writing():
        made = [report for step in running.steps(opened) if not isinstance(report := step(), tuple) and report.table.name == "identifiers"]
    assert [report.rewritten for report in made] == [["segment_2025-03-10", "dms_customers", "dms_orders"]]
    both = ["segment_2025-03-10", "segment_2025-03-11"]
    assert [part for part in opened.lake.stored_values(IDENTIFIERS) if part.startswith("segment")] == both
    narrow = running.workspace(landing, tmp_path / "lake", last_day="2025-03-10")
    links.collect_links(narrow)
    assert [day for day in both if narrow.lake.paths(IDENTIFIERS, [day])] == both[:1]
    assert not list((tmp_path / "lake" / "tables" / "identifiers" / "part=segment_2025-03-11").iterdir())
