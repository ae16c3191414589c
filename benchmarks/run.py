"""``make bench``: run the pairs of cases in turn, print their ratios and write docs/benchmarks.md."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from benchmarks import feature_scale, identity_scale, segment_delivery

PAIRS = (
    ("stage_segment", "stage_segment_pandas", "Segment export to typed Parquet, beside json and pandas"),
    ("identity", "identity_networkx", "500,000 links: customers at every as-of date, beside components with networkx"),
    ("features", "features_pandas", "All features of one as-of date with identities as of T, beside eleven purchase features in pandas, of today"),
    ("similar_items", "similar_items_scipy", "Similar items of one as-of date, beside a sparse cosine product of today"),
    ("second_run", "full_run", "A run when nothing has changed, beside a full run"),
    ("one_day_arrives", "full_run", "A run when one of 120 days arrives, beside a full run"),
)
ROUNDS = 3


def measure(case: str, folder: Path) -> tuple[float, float]:
    """CPU seconds and peak memory (MiB) of one case in a process of its own."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.cases", case, str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    if status:
        raise SystemExit(f"{case} failed with status {status}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    """Measure every pair, interleaved, and report medians."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        measure("prepare", folder)
        measure("full_run", folder)
        for ours, peer, what in PAIRS:
            rounds = [(measure(ours, folder), measure(peer, folder)) for _ in range(ROUNDS)]
            cpu, memory = (tuple(median(side[part] for side in sides) for sides in zip(*rounds, strict=True)) for part in (0, 1))
            ratio = median(a[0] / b[0] for a, b in rounds)
            rows.append(f"| {what} | {cpu[0]:.1f} / {cpu[1]:.1f} | **{ratio:.2f}** | {memory[0]:.0f} / {memory[1]:.0f} |")
            print(rows[-1], flush=True)
    write_page([*rows, *identity_scale.rows()], feature_scale.section() + segment_delivery.section())


def write_page(rows: list[str], more: str) -> None:
    """Write docs/benchmarks.md."""
    head = f"""# Benchmarks

Made by `make bench` on {os.cpu_count()} cores, Python {platform.python_version()}. Each pair ran in turn, {ROUNDS} times, each case in a process of its own; medians.
The cases of ten million links ran once; their wall seconds are given too, and a peer that is too slow is stopped.
CPU seconds do not stretch on a busy machine; ratios travel between machines, absolute times do not. The input is the default sample
(1,500 customers, 120 days, 69,871 Segment lines, 50,636 shop database rows) and generated links.

| What, ours beside a peer | CPU s, ours / peer | ratio | peak MiB, ours / peer |
|---|---|---|---|
"""
    Path("docs").mkdir(exist_ok=True)
    Path("docs/benchmarks.md").write_text(head + "\n".join(rows) + "\n" + more, encoding="utf-8")


if __name__ == "__main__":
    main()
