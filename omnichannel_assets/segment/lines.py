"""From the bytes of an export object to its lines, whatever state the object is in.

Belongs here: unpacking and splitting that never fails and loses nothing. Does not: what a line says. Conservation: every non-blank line is
either a good line or a quarantined one, and the break of a damaged object is one quarantined row.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

GZIP_MAGIC = b"\x1f\x8b"
MAX_LINE_BYTES = 1 << 20
"""Segment refuses calls over 32 KB; a longer line is no call. Its first MiB is kept in quarantine."""
MAX_OBJECT_BYTES = 2 << 30
"""Objects hold at most 100 MB packed; unpacking stops here so that a crafted object cannot fill the memory."""
STEP_BYTES = 1 << 12
"""How much packed data is unpacked at once: at most 1032 times as much text comes out of one step."""
WRITE_KEY = re.compile(r"""(?i)(write[_-]?key(\\*)"\s*:\s*)(?:"(?:[^"\\]|\\.)*(?:"|\\?$)|\\+"[^"]*(?:"|$)|[^\s",}\]{\[\\]+)""")
"""The credential in JSON text, also in JSON inside a JSON string, and cut off in the middle. ``macros.sql`` has the same pattern."""


@dataclass
class ObjectLines:
    """Lines of one object: ``good`` (number, text) and ``bad`` (number, rule, payload); numbers count physical lines from 1."""

    good: list[tuple[int, bytes]] = field(default_factory=list)
    bad: list[tuple[int, str, str]] = field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self.good) + len(self.bad)


def read_lines(data: bytes) -> ObjectLines:
    """Split an object into lines. gzip is told by its first two bytes; anything else is plain text.

    Of a damaged gzip object the whole lines before the break are good and the break is one quarantined row. Garbage after a complete
    object breaks no line.
    """
    text, broken = _unpack(data) if data.startswith(GZIP_MAGIC) else (data, None)
    lines = text.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    found = ObjectLines()
    last = lines.pop() if broken and broken != "trailing_garbage" else None
    for number, raw in enumerate(lines, 1):
        line = raw.strip(b" \t\r\n\x0b\x0c")
        if not line:
            continue
        rule = _unreadable(line)
        if rule:
            found.bad.append((number, rule, payload_text(line)))
        else:
            found.good.append((number, line))
    if broken:
        found.bad.append((len(lines) + 1, broken, payload_text(last or b"")))
    return found


def _unreadable(line: bytes) -> str | None:
    if len(line) > MAX_LINE_BYTES:
        return "line_too_long"
    if not line.isascii():
        try:
            line.decode()
        except UnicodeDecodeError:
            return "invalid_utf8"
    return None


def payload_text(line: bytes) -> str:
    """A line as quarantine keeps it: readable text without Segment's write key (a credential)."""
    text = line[:MAX_LINE_BYTES].decode(errors="replace").replace("\x00", "\ufffd")
    return WRITE_KEY.sub(r'\1\2"dropped\2"', text)


def _unpack(data: bytes) -> tuple[bytes, str | None]:
    """Text of all gzip members and, for a damaged object, the rule that names the break.

    Fed in small steps, and byte by byte where a step fails, so that everything before a break is out before the break is met.
    """
    parts: list[bytes] = []
    size, position = 0, 0
    unpacker = zlib.decompressobj(wbits=31)
    while position < len(data):
        step = data[position : position + STEP_BYTES]
        before = unpacker.copy()
        try:
            parts.append(unpacker.decompress(step))
        except zlib.error:
            return b"".join([*parts, *_before_error(before, step)]), "damaged_gzip"
        position += STEP_BYTES
        size += len(parts[-1])
        if size > MAX_OBJECT_BYTES:
            return b"".join(parts), "object_too_large"
        if unpacker.eof:
            position = min(position, len(data)) - len(unpacker.unused_data)
            if not data.startswith(GZIP_MAGIC, position):
                return b"".join(parts), _rest_rule(data[position:])
            unpacker = zlib.decompressobj(wbits=31)
    return b"".join(parts), (None if unpacker.eof else "cut_off_gzip")


def _rest_rule(rest: bytes) -> str | None:
    if not rest.strip(b"\x00"):
        return None
    return "cut_off_gzip" if rest == GZIP_MAGIC[:1] else "trailing_garbage"


def _before_error(unpacker: zlib._Decompress, step: bytes) -> Iterator[bytes]:
    for at in range(len(step)):
        try:
            yield unpacker.decompress(step[at : at + 1])
        except zlib.error:
            return


def lines_table(objects: Iterable[tuple[str, str, object, ObjectLines]]) -> pa.Table:
    """Good lines of several objects: source_id, file, received_day (date), line (int64), text (string)."""
    import pyarrow as pa

    columns: dict[str, list[object]] = {"source_id": [], "file": [], "received_day": [], "line": [], "text": []}
    for source_id, key, day, lines in objects:
        count = len(lines.good)
        columns["source_id"] += [source_id] * count
        columns["file"] += [key] * count
        columns["received_day"] += [day] * count
        columns["line"] += [number for number, _ in lines.good]
        columns["text"] += [text for _, text in lines.good]
    return pa.table(
        {
            "source_id": pa.array(columns["source_id"], pa.string()),
            "file": pa.array(columns["file"], pa.string()),
            "received_day": pa.array(columns["received_day"], pa.date32()),
            "line": pa.array(columns["line"], pa.int64()),
            "text": pa.array(columns["text"], pa.binary()).cast(pa.string()),
        }
    )
