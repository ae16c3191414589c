"""How single values are read, whatever stands around them."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from omnichannel_assets.dms.values import arrow_type, read_column

BAD = object()
NOON = datetime(2026, 11, 19, 12, tzinfo=UTC)
CASES = [
    ("integer", "12", 12), ("integer", "-007", -7), ("integer", "+5", 5), ("integer", " 5 ", 5), ("integer", "3.00", 3), ("integer", "3.5", BAD),
    ("integer", "2147483647", 2**31 - 1), ("integer", "-2147483647", 1 - 2**31), ("integer", "2147483648", BAD), ("integer", "-2147483648", BAD),
    ("integer", "9223372036854775807", BAD), ("integer", "-9223372036854775808", BAD), ("integer", "9223372036854775808", BAD), ("integer", "3000000000.0", BAD), ("integer", "1_000", BAD), ("integer", "٣", BAD),
    ("integer", "", None), ("integer", None, None), ("integer", "=1+1", BAD), ("integer", "1e99", BAD),
    ("decimal", "19.75", Decimal("19.75")), ("decimal", "10", Decimal("10.00")), ("decimal", "-.5", Decimal("-0.50")), ("decimal", "1E+2", Decimal("100.00")),
    ("decimal", "0.125", Decimal("0.12")), ("decimal", "0.135", Decimal("0.14")), ("decimal", "2.5500", Decimal("2.55")), ("decimal", "£5", BAD),
    ("decimal", "1,000.00", BAD), ("decimal", "NaN", BAD), ("decimal", "99999999999999999.00", BAD), ("decimal", "9999999999999999.994", BAD),
    ("decimal", "99999999999.99", Decimal("99999999999.99")), ("decimal", "-99999999999.994", Decimal("-99999999999.99")), ("decimal", "99999999999.996", BAD),
    ("decimal", "100000000000", BAD), ("decimal", "-100000000000.00", BAD), ("decimal", "1e11", BAD), ("decimal", "000000000000000000005.5", Decimal("5.50")),
    ("boolean", "t", True), ("boolean", "FALSE", False), ("boolean", "1", True), ("boolean", "n", False), ("boolean", "maybe", BAD), ("boolean", "2", BAD),
    ("date", "2026-11-19", date(2026, 11, 19)), ("date", "2026-02-30", BAD), ("date", "0001-01-01", date(1, 1, 1)), ("date", "2026-11-19 00:00:00", date(2026, 11, 19)),
    ("date", "2026-11-19 01:00:00", BAD), ("date", "19/11/2026", BAD), ("date", "0000-00-00", BAD),
    ("timestamp", "2026-11-19 12:00:00", NOON), ("timestamp", "2026-11-19T12:00:00Z", NOON), ("timestamp", "2026-11-19 14:00:00.000000+02:00", NOON),
    ("timestamp", "2026-11-19 12:00:00.000001", NOON.replace(microsecond=1)), ("timestamp", "2026-11-19 12:00:00.0000019", NOON.replace(microsecond=1)),
    ("timestamp", "2026-11-19", datetime(2026, 11, 19, tzinfo=UTC)), ("timestamp", "2026-02-30 12:00:00", BAD), ("timestamp", "2026-11-19 25:00:00", BAD),
    ("timestamp", "20261119", BAD), ("timestamp", "0001-01-01T00:00:00+14:00", BAD), ("timestamp", "soon", BAD),
    ("text", "", ""), ("text", None, None), ("text", "=cmd|' /C calc'!A0", "=cmd|' /C calc'!A0"), ("text", "'; drop table t; --", "'; drop table t; --"),
]


@pytest.mark.parametrize(("kind", "text", "expected"), CASES)
def test_a_value_reads_the_same_alone_and_among_good_and_bad_neighbours(kind, text, expected):
    alone = [text]
    crowd = [other for other_kind, other, _ in CASES if other_kind == kind and other != text]
    for texts in (alone, [*crowd, text]):
        values, bad = read_column(pa.array(texts, pa.string()), kind)
        assert values.type == arrow_type(kind)
        assert bad.to_pylist()[-1] is (expected is BAD)
        assert values.to_pylist()[-1] == (None if expected is BAD else expected)


@pytest.mark.parametrize(
    ("column", "kind", "expected"),
    [
        (pa.array([1, None], pa.int16()), "integer", [1, None]),
        (pa.array([2**64 - 1], pa.uint64()), "integer", [BAD]),
        (pa.array([3.0, 3.5]), "integer", [3, BAD]),
        (pa.array([2**31 - 1, 2**31, -(2**31), -(2**63), None]), "integer", [2**31 - 1, BAD, BAD, BAD, None]),
        (pa.array([2**32 - 1], pa.uint32()), "integer", [BAD]),
        (pa.array([10**11 - 1, 10**11, -(10**11), None]), "decimal", [Decimal("99999999999.00"), BAD, BAD, None]),
        (pa.array([Decimal("99999999999.99"), Decimal("100000000000.00")]), "decimal", [Decimal("99999999999.99"), BAD]),
        (pa.array([Decimal("1.00"), Decimal(10) ** 30], pa.decimal128(38, 2)), "decimal", [Decimal("1.00"), BAD]),
        (pa.array([99999999999.5, 1e11, 1e300]), "decimal", [Decimal("99999999999.50"), BAD, BAD]),
        (pa.array([2.55, float("nan")]), "decimal", [Decimal("2.55"), BAD]),
        (pa.array([Decimal("1.2345")]), "decimal", [Decimal("1.23")]),
        (pa.array([7]), "text", ["7"]),
        (pa.array([b"ok", b"\xff"]), "text", ["ok", BAD]),
        (pa.array(["a", "a"]).dictionary_encode(), "text", ["a", "a"]),
        (pa.array([True]), "text", ["true"]),
        (pa.array([1, 0], pa.int8()), "boolean", [True, False]),
        (pa.array([1_000_000_001], pa.timestamp("ns")), "timestamp", [datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)]),
        (pa.array([1], pa.timestamp("s")), "timestamp", [datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)]),
        (pa.array([1], pa.timestamp("ms", "Europe/Paris")), "timestamp", [datetime(1970, 1, 1, 0, 0, 0, 1000, tzinfo=UTC)]),
        (pa.array([2**62], pa.timestamp("s")), "timestamp", [BAD]),
        (pa.array([0], pa.date32()), "timestamp", [datetime(1970, 1, 1, tzinfo=UTC)]),
        (pa.array([0], pa.date64()), "date", [date(1970, 1, 1)]),
        (pa.nulls(1), "decimal", [None]),
        (pa.array([[1, 2]]), "text", ["[1, 2]"]),
        (pa.array(["2026-11-19"], pa.large_string()), "date", [date(2026, 11, 19)]),
    ],
)
def test_parquet_columns_of_other_types_are_read_where_that_is_exact(column, kind, expected):
    values, bad = read_column(column, kind)
    assert values.type == arrow_type(kind)
    assert bad.to_pylist() == [value is BAD for value in expected]
    assert values.to_pylist() == [None if value is BAD else value for value in expected]


@pytest.mark.parametrize("column", [pa.array(["9223372036854775807", "-9223372036854775808", "9223372036854775808"]), pa.array([2**63 - 1, -(2**63), 2**63], pa.decimal128(19, 0))])
def test_an_identifying_integer_may_be_any_of_64_bits(column):
    values, bad = read_column(column, "integer", is_identifying=True)
    assert (values.to_pylist(), bad.to_pylist()) == ([2**63 - 1, -(2**63), None], [False, False, True])


def test_an_identifying_decimal_has_the_bounds_of_every_other():
    assert read_column(pa.array(["1e11"]), "decimal", is_identifying=True)[1].to_pylist() == [True]


PADDED = ["O1", "O1   ", "  O1 ", "O1\t", "O1\u00a0", "   ", "", None]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.binary(), pa.dictionary(pa.int32(), pa.string())], ids=str)
def test_an_identifying_text_loses_trailing_spaces_and_nothing_else(kind):
    column = pa.array(PADDED).dictionary_encode() if pa.types.is_dictionary(kind) else pa.array(PADDED).cast(kind)
    assert read_column(column, "text", is_identifying=True)[0].to_pylist() == ["O1", "O1", "  O1", "O1\t", "O1\u00a0", "", "", None]
    assert read_column(column, "text")[0].to_pylist() == PADDED
