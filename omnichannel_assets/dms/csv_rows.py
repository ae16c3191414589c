"""Turns an object's bytes into CSV records without losing one.

Belongs here: decompression that keeps what came before a break, RFC 4180 quoting that recovers after a broken record.
Not here: what the fields mean (`files`), how values are typed (`values`). Physical lines end in a line feed only: a lone
carriage return never ends a row, or text typed by a customer could forge one.
"""

import csv
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

_CHUNK = 1 << 16


@dataclass(frozen=True)
class BrokenRow:
    """A stretch of the file that is no record: why, and its text with undecodable bytes replaced."""

    rule: Literal["broken_quotes", "truncated_gzip", "damaged_gzip"]
    text: str


def decompressed(data: bytes) -> tuple[bytes, Literal["truncated_gzip", "damaged_gzip"] | None]:
    """The content of a possibly gzipped object and how it broke, if it did. Gzip is told by its magic bytes, not the name.

    A cut-off or damaged stream gives everything up to the break.
    """
    if not data.startswith(b"\x1f\x8b"):
        return data, None
    out: list[bytes] = []
    rest = data
    while rest.startswith(b"\x1f\x8b"):
        reader = zlib.decompressobj(wbits=31)
        at = 0
        while not reader.eof and at < len(rest):
            chunk = rest[at : at + _CHUNK]
            before = reader.copy()
            try:
                out.append(reader.decompress(chunk))
            except zlib.error:
                out.append(_up_to_the_damage(before, chunk))
                return b"".join(out), "damaged_gzip"
            at += _CHUNK
        if not reader.eof:
            return b"".join(out), "truncated_gzip"
        rest = reader.unused_data + rest[at:]
    # Zero bytes after the last member are padding; anything else is not ours to guess.
    return b"".join(out), "damaged_gzip" if rest.strip(b"\0") else None


def _up_to_the_damage(reader: "zlib._Decompress", chunk: bytes) -> bytes:
    out: list[bytes] = []
    try:
        for at in range(len(chunk)):
            out.append(reader.decompress(chunk[at : at + 1]))
    except zlib.error:
        pass  # the caller reports the damage; this only collects what precedes it
    return b"".join(out)


def csv_records(content: bytes, damage: Literal["truncated_gzip", "damaged_gzip"] | None) -> list[list[str] | BrokenRow]:
    """Every record of a CSV text in file order; blank lines are no records.

    Undecodable bytes stay in the fields as lone surrogates (see `is_readable`). A damaged gzip ends in exactly one `BrokenRow`
    that holds what follows the last whole row, possibly nothing.
    """
    text = content.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    tail: str | None = None
    if damage is not None:
        cut = text.rfind("\n") + 1
        text, tail = text[:cut], text[cut:]
    # Process-wide, but it only ever grows: a huge field is data, and an error inside it would let its later lines pass as rows.
    csv.field_size_limit(max(csv.field_size_limit(), len(text) + 1))
    lines = io.StringIO(text, newline="\n")
    try:
        records: list[list[str] | BrokenRow] = [record for record in csv.reader(lines, strict=True) if record]
    except csv.Error:
        records, unclosed = _salvaged(list(io.StringIO(text, newline="\n")), tail is not None)
        tail = unclosed + tail if tail is not None else None
    if damage is not None and tail is not None:
        records.append(BrokenRow(damage, readable(tail)))
    return records


class _Lines(Iterator[str]):
    """Physical lines with a position that can be moved back."""

    def __init__(self, lines: list[str]):
        self.lines, self.position = lines, 0

    def __next__(self) -> str:
        if self.position >= len(self.lines):
            raise StopIteration
        self.position += 1
        return self.lines[self.position - 1]


def _salvaged(lines: list[str], is_cut_off: bool) -> tuple[list[list[str] | BrokenRow], str]:
    """Records around broken ones: a record that breaks the quoting rules costs its first line, reading resumes at the next.

    In a cut-off text a quote left open at the end is the break itself: that stretch is returned apart.
    """
    feed = _Lines(lines)
    records: list[list[str] | BrokenRow] = []
    while True:
        reader = csv.reader(feed, strict=True)
        start = feed.position
        try:
            for record in reader:
                if record:
                    records.append(record)
                start = feed.position
            return records, ""
        except csv.Error as error:
            if is_cut_off and "end of data" in str(error):
                return records, "".join(lines[start:])
            records.append(BrokenRow("broken_quotes", readable(lines[start].rstrip("\r\n"))))
            feed.position = start + 1


def is_readable(fields: list[str]) -> bool:
    """Whether all fields were valid UTF-8."""
    try:
        "".join(fields).encode()
    except UnicodeEncodeError:
        return False
    return True


def readable(text: str) -> str:
    """`text` with undecodable bytes shown as U+FFFD, so that it can be stored."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def csv_line(fields: list[str]) -> str:
    """The fields as one CSV record, without a line end: a quarantined row's payload, readable again as it was."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(fields)  # the writer quotes line ends only if its own are of that kind
    return readable(out.getvalue().removesuffix("\r\n"))
