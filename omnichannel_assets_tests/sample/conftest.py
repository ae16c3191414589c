"""One sample of moderate size, written and read once for all tests of this part."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from omnichannel_assets.sample import SampleCounts, write_sample
from omnichannel_assets_tests.sample.reading import Landing, read_landing


@dataclass(frozen=True)
class Sample:
    """Where the sample is, what its writer said, and what a reader finds."""

    out: Path
    truth: Path
    counts: SampleCounts
    landing: Landing


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    folder = tmp_path_factory.mktemp("sample")
    counts = write_sample(folder / "landing", folder / "truth", customers=700, days=100)
    return Sample(folder / "landing", folder / "truth", counts, read_landing(folder / "landing"))
