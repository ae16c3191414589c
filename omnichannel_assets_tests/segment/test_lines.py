"""From bytes to lines: nothing raises, nothing is lost, good lines before a break are good."""

import gzip
import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnichannel_assets.segment.lines import MAX_LINE_BYTES, STEP_BYTES, lines_table, payload_text, read_lines

LINES = [b'{"messageId":"m-%d"}' % number for number in range(12)]
TEXT = b"".join(line + b"\n" for line in LINES)
PROFILE = settings(deadline=None, max_examples=200, derandomize=True)


def packed(text: bytes) -> bytes:
    return gzip.compress(text, mtime=0)


def good(data: bytes) -> list[bytes]:
    return [line for _, line in read_lines(data).good]


def rules(data: bytes) -> list[tuple[int, str]]:
    return [(number, rule) for number, rule, _ in read_lines(data).bad]


def non_blank(text: bytes) -> int:
    return sum(bool(line.strip(b" \t\r\n\x0b\x0c")) for line in text.removeprefix(b"\xef\xbb\xbf").split(b"\n"))


@pytest.mark.parametrize(
    "data",
    [
        TEXT,
        TEXT.rstrip(b"\n"),
        TEXT.replace(b"\n", b"\r\n"),
        TEXT.replace(b"\n", b"\n\n \t\r\n"),
        b"\xef\xbb\xbf" + TEXT,
        packed(TEXT),
        packed(b"\xef\xbb\xbf" + TEXT),
        packed(TEXT[:50]) + packed(TEXT[50:]),
        packed(b"") + packed(TEXT) + packed(b""),
        packed(TEXT) + b"\x00" * 512,
    ],
    ids=["plain", "no last newline", "crlf", "blank lines", "bom", "gzip", "gzip bom", "line over two members", "empty members", "zero padding"],
)
def test_every_way_of_packing_the_same_lines_gives_the_same_lines(data):
    assert good(data) == LINES
    assert rules(data) == []


@pytest.mark.parametrize("data", [b"", b"\n", b" \r\n\t\n", b"\xef\xbb\xbf", packed(b""), packed(b"\n\n")])
def test_an_object_without_text_has_no_lines(data):
    assert read_lines(data).count == 0


def test_lines_are_numbered_as_an_editor_numbers_them():
    assert [number for number, _ in read_lines(b"\n{}\n\r\n\n{}\n").good] == [2, 5]


@pytest.mark.parametrize("members", [1, 3])
def test_an_object_cut_at_any_byte_keeps_its_whole_lines_and_sets_the_break_aside_once(members):
    size = -(-len(TEXT) // members)
    parts = [packed(TEXT[at : at + size]) for at in range(0, len(TEXT), size)]
    data = b"".join(parts)
    ends = [len(b"".join(parts[: count + 1])) for count in range(members)]
    for cut in range(2, len(data)):
        lines = good(data[:cut])
        if cut in ends:  # a complete object as far as anybody can tell: its last line may be a part of one
            assert rules(data[:cut]) == []
            lines.pop()
        else:
            assert rules(data[:cut]) == [(len(lines) + 1, "cut_off_gzip")]
        assert lines == LINES[: len(lines)]


def test_the_lines_before_a_cut_are_all_there():
    random.seed(5)
    lines = [b'{"messageId":"%s"}' % random.randbytes(30).hex().encode() for _ in range(400)]
    data = packed(b"\n".join(lines))
    found = read_lines(data[: len(data) * 3 // 4])
    assert 270 < len(found.good) < 310
    assert [line for _, line in found.good] == lines[: len(found.good)]
    assert found.bad == [(len(found.good) + 1, "cut_off_gzip", found.bad[0][2])]
    assert lines[len(found.good)].startswith(found.bad[0][2].encode())


def test_a_flipped_byte_takes_no_line_before_it_along():
    random.seed(6)
    lines = [b'{"messageId":"%s"}' % random.randbytes(30).hex().encode() for _ in range(400)]
    data = bytearray(packed(b"\n".join(lines)))
    assert len(data) > 2 * STEP_BYTES
    data[-6] ^= 1
    found = read_lines(bytes(data))
    assert [line for _, line in found.good] == lines[:-1]
    assert found.bad == [(400, "damaged_gzip", lines[-1].decode())]


def test_a_byte_flipped_anywhere_never_raises_and_leaves_at_most_one_break():
    data = packed(TEXT)
    for at in range(2, len(data)):
        broken = bytearray(data)
        broken[at] ^= 0xFF
        found = read_lines(bytes(broken))
        assert sum(rule in ("damaged_gzip", "cut_off_gzip", "trailing_garbage") for _, rule, _ in found.bad) <= 1
        assert found.count >= 1


def test_garbage_after_a_complete_object_is_one_row_and_breaks_no_line():
    data = packed(TEXT.rstrip(b"\n")) + b"\x00garbage"
    assert good(data) == LINES
    assert rules(data) == [(13, "trailing_garbage")]


def test_text_that_only_looks_packed_by_its_name_is_plain_text():
    assert good(b"\x1f\n{}") == [b"\x1f", b"{}"]


def test_an_invalid_byte_sets_aside_its_own_line_only():
    assert good(b'{"a":1}\n{"a":"\xff"}\n{"a":2}') == [b'{"a":1}', b'{"a":2}']
    assert read_lines(b'{"a":"\xff\xc3"}').bad == [(1, "invalid_utf8", '{"a":"\ufffd\ufffd"}')]


def test_a_nul_byte_does_not_reach_the_payload_of_a_bad_line():
    assert read_lines(b"\x00\xff").bad == [(1, "invalid_utf8", "\ufffd\ufffd")]
    assert good(b"\x00") == [b"\x00"]


def test_a_line_longer_than_any_call_is_set_aside_and_its_beginning_kept():
    found = read_lines(b"x" * (MAX_LINE_BYTES + 1) + b"\n{}\n" + b"y" * MAX_LINE_BYTES)
    assert [(number, len(line)) for number, line in found.good] == [(2, 2), (3, MAX_LINE_BYTES)]
    assert [(number, rule, len(payload)) for number, rule, payload in found.bad] == [(1, "line_too_long", MAX_LINE_BYTES)]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ('{"writeKey":"s3cr3t","a":1}', '{"writeKey":"dropped","a":1}'),
        ('{ "writeKey" :\t"s3cr3t" }', '{ "writeKey" :\t"dropped" }'),
        ('{"context":{"write_key":"s3cr3t"}}', '{"context":{"write_key":"dropped"}}'),
        ('{"WriteKey":"s3cr3t","write-key":"s3cr3t"}', '{"WriteKey":"dropped","write-key":"dropped"}'),
        ('{"writeKey":"s3cr3t', '{"writeKey":"dropped"'),
        ('{"writeKey":"', '{"writeKey":"dropped"'),
        ('{"writeKey":"s3cr3t\\', '{"writeKey":"dropped"'),
        ('{"writeKey":"s3c\\"r3t","a":1}', '{"writeKey":"dropped","a":1}'),
        ('{"writeKey":"","a":1}', '{"writeKey":"dropped","a":1}'),
        ('{"writeKey":537,"a":1}', '{"writeKey":"dropped","a":1}'),
        ('{"body":"{\\"writeKey\\":\\"s3cr3t\\",\\"a\\":1}"}', '{"body":"{\\"writeKey\\":\\"dropped\\",\\"a\\":1}"}'),
        ('{"body":"{\\"writeKey\\": \\"s3cr3t', '{"body":"{\\"writeKey\\": \\"dropped\\"'),
        ('{"event":"writeKey rotated"}', '{"event":"writeKey rotated"}'),
        ('{"writeKeys":["a"]}', '{"writeKeys":["a"]}'),
    ],
)
def test_the_write_key_never_reaches_a_payload(text, kept):
    assert payload_text(text.encode()) == kept
    assert "s3c" not in payload_text(text.encode())


def test_the_write_key_is_gone_from_whatever_a_cut_left_of_its_line():
    line = '{"type":"track","writeKey": "s3cr3t-s3cr3t","messageId":"m"}'
    for cut in range(1, len(line)):
        kept = payload_text(line[:cut].encode())
        assert re.search("s3c|r3t", kept) is None


def test_a_table_of_lines_keeps_text_number_and_origin():
    found = read_lines(b'{"a":"\xc3\xa9"}\n\n{}')
    table = lines_table([("s", "k", None, found), ("s2", "k2", None, read_lines(b""))])
    assert table.select(["source_id", "file", "line", "text"]).to_pylist() == [
        {"source_id": "s", "file": "k", "line": 1, "text": '{"a":"é"}'},
        {"source_id": "s", "file": "k", "line": 3, "text": "{}"},
    ]


pieces = st.lists(st.one_of(st.binary(max_size=12), st.sampled_from([b"\n", b"\r\n", b"{}", b"\xef\xbb\xbf", b"\x00", b"\x1f\x8b", b" ", b"\xff"])), max_size=12).map(b"".join)


@PROFILE
@given(pieces)
def test_every_non_blank_line_of_arbitrary_bytes_is_good_or_set_aside(data):
    found = read_lines(data)
    numbers = [number for number, _ in found.good] + [number for number, _, _ in found.bad]
    assert len(numbers) == len(set(numbers))
    if not data.startswith(b"\x1f\x8b"):
        assert found.count == non_blank(data)
    lines_table([("s", "k", None, found)])


@PROFILE
@given(st.lists(pieces, min_size=1, max_size=3), st.data())
def test_a_cut_of_any_packed_text_conserves_its_lines(texts, draw):
    data = b"".join(packed(text) for text in texts)
    whole = read_lines(data)
    assert whole.count == non_blank(b"".join(texts))
    cut = read_lines(data[: draw.draw(st.integers(2, len(data) - 1))])
    assert cut.good == whole.good[: len(cut.good)] or not cut.bad
    assert sum(rule in ("cut_off_gzip", "trailing_garbage") for _, rule, _ in cut.bad) <= 1


@PROFILE
@given(pieces, st.integers(2, 200), st.binary(min_size=1, max_size=3))
def test_no_damage_to_a_packed_object_raises(text, at, patch):
    data = packed(text)
    read_lines(data[:at] + patch + data[at + len(patch) :])
    read_lines(data[:at] + patch + data[at:])
    read_lines(b"\x1f\x8b" + patch + text)
