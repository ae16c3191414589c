"""The entrance: same arguments same bytes, refusals, sizes, counts."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from omnichannel_assets.errors import InputError
from omnichannel_assets.sample import sample_settings, write_sample
from omnichannel_assets_tests.sample.reading import read_landing, read_truth


def _digests(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_the_same_arguments_write_the_same_bytes_also_in_another_process(tmp_path):
    write_sample(tmp_path / "a/landing", tmp_path / "a/truth", customers=60, days=30)
    code = (
        "import sys; from pathlib import Path; from omnichannel_assets.sample import write_sample;"
        "write_sample(Path(sys.argv[1]) / 'landing', Path(sys.argv[1]) / 'truth', customers=60, days=30)"
    )
    environment = {"PYTHONHASHSEED": "99", "TZ": "Asia/Tokyo", "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "b")], check=True, env=environment)
    assert _digests(tmp_path / "a") == _digests(tmp_path / "b")


def test_another_seed_writes_another_shop(tmp_path):
    write_sample(tmp_path / "a", None, customers=20, days=6)
    write_sample(tmp_path / "b", None, customers=20, days=6, seed=8)
    assert set(_digests(tmp_path / "a").values()).isdisjoint(set(_digests(tmp_path / "b").values()) - set(_broken(tmp_path / "b")))


def _broken(folder: Path) -> list[str]:
    """Digests of the objects and headers that hold nothing random."""
    fixed = [p for p in folder.rglob("*") if p.is_file() and (p.name in ("empty.gz", "not-gzip.gz") or p.stat().st_size < 200)]
    return [hashlib.sha256(p.read_bytes()).hexdigest() for p in fixed]


def test_a_folder_that_holds_something_is_refused_and_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="empty"):
        write_sample(tmp_path, None, customers=2, days=2)
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match="folder"):
        write_sample(tmp_path / "file", None, customers=2, days=2)


@pytest.mark.parametrize(("customers", "days"), [(0, 10), (10, 0)])
def test_a_sample_of_nobody_or_of_no_day_is_refused(tmp_path, customers, days):
    with pytest.raises(InputError, match="at least 1"):
        write_sample(tmp_path / "out", None, customers=customers, days=days)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("customers", "days"), [(1, 1), (1, 6), (1, 120), (3, 2), (40, 6)])
def test_a_tiny_sample_has_all_seven_tables_and_readable_lines(tmp_path, customers, days):
    write_sample(tmp_path / "landing", tmp_path / "truth", customers=customers, days=days)
    landing = read_landing(tmp_path / "landing")
    folders = {p.name for p in (tmp_path / "landing/dms/retail").iterdir() if list(p.glob("LOAD00000001.csv"))}
    assert folders == {"customers", "orders", "order_lines", "returns", "products", "inventory", "subscriptions"}
    assert landing.messages and landing.malformed and landing.blank and len(landing.broken) == 3


def test_nothing_is_written_beside_the_two_folders(tmp_path):
    write_sample(tmp_path / "landing", tmp_path / "truth", customers=2, days=2)
    assert {p.name for p in tmp_path.iterdir()} == {"landing", "truth"}
    assert {p.name for p in (tmp_path / "truth").iterdir()} == {"identity.csv", "orders.csv", "consent.csv", "behaviour.csv", "counts.json"}


def test_the_counts_are_what_a_reader_counts(sample):
    landing, counts = sample.landing, sample.counts
    copies = Counter(m["messageId"] for m in landing.messages)
    assert len(copies) == counts.valid_lines
    assert sum(n - 1 for n in copies.values()) == counts.resent_lines + counts.replayed_lines
    assert len(landing.malformed) == counts.malformed_lines
    assert len(landing.messages) + len(landing.malformed) == counts.lines_in_files
    assert len(list(sample.out.glob("segment-logs/*/*/*.gz"))) == counts.segment_files + counts.broken_files
    assert len(list(sample.out.glob("dms/retail/*/*.csv"))) == counts.dms_files
    assert len(read_truth(sample.truth, "orders.csv")) == counts.orders
    written = json.loads((sample.truth / "counts.json").read_text())
    assert written["valid_lines"] == counts.valid_lines
    assert (
        sum(n for name, n in written.items() if name.startswith("dms_") and name.endswith("_rows") and "repeated" not in name)
        == counts.dms_rows
    )


def test_the_settings_are_the_first_and_last_day_that_has_a_folder(sample):
    days = sorted({int(p.name) for p in sample.out.glob("segment-logs/*/*")})
    first, last = (datetime.fromtimestamp(ms / 1000, UTC).date() for ms in (days[0], days[-1]))
    assert sample_settings(sample.counts) == {"FIRST_DAY": first, "LAST_DAY": last}
    assert last == date(2026, 6, 30)


def test_every_line_was_received_on_the_day_of_its_folder(sample):
    for message in sample.landing.messages:
        received = datetime.fromisoformat(message["receivedAt"])
        assert int(received.replace(hour=0, minute=0, second=0, microsecond=0).timestamp() * 1000) == message["_folder"]
