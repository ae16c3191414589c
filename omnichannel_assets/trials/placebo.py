"""A trial of nothing (A/A): control split in two again and again, which must look like a difference about once in twenty.

More often means intervals that are too narrow or a draw that is not random; either would make campaigns look worth it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from omnichannel_assets.trials.measures import LEVEL, difference

if TYPE_CHECKING:
    import numpy as np

IsHeldOut = Callable[[str, str], bool]
"""(person, salt) -> whether the draw of that salt holds the person out."""
SPLITS = 200


@dataclass(frozen=True)
class FalsePositives:
    """How many of some splits of people who were all treated alike gave p < 0.05 for one outcome."""

    outcome: str
    splits: int
    found: int

    @property
    def share(self) -> float:
        """The share of splits, 0 to 1."""
        return self.found / self.splits

    def words(self) -> str:
        """``visit: 11 of 200 splits of control look like a difference: 5.5 % (about 5 % should)``."""
        return f"{self.outcome}: {self.found:,} of {self.splits:,} splits of control look like a difference: {100 * self.share:.1f} % (about 5 % should)"


def false_positives(people: Sequence[str], outcomes: Mapping[str, np.ndarray], is_held_out: IsHeldOut, splits: int = SPLITS) -> list[FalsePositives]:
    """Split people by ``splits`` salts and count how often an outcome differs. A split that leaves too few on a side counts as no difference."""
    import numpy as np

    found = dict.fromkeys(outcomes, 0)
    shares = {name: bool(np.isin(values, (0.0, 1.0)).all()) for name, values in outcomes.items()}
    for split in range(splits):
        apart = np.array([is_held_out(person, f"a/a {split}") for person in people], dtype=bool)
        for name, values in outcomes.items():
            told = difference(values[~apart], values[apart], is_share=shares[name])
            found[name] += told is not None and told.p is not None and told.p < LEVEL
    return [FalsePositives(name, splits, number) for name, number in found.items()]
