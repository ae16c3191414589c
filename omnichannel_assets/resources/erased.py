"""The list of erased people of a lake, opened: salted with its IDENTITY_KEY, ready to be asked.

Belongs here: reading the list. Does not: whom it recognises (``erasure``), what asks it (staging in ``assets/suppression``, the event relay).
"""

from __future__ import annotations

from collections import defaultdict

from omnichannel_assets.erasure.hashing import Hasher
from omnichannel_assets.erasure.suppression import Suppression
from omnichannel_assets.errors import SettingError
from omnichannel_assets.lake.tables_erasure import ERASURES
from omnichannel_assets.resources.workspace import Workspace

REGION = "region"
"""Kind of the rows that hold a country in clear: how the phones on the list may be written there."""


def hasher_of(workspace: Workspace) -> Hasher:
    """The hashes of this workspace's IDENTITY_KEY."""
    return Hasher(workspace.settings.identity_key.get_secret_value().encode())


def suppression_of(workspace: Workspace) -> Suppression | None:
    """The list of erased people, or None when it is empty. Raises SettingError when it was made with another IDENTITY_KEY."""
    if workspace.lake.manifest(ERASURES.name) is None:
        return None
    rows = workspace.lake.read(ERASURES)
    hashes: dict[str, set[str]] = defaultdict(set)
    for kind, value in zip(rows["kind"].to_pylist(), rows["subject_hash"].to_pylist(), strict=True):
        hashes[kind].add(value)
    hasher = hasher_of(workspace)
    if set(rows["key_check"].to_pylist()) - {hasher.key_check()}:
        raise SettingError(
            "IDENTITY_KEY",
            "another one",
            expected="the key the list of erased people was made with, or nobody on it would be recognised",
            fix="set the key this lake was made with",
            secret=True,
        )
    regions = hashes.pop(REGION, set())
    return Suppression(hasher, hashes, workspace.rules, regions) if hashes else None
