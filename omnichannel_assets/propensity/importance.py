"""What moves the scores of a version: the share of each feature family, from the trees' own contributions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omnichannel_assets.propensity.reasons import FAMILIES
from omnichannel_assets.propensity.scoring import contributions
from omnichannel_assets.propensity.training import Model

if TYPE_CHECKING:
    import pyarrow as pa


def weights(model: Model, customers: pa.Table) -> dict[str, float]:
    """Feature family -> its share of the mean distance that inputs move a score, largest first."""
    import numpy as np

    found = contributions(model, customers)
    moved = {}
    for family in FAMILIES:
        inside = [index for index, name in enumerate(model.features) if name in family.names]
        together = found[:, inside].sum(axis=1)
        moved[family.name] = float(np.abs(together - together.mean()).mean())
    total = sum(moved.values()) or 1.0
    return {name: moved[name] / total for name in sorted(moved, key=lambda name: (-moved[name], name))}
