"""Reads one column of texts, or of a Parquet file's own types, as one of the registry's six types.

Not here: null tokens, rows, files (`files`). A value reads the same whatever stands around it: a regular expression picks the plain
cases for Arrow's cast, which then cannot disagree with the Python reader that takes every other value one by one. Numbers that are no
shop's are unreadable, so that sums over them stay in range.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

_DAY = r"[1-9]\d{3}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
_PLAIN = {
    "integer": r"^-?\d{1,18}$",
    "decimal": r"^-?\d{1,16}(\.\d{1,2})?$",
    "boolean": r"^(?i:t|f|true|false|y|n|1|0)$",
    "date": rf"^{_DAY}$",
    "timestamp": rf"^{_DAY}[ T]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{{1,6}})?$",
}
_TRUE = ["t", "true", "y", "1"]
_NUMBER = re.compile(r"[+-]?(\d{1,40}(\.\d{0,40})?|\.\d{1,40})([eE][+-]?\d{1,2})?", re.ASCII)
_MOMENT = re.compile(
    r"(?P<day>\d{4}-\d{2}-\d{2})(?:[ T](?P<clock>\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?))?\s*(?P<zone>Z|[+-]\d{2}(?::?\d{2})?)?", re.ASCII
)
_MIDNIGHT = re.compile(r"00:00(:00(\.0+)?)?")
_LARGEST = {"integer": 2**31 - 1, "decimal": Decimal("99999999999.99")}


def arrow_type(type_name: str) -> "pa.DataType":
    """The Arrow type of a registry type: decimal is (18,2), timestamp is microseconds UTC."""
    import pyarrow as pa

    return {
        "text": pa.string(),
        "integer": pa.int64(),
        "decimal": pa.decimal128(18, 2),
        "boolean": pa.bool_(),
        "date": pa.date32(),
        "timestamp": pa.timestamp("us", "UTC"),
    }[type_name]


def read_column(column: "pa.Array", type_name: str, *, is_identifying: bool = False) -> tuple["pa.Array", "pa.BooleanArray"]:
    """The column in the registry's type, and which of its values could not be read (they are null in the first).

    Texts: an empty text is null in every type but text; timestamps without a zone are UTC; decimals with more than two places are
    rounded half-even; currency signs, thousands separators, NaN and infinities are unreadable. Other Arrow types are cast where that
    is exact (sub-microseconds are cut off), else read by their text. Decimals of 1e11 and more (once rounded, whatever the sign) and
    integers beyond 2,147,483,647 are unreadable. A column that `is_identifying` is not summed but compared: its integers may be any
    64-bit ones, and its texts lose the trailing spaces that fixed-width columns are padded with.
    """
    import pyarrow.compute as pc

    values, bad = _read_typed(column, type_name)
    if not is_identifying or type_name == "decimal":
        return _within_range(values, bad, type_name)
    return (pc.utf8_rtrim(values, characters=" ") if type_name == "text" else values), bad


def _within_range(values: "pa.Array", bad: "pa.BooleanArray", type_name: str) -> tuple["pa.Array", "pa.BooleanArray"]:
    import pyarrow as pa
    import pyarrow.compute as pc

    if type_name not in _LARGEST:
        return values, bad
    largest = _LARGEST[type_name]
    high, low = (pa.scalar(limit, values.type) for limit in (largest, -largest))
    beyond = pc.fill_null(pc.or_(pc.greater(values, high), pc.less(values, low)), False)
    if not pc.any(beyond).as_py():
        return values, bad
    return pc.if_else(beyond, pa.scalar(None, values.type), values), pc.or_(bad, beyond)


def _read_typed(column: "pa.Array", type_name: str) -> tuple["pa.Array", "pa.BooleanArray"]:
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_large_string(column.type):
        column = column.cast(pa.string())
    if not pa.types.is_string(column.type):
        direct = _cast_directly(column, type_name)
        if direct is not None:
            return direct, _none_bad(len(column))
        return _read_by_text(column, type_name)
    if type_name == "text":
        return column, _none_bad(len(column))
    return _read_texts(column, type_name)


def _none_bad(length: int) -> "pa.BooleanArray":
    import pyarrow as pa

    return pa.repeat(pa.scalar(False), length)


def _read_texts(texts: "pa.StringArray", type_name: str) -> tuple["pa.Array", "pa.BooleanArray"]:
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = pc.utf8_trim_whitespace(texts)
    texts = pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
    plain = pc.fill_null(pc.match_substring_regex(texts, _PLAIN[type_name]), False)
    try:
        out = _cast_plain(pc.if_else(plain, texts, pa.scalar(None, pa.string())), type_name)
    except pa.ArrowInvalid:  # a day like 30 February among the plain ones: read all of them one by one
        plain = _none_bad(len(texts))
        out = pa.nulls(len(texts), arrow_type(type_name))
    odd = pc.and_(pc.is_valid(texts), pc.invert(plain))
    if not pc.any(odd).as_py():
        return out, odd
    read = _READERS[type_name]
    values = pa.array([read(text) for text in texts.filter(odd).to_pylist()], arrow_type(type_name))
    out = pc.replace_with_mask(out, odd, values)
    return out, pc.and_(odd, pc.is_null(out))


def _cast_plain(texts: "pa.StringArray", type_name: str) -> "pa.Array":
    import pyarrow as pa
    import pyarrow.compute as pc

    if type_name == "boolean":
        truth = pc.is_in(pc.utf8_lower(texts), value_set=pa.array(_TRUE))
        return pc.if_else(pc.is_valid(texts), truth, pa.scalar(None, pa.bool_()))
    if type_name == "timestamp":  # a text without a zone casts only to a naive type; naive means UTC here
        return texts.cast(pa.timestamp("us")).cast(arrow_type(type_name))
    return texts.cast(arrow_type(type_name))


def _cast_directly(column: "pa.Array", type_name: str) -> "pa.Array | None":
    """The column cast without loss, or None where only reading it by its text will do."""
    import pyarrow as pa

    source, target = column.type, arrow_type(type_name)
    is_exact = {
        "integer": pa.types.is_integer,
        "decimal": lambda t: pa.types.is_integer(t) or pa.types.is_decimal(t),
        "boolean": pa.types.is_boolean,
        "date": pa.types.is_date,
        "timestamp": pa.types.is_timestamp,
    }.get(type_name, lambda t: False)
    if pa.types.is_null(source):
        return pa.nulls(len(column), target)
    if not is_exact(source):
        return None
    try:
        if pa.types.is_timestamp(source) and source.unit == "ns":
            column = column.cast(pa.timestamp("us", source.tz), safe=False)
        return column.cast(target)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None


def _read_by_text(column: "pa.Array", type_name: str) -> tuple["pa.Array", "pa.BooleanArray"]:
    import pyarrow as pa
    import pyarrow.compute as pc

    shown = [_shown(scalar) for scalar in column]
    lost = pa.array([text is None and scalar.is_valid for text, scalar in zip(shown, column, strict=True)], pa.bool_())
    texts = pa.array(shown, pa.string())
    if type_name == "text":
        return texts, lost
    out, bad = _read_texts(texts, type_name)
    return out, pc.or_(bad, lost)


def texts_of(column: "pa.Array") -> list[str | None]:
    """Each value of any Arrow column as text, for `extra` and payloads; null where it has none."""
    return [_shown(scalar) for scalar in column]


def _shown(scalar: "pa.Scalar") -> str | None:
    import pyarrow as pa

    try:
        value = scalar.as_py()
        if value is None:
            return None
        if isinstance(value, bytes):
            return value.decode()
        if isinstance(value, bool):
            return "true" if value else "false"
        text = str(value)
        text.encode()
        return text
    except (ValueError, OverflowError, pa.ArrowException):  # a year beyond 9999, bytes that are no text
        return None


def _number(text: str) -> Decimal | None:
    if not _NUMBER.fullmatch(text):
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _read_integer(text: str) -> int | None:
    number = _number(text)
    if number is None or not -(2**63) <= number < 2**63 or number != number.to_integral_value():
        return None
    return int(number)


def _read_decimal(text: str) -> Decimal | None:
    number = _number(text)
    if number is None or abs(number) >= _LARGEST["decimal"] + 1:  # what rounding lifts out of range is told by `_within_range`
        return None
    return number.quantize(Decimal("0.01"), rounding=ROUND_HALF_EVEN)


def _read_boolean(text: str) -> bool | None:
    lowered = text.lower()
    return lowered in _TRUE if lowered in (*_TRUE, "f", "false", "n", "0") else None


def _read_date(text: str) -> date | None:
    found = _MOMENT.fullmatch(text)
    if found is None or found["zone"] or (found["clock"] and not _MIDNIGHT.fullmatch(found["clock"])):
        return None
    try:
        return date.fromisoformat(found["day"])
    except ValueError:
        return None


def _read_timestamp(text: str) -> datetime | None:
    found = _MOMENT.fullmatch(text)
    if found is None:
        return None
    try:
        moment = datetime.fromisoformat(f"{found['day']}T{found['clock'] or '00:00'}{found['zone'] or '+00:00'}")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


_READERS: dict[str, Callable[[str], Any]] = {
    "integer": _read_integer,
    "decimal": _read_decimal,
    "boolean": _read_boolean,
    "date": _read_date,
    "timestamp": _read_timestamp,
}
