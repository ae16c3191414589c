"""One object in, change-log rows and quarantine rows out. The examples are those of spec section 8."""

import gzip
import io
import json
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from omnichannel_assets.dms.files import changes_schema
from omnichannel_assets_tests.dms.running import parsed, spec_of

SALES = spec_of(
    name="store_sales",
    columns={"sale_id": "integer", "store_id": "integer", "customer_ref": "text", "sku": "text", "qty": "integer", "unit_price": "decimal", "note": "text", "sold_at": "timestamp"},
    key=["sale_id"],
    event_at="sold_at",
)
LOAD, CDC = "pos/public/store_sales/LOAD00000001.csv", "pos/public/store_sales/20261119-211403123.csv"
FULL_LOAD = '''Op,sale_id,store_id,customer_ref,sku,qty,unit_price,note,sold_at,dms_ts
I,5001,17,C-1042,SKU-1-RED-M,2,19.75,"gift, wrapped",2026-11-01 10:00:00.000000,2026-11-19 00:00:00.000000
I,5002,17,\\N,SKU-9,1,10.00,"customer said ""no bag""",2026-11-01 10:05:00.000000,2026-11-19 00:00:00.000000
I,5003,17,,SKU-9,1,10.00,"two
lines",2026-11-01 10:06:00.000000,2026-11-19 00:00:00.000000
'''
PAIR = spec_of(columns={"id": "text", "n": "integer"}, key=["id"])
PAIR_LOAD, PAIR_CDC = "public/t/LOAD00000001.csv", "public/t/20261119-211403123.csv"


def rows(read, *names):
    return [tuple(row[name] for name in names) for row in read.changes.to_pylist()]


def set_aside(read):
    return [(row["rule"], row["position"]) for row in read.quarantined.to_pylist()]


def test_quoted_commas_quotes_and_newlines_nulls_and_empty_texts_survive():
    read = parsed(FULL_LOAD, LOAD, SALES)
    assert read.changes.schema == changes_schema(SALES)
    assert (read.rows_read, read.quarantined.num_rows) == (3, 0)
    assert rows(read, "sale_id", "customer_ref", "note", "unit_price", "row") == [
        (5001, "C-1042", "gift, wrapped", Decimal("19.75"), 1),
        (5002, None, 'customer said "no bag"', Decimal("10.00"), 2),
        (5003, "", "two\nlines", Decimal("10.00"), 3),
    ]
    first = read.changes.to_pylist()[0]
    assert {k: first[k] for k in ("op", "kind", "file_at", "object_key", "object_etag", "extra", "change_seq")} == {
        "op": "I", "kind": "full_load", "file_at": None, "object_key": LOAD, "object_etag": "e1", "extra": None, "change_seq": None,
    }  # fmt: skip
    assert (first["sold_at"], first["committed_at"]) == (datetime(2026, 11, 1, 10, tzinfo=UTC), datetime(2026, 11, 19, tzinfo=UTC))


def test_default_settings_give_files_of_different_width_in_one_folder():
    load = parsed('5001,17,C-1042,SKU-1-RED-M,2,19.75,"gift, wrapped",2026-11-01 10:00:00.000000\n', LOAD, SALES)
    cdc = parsed('U,5001,17,C-1042,SKU-1-RED-M,3,19.75,"gift, wrapped",2026-11-01 10:00:00.000000\nD,5002,17,NULL,SKU-9,1,10.00,NULL,NULL\n', CDC, SALES)
    assert rows(load, "op", "sale_id", "qty", "committed_at") == [("I", 5001, 2, None)]
    assert rows(cdc, "op", "sale_id", "qty", "customer_ref", "note", "sold_at") == [
        ("U", 5001, 3, "C-1042", "gift, wrapped", datetime(2026, 11, 1, 10, tzinfo=UTC)),
        ("D", 5002, 1, None, None, None),
    ]
    assert cdc.changes["file_at"][0].as_py() == datetime(2026, 11, 19, 21, 14, 3, 123000, tzinfo=UTC)


def test_a_column_added_at_the_source_lands_in_extra():
    header = "Op,sale_id,store_id,customer_ref,sku,qty,unit_price,note,sold_at,channel,dms_ts\n"
    row = "I,5009,17,C-1042,SKU-9,1,10.00,\\N,2026-11-20 09:00:00.000000,{},2026-11-20 09:00:01.000000\n"
    read = parsed(header + row.format("kiosk") + row.format("\\N") + row.format(""), CDC, SALES)
    assert [row[0] for row in rows(read, "extra")] == ['{"channel": "kiosk"}', None, '{"channel": ""}']


def test_columns_are_found_by_name_when_reordered_missing_or_in_another_case():
    read = parsed("Op,dms_ts,N,colour,ID\nU,2026-11-19 21:00:00,4,red,a\n", PAIR_CDC, PAIR)
    assert rows(read, "op", "id", "n", "extra", "committed_at") == [("U", "a", 4, '{"colour": "red"}', datetime(2026, 11, 19, 21, tzinfo=UTC))]
    wide = spec_of(columns={"id": "text", "n": "integer", "m": "integer"}, key=["id"])
    assert rows(parsed("id,n\na,4\n", PAIR_LOAD, wide), "id", "n", "m") == [("a", 4, None)]


@pytest.mark.parametrize(
    ("key", "content", "op", "committed"),
    [
        (PAIR_LOAD, "a,1\n", "I", False),
        (PAIR_LOAD, "I,a,1\n", "I", False),
        (PAIR_LOAD, "a,1,2026-11-19 00:00:00\n", "I", True),
        (PAIR_LOAD, "I,a,1,2026-11-19 00:00:00\n", "I", True),
        (PAIR_CDC, "U,a,1\n", "U", False),
        (PAIR_CDC, "U,a,1,2026-11-19 00:00:00\n", "U", True),
        (PAIR_CDC, "a,1\n", "I", False),
    ],
)
def test_without_a_header_the_width_says_which_columns_dms_added(key, content, op, committed):
    read = parsed(content, key, PAIR)
    assert rows(read, "op", "id", "n") == [(op, "a", 1)]
    assert (read.changes["committed_at"][0].as_py() is not None) is committed


def test_the_default_null_text_counts_in_files_without_a_header_only():
    text = spec_of(columns={"id": "text", "note": "text"}, key=["id"])
    assert rows(parsed("a,NULL\nb,\\N\n", PAIR_LOAD, text), "note") == [(None,), (None,)]
    assert rows(parsed("id,note\na,NULL\nb,\\N\n", PAIR_LOAD, text), "note") == [("NULL",), (None,)]


def test_each_bad_row_is_set_aside_with_its_rule_and_place_and_the_good_rows_around_it_flow():
    content = (
        b"Op,id,n,dms_ts\n"
        b"I,a,1,2026-11-19 00:00:00\n"
        b"X,b,1,2026-11-19 00:00:00\n"
        b"I,\\N,1,2026-11-19 00:00:00\n"
        b"I,,1,2026-11-19 00:00:00\n"
        b"\n"
        b"I,c,one,2026-11-19 00:00:00\n"
        b"I,d,1\n"
        b"I,\xff,1,2026-11-19 00:00:00\n"
        b"I,e,1,yesterday\n"
        b'I,"f"g,1,2026-11-19 00:00:00\n'
        b"I,h,1,2026-11-19 00:00:00\n"
        b'I,"i,1,2026-11-19 00:00:00\n'
        b"I,j,1,2026-11-19 00:00:00\n"
    )
    read = parsed(content, PAIR_CDC, PAIR)
    assert rows(read, "id", "row") == [("a", 1), ("h", 10), ("j", 12)]
    assert set_aside(read) == [
        ("unknown_op", 2), ("missing_key", 3), ("missing_key", 4), ("unreadable_integer:n", 5), ("wrong_width", 6), ("invalid_utf8", 7),
        ("unreadable_timestamp:dms_ts", 8), ("broken_quotes", 9), ("broken_quotes", 11),
    ]  # fmt: skip
    assert read.quarantined["payload"][5].as_py() == "I,\ufffd,1,2026-11-19 00:00:00"
    assert read.rows_read == 12


def test_text_typed_by_a_customer_cannot_forge_a_row():
    text = spec_of(columns={"id": "text", "note": "text"}, key=["id"])
    forged = 'a,"hello\nx,forged\n"\n'
    assert rows(parsed("id,note\n" + forged, PAIR_LOAD, text), "id") == [("a",)]
    assert rows(parsed("id,note\n" + 'a,"hello\nx,forged\n",surplus\n', PAIR_LOAD, text), "id") == []
    assert rows(parsed("id,note\na,hello\rx,forged\n", PAIR_LOAD, text), "id") == []
    huge = 'a,"' + "y" * 200_000 + '\nx,forged\n"\n'
    assert [row[0] for row in rows(parsed("id,note\n" + huge, PAIR_LOAD, text), "id")] == ["a"]
    cut = gzip.compress(("id,note\nb,1\n" + forged).encode())
    for length in range(20, len(cut)):
        assert all(row[0] in "ab" for row in rows(parsed(cut[:length], PAIR_LOAD, text), "id"))


def test_formulas_and_sql_are_only_text():
    text = spec_of(columns={"id": "text", "note": "text"}, key=["id"])
    evil = ["=HYPERLINK(1)", "'; drop table t; --", "\u202e", "a\x00b", "{{7*7}}"]
    content = "id,note\n" + "".join(f"{n},{value}\n" for n, value in enumerate(evil))
    assert [row[0] for row in rows(parsed(content, PAIR_LOAD, text), "note")] == evil


def test_a_customer_called_like_a_column_is_no_header():
    people = spec_of(columns={"first_name": "text", "last_name": "text", "n": "integer"}, key=["n"])
    assert rows(parsed("first_name,last_name,1\n", PAIR_LOAD, people), "first_name", "n") == [("first_name", 1)]


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n\n", b"\xef\xbb\xbf", b"Op,id,n,dms_ts\n", gzip.compress(b"", mtime=0)])
def test_an_object_without_data_rows_gives_none(content):
    read = parsed(content, PAIR_CDC, PAIR)
    assert (read.rows_read, read.changes.num_rows, read.quarantined.num_rows) == (0, 0, 0)


def test_gzip_is_told_by_its_bytes_and_may_have_several_members():
    content = gzip.compress(b"Op,id,n\nI,a,1\n") + gzip.compress(b"I,b,2\n") + b"\0\0"
    assert rows(parsed(content, PAIR_CDC, PAIR), "id", "n") == [("a", 1), ("b", 2)]
    assert rows(parsed(b"\xef\xbb\xbfOp,id,n\r\nI,a,1\r\n", PAIR_CDC + ".gz", PAIR), "id", "n") == [("a", 1)]


def test_a_cut_off_gzip_keeps_the_whole_rows_and_sets_the_break_aside_once():
    lines = ["Op,id,n"] + [f"I,{n * 7919 % 10007},{n}" for n in range(2000)]
    whole = gzip.compress("\n".join(lines).encode() + b"\n", mtime=0)
    read = parsed(whole[: len(whole) // 2], PAIR_CDC, PAIR)
    assert 100 < read.changes.num_rows < 2000
    assert set_aside(read) == [("truncated_gzip", read.changes.num_rows + 1)]
    assert [row[0] for row in rows(read, "n")] == list(range(read.changes.num_rows))


def test_a_damaged_gzip_keeps_what_precedes_the_damage():
    whole = bytearray(gzip.compress("".join(f"I,{n},{n}\n" for n in range(9)).encode()))
    whole[-6] ^= 0xFF                       # the checksum
    read = parsed(bytes(whole), PAIR_CDC, PAIR)
    assert read.changes.num_rows == 9
    assert set_aside(read) == [("damaged_gzip", 10)]


def test_the_change_sequence_is_read_and_empty_ones_are_null():
    spec = spec_of(columns={"id": "text", "n": "integer"}, key=["id"], change_seq="seq")
    read = parsed("Op,id,n,seq,dms_ts\nU,a,1,2026111921140000,2026-11-19 00:00:00\nU,a,2,,2026-11-19 00:00:00\n", PAIR_CDC, spec)
    assert rows(read, "n", "change_seq", "extra") == [(1, "2026111921140000", None), (2, None, None)]
    assert rows(parsed("U,a,1,77,2026-11-19 00:00:00\n", PAIR_CDC, spec), "n", "change_seq") == [(1, "77")]


def test_cells_that_a_change_did_not_carry_are_named():
    spec = spec_of(columns={"id": "text", "n": "integer", "m": "text"}, key=["id"], no_value_token="<none>")
    read = parsed("Op,id,n,m\nU,a,<none>,<none>\nU,a,1,x\nU,<none>,1,x\n", PAIR_CDC, spec)
    assert rows(read, "n", "m", "unsupplied") == [(None, None, "n,m"), (1, "x", None)]
    assert set_aside(read) == [("missing_key", 3)]


def parquet(**columns) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


def test_parquet_files_are_read_by_column_name():
    content = parquet(
        Op=["I", "U", "Z"],
        n=pa.array([1, None, 3], pa.int16()),
        id=["a", "b", "c"],
        colour=pa.array(["red", None, "blue"]),
        dms_ts=["2026-11-19 21:14:01.000000"] * 3,
    )
    read = parsed(content, PAIR_CDC.replace(".csv", ".parquet"), PAIR)
    assert rows(read, "op", "id", "n", "extra", "row") == [("I", "a", 1, '{"colour": "red"}', 1), ("U", "b", None, None, 2)]
    assert set_aside(read) == [("unknown_op", 3)]
    assert json.loads(read.quarantined["payload"][0].as_py())["colour"] == "blue"


@pytest.mark.parametrize("content", [b"no parquet", b"PAR1", parquet(id=["a"])[:-20], gzip.compress(parquet(id=["a"]), mtime=0)[:-30]])
def test_an_unreadable_parquet_file_is_one_quarantine_row(content):
    read = parsed(content, PAIR_CDC.replace(".csv", ".parquet"), PAIR)
    assert set_aside(read) == [("unreadable_file", 0)]
    assert (read.rows_read, read.changes.num_rows) == (1, 0)


def test_a_parquet_file_without_the_key_sets_every_row_aside():
    read = parsed(parquet(Op=["I", "I"], n=[1, 2]), PAIR_CDC.replace(".csv", ".parquet"), PAIR)
    assert set_aside(read) == [("missing_key", 1), ("missing_key", 2)]


BOUNDED = spec_of(columns={"nr": "integer", "card": "integer", "shop_id": "integer", "n": "integer", "price": "decimal"}, key=["nr"], identifiers={"card": "card_no"})
BIG = 2**40


@pytest.mark.parametrize("form", ["header", "bare", "parquet"])
def test_numbers_that_would_overflow_sums_are_set_aside_and_large_identifiers_are_not(form):
    lines = [(BIG, BIG, BIG, 2**31 - 1, "99999999999.99"), (2, 2, 2, 2**31, "1.00"), (3, 3, 3, -(2**31), "1.00"), (4, 4, 4, 4, "100000000000.00"), (5, 5, 5, 5, "-1e11"), (-BIG, -BIG, -BIG, 6, "1.00")]
    read = written(form, BOUNDED, lines)
    assert rows(read, "nr", "card", "shop_id", "n", "price") == [(BIG, BIG, BIG, 2**31 - 1, Decimal("99999999999.99")), (-BIG, -BIG, -BIG, 6, Decimal("1.00"))]
    assert set_aside(read) == [("unreadable_integer:n", 2), ("unreadable_integer:n", 3), ("unreadable_decimal:price", 4), ("unreadable_decimal:price", 5)]
    assert read.rows_read == len(lines) == read.changes.num_rows + read.quarantined.num_rows


CHARS = spec_of(columns={"code": "text", "cart": "text", "mail": "text", "STORE_ID": "text", "note": "text"}, key=["code"], identifiers={"mail": "email"}, time_from="carts.cart")


@pytest.mark.parametrize("form", ["header", "bare", "parquet"])
def test_columns_that_identify_lose_the_padding_of_fixed_width_columns(form):
    read = written(form, CHARS, [("O1", "A", "a@b.example", "S1", "x"), ("O1   ", "A  ", "a@b.example ", "S1 ", "x  "), ("   ", "A", "a@b.example", "S1", "x"), (" O2", "", "  ", " ", " ")])
    assert rows(read, *CHARS.columns) == [("O1", "A", "a@b.example", "S1", "x"), ("O1", "A", "a@b.example", "S1", "x  "), (" O2", "", "", "", " ")]
    assert set_aside(read) == [("missing_key", 3)]
    payload = read.quarantined["payload"][0].as_py()
    assert "   " in payload, "the quarantine keeps the row as it came"


def written(form, spec, lines):
    """The lines read from a CSV with a header, a CSV without one, or a Parquet file whose integers are typed."""
    if form == "parquet":
        return parsed(parquet(**dict(zip(spec.columns, map(list, zip(*lines, strict=True)), strict=True))), PAIR_LOAD.replace(".csv", ".parquet"), spec)
    body = "".join(",".join(map(str, line)) + "\n" for line in lines)
    return parsed((",".join(spec.columns) + "\n" if form == "header" else "") + body, PAIR_LOAD, spec)
