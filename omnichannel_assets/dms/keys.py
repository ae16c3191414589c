"""What an object key under the DMS prefix says: the table, full load or change file, and its time.

Belongs here: names only. Nothing here opens an object (`files`). A key is matched against the registry's schema and table names
instead of being taken apart by position, because bucket, partition and date folders make the position ambiguous (spec section 1).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from omnichannel_assets.dms.registry import TableSpec

Kind = Literal["full_load", "cdc"]

_FULL_LOAD = re.compile(r"(?:SEGMENT\d+_)?LOAD[0-9A-Fa-f]{5,8}\.(?:csv|parquet)(?:\.gz)?", re.ASCII)
_CDC = re.compile(r"(?P<day>\d{8})-(?P<time>\d{6})(?P<fraction>\d{3,4})\.(?:csv|parquet)(?:\.gz)?", re.ASCII)
_DATE_FOLDER = re.compile(r"\d[\d_-]*", re.ASCII)
_MOST_DATE_FOLDERS = 4  # YYYY/MM/DD/HH


@dataclass(frozen=True)
class DmsObject:
    """One object of a registered table. `file_at` is the UTC time in a change file's name, None for a full load."""

    table: str
    kind: Kind
    file_at: datetime | None
    key: str


def parse_key(key: str, registry: Mapping[str, TableSpec]) -> DmsObject | None:
    """What `key` is, or None if it is no data file of a registered table.

    Understood (spec section 1): a bucket folder of any depth in front, one partition folder or a SEGMENT prefix for full loads,
    up to four date folders for change files, `.csv`, `.parquet`, either with `.gz`. Transaction-ordered streams
    (`CDC_TXN-*.csv`) hold the rows of all tables in one file and are not read: None. File names are taken as UTC; DMS writes
    another zone only if DatePartitionTimezone is set.
    """
    *folders, name = key.split("/")
    by_place = {(spec.schema_name, spec.name): spec.name for spec in registry.values()}
    # The rightmost schema/table pair wins: everything left of it is the bucket folder, whatever it is called.
    for at in range(len(folders) - 2, -1, -1):
        table = by_place.get((folders[at], folders[at + 1]))
        if table is not None:
            found = _read_name(table, folders[at + 2 :], name, key)
            if found is not None:
                return found
    return None


def _read_name(table: str, inner: list[str], name: str, key: str) -> DmsObject | None:
    if _FULL_LOAD.fullmatch(name):
        return DmsObject(table, "full_load", None, key) if len(inner) <= 1 and all(inner) else None
    match = _CDC.fullmatch(name)
    if match is None or len(inner) > _MOST_DATE_FOLDERS or not all(_DATE_FOLDER.fullmatch(folder) for folder in inner):
        return None
    try:
        second = datetime.strptime(match["day"] + match["time"], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    fraction = match["fraction"]  # three digits are milliseconds, four are tenths of them
    return DmsObject(table, "cdc", second + timedelta(microseconds=int(fraction.ljust(6, "0"))), key)
