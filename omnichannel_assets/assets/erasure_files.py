"""Taking a person out of everything in the lake's folder that is no table: exports, the outbox, what was uploaded, the stand-ins' inbox, caches, Dagster's storage.

Only files that name the person are written anew, each in one step; folders of caches go whole. Not here: asking the channels (``deletions``).
"""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from omnichannel_assets.erasure.files import without_person
from omnichannel_assets.erasure.search import Needles
from omnichannel_assets.lake.lake import Lake

Note = Callable[[str, int], None]
"""Told file and records that go, before they do."""
CACHES = ("identity_cache/",)
OUR_FILES = ("exports/", "outbox/", "sandbox/s3/")
"""Files of ours that tell of people: scores for anybody, what channels were told here, or uploaded to the bucket that the sandbox stands for."""
INBOX = {
    "segment": ("sandbox/segment.jsonl", "sandbox/segment_rejected.jsonl"),
    "personalize": ("sandbox/personalize/", "sandbox/personalize.jsonl", "sandbox/personalize_rejected.jsonl", "sandbox/personalize_events"),
    "connect": ("sandbox/connect", "sandbox/profile"),
    "pinpoint": ("sandbox/pinpoint",),
}
"""Channel -> what its stand-in keeps; it goes when the channel says that it deleted the person."""
REQUESTS = re.compile(r"outbox/[^/]+/deletions/")
"""Requests to delete somebody, written as files for a person to run: they have to name whom."""
NOBODY = "c_" + "0" * 16


def drop_caches(lake: Lake) -> None:
    """Remove what is faster to have and safe to lose."""
    for cache in CACHES:
        shutil.rmtree(lake.store.root / cache, ignore_errors=True)


def purge_files(lake: Lake, prefixes: tuple[str, ...], needles: Needles, note: Note) -> None:
    """Write every file below some prefixes anew that names the person; requests to delete somebody stay."""
    for listed in [one for prefix in prefixes for one in lake.store.list(prefix) if not REQUESTS.match(one.key)]:
        data, gone = without_person(lake.store.read(listed.key), needles)
        if gone:
            note(listed.key, gone)
            lake.store.write(listed.key, data)


def purge_dagster(home: Path | None, customer_ids: tuple[str, ...], note: Note) -> None:
    """Replace the person's customer ids in Dagster's stored metadata (previews name a few customers by id) by the id of nobody.

    Covers Dagster's own files; another kind of storage is not reached, and the certificate says where we looked.
    """
    for path in dagster_files(home):
        if not any(one.encode() in path.read_bytes() for one in customer_ids):
            continue
        note(f"dagster:{path.name}", 1)
        if path.suffix == ".db":
            _rewrite_database(path, customer_ids)
        else:
            text = path.read_bytes()
            for one in customer_ids:
                text = text.replace(one.encode(), NOBODY.encode())
            path.write_bytes(text)


def dagster_files(home: Path | None) -> Iterator[Path]:
    """Everything Dagster keeps of its runs, write-ahead logs of its databases among it."""
    if home and home.is_dir():
        yield from (path for path in sorted(home.rglob("*")) if path.is_file())


def _rewrite_database(path: Path, customer_ids: tuple[str, ...]) -> None:
    with closing(sqlite3.connect(path, timeout=30)) as database:
        database.execute("pragma secure_delete = on")
        tables = [name for (name,) in database.execute("select name from sqlite_master where type = 'table' and name not like 'sqlite_%'")]
        for table in tables:
            columns = [row[1] for row in database.execute(f'pragma table_info("{table}")')]
            for column in columns:
                for one in customer_ids:
                    database.execute(f'update "{table}" set "{column}" = replace("{column}", ?, ?) where instr("{column}", ?) > 0', (one, NOBODY, one))
        database.commit()
        database.execute("vacuum")  # also what free pages still hold
        database.execute("pragma wal_checkpoint(truncate)")
