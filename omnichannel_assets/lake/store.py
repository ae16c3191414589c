"""One small interface to object storage, and its local-folder form.

Belongs here: listing, reading, atomic writing of whole objects. Does not: what the objects mean. Keys use ``/`` and are relative to the
store's root, as on S3, so that an S3 form can follow without a change elsewhere.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from omnichannel_assets.errors import InputError

log = logging.getLogger("omnichannel_assets")


@dataclass(frozen=True, order=True)
class ListedObject:
    """One object as a listing shows it. ``token`` changes whenever the object is rewritten; it says nothing about content."""

    key: str
    size: int
    token: str


class Store(Protocol):
    """What the lake and the landing zone need from storage."""

    def list(self, prefix: str = "") -> Iterator[ListedObject]:
        """Objects whose key starts with ``prefix``, in key order."""
        ...

    def folders(self, prefix: str = "") -> list[str]:
        """Names one level below ``prefix`` (a folder key ending in ``/`` or empty)."""
        ...

    def exists(self, key: str) -> bool: ...

    def read(self, key: str) -> bytes: ...

    def write(self, key: str, data: bytes) -> None:
        """Replace the object atomically: a reader sees the old or the new one."""
        ...

    def take(self, key: str, finished: Path) -> None:
        """Turn a finished local file into the object, atomically; the file is gone afterwards."""
        ...

    def remove(self, key: str) -> None:
        """Take the object away, if it is there."""
        ...

    def local_paths(self, keys: Iterable[str]) -> list[str]:
        """Paths a local engine can open (a remote store downloads to scratch)."""
        ...


class LocalStore:
    """A folder as a store. ``before_write(key)`` is called before every change that a reader could see (fault injection).

    Names that begin with a dot are no objects: other tools' half-written files, and our scratch.
    """

    def __init__(self, root: Path | str, before_write: Callable[[str], None] | None = None):
        self.root = Path(root).absolute()
        self.before_write = before_write

    def list(self, prefix: str = "") -> Iterator[ListedObject]:
        base, _, start = prefix.rpartition("/")
        if prefix.startswith("/"):  # no key does
            return
        for path in self._walk(self.root / base):
            key = path.relative_to(self.root).as_posix()
            if not _is_text(key):
                log.warning("%s: left out, its name is not UTF-8 and so no object key", ascii(key))
                continue
            if key.startswith(prefix) and (base or not start or key.startswith(start)):
                stat = path.stat()
                yield ListedObject(key, stat.st_size, f"{stat.st_size}-{stat.st_mtime_ns}")

    def _walk(self, folder: Path) -> Iterator[Path]:
        if not folder.is_dir():
            return
        with os.scandir(folder) as entries:
            ordered = sorted(
                (entry for entry in entries if not entry.name.startswith(".")), key=lambda entry: entry.name + "/" * entry.is_dir()
            )
        for entry in ordered:
            if entry.is_dir():
                yield from self._walk(Path(entry.path))
            elif entry.is_file():
                yield Path(entry.path)

    def folders(self, prefix: str = "") -> list[str]:
        folder = self.root / prefix
        return (
            sorted(entry.name for entry in os.scandir(folder) if entry.is_dir() and not entry.name.startswith("."))
            if folder.is_dir()
            else []
        )

    def exists(self, key: str) -> bool:
        return (self.root / key).is_file()

    def read(self, key: str) -> bytes:
        return (self.root / key).read_bytes()

    def write(self, key: str, data: bytes) -> None:
        with tempfile.NamedTemporaryFile(dir=self.scratch, delete=False) as temporary:
            temporary.write(data)
        self.take(key, Path(temporary.name))

    def take(self, key: str, finished: Path) -> None:
        if self.before_write:
            self.before_write(key)
        target = self.root / key
        target.parent.mkdir(parents=True, exist_ok=True)
        os.chmod(finished, 0o644)
        os.replace(finished, target)

    def remove(self, key: str) -> None:
        if self.exists(key):
            if self.before_write:
                self.before_write(key)
            (self.root / key).unlink()

    def take_folder(self, key: str, finished: Path) -> None:
        """Turn a finished local folder into one of the store by one rename; whatever has the name goes first. For caches, never for tables."""
        if self.before_write:
            self.before_write(key)
        target = self.root / key
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(finished, target)

    def local_paths(self, keys: Iterable[str]) -> list[str]:
        return [str(self.root / key) for key in keys]

    @property
    def scratch(self) -> Path:
        """A folder on the same file system, so that a rename is atomic; hidden from listings and from other engines."""
        folder = self.root / ".scratch"
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def _is_text(key: str) -> bool:
    try:
        key.encode()
    except UnicodeEncodeError:
        return False
    return True


def landing_store(uri: str) -> LocalStore:
    """The landing zone as a store. Raises InputError when the folder is missing."""
    if not Path(uri).is_dir():
        raise InputError(
            "LANDING_URI",
            repr(uri),
            expected="an existing folder",
            fix="name the folder Segment and DMS write to, or make one with `omnichannel sample`",
        )
    return LocalStore(uri)
