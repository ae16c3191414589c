"""What an object key says (spec section 1)."""

from datetime import UTC, datetime

import pytest

from omnichannel_assets.dms.keys import parse_key
from omnichannel_assets_tests.dms.running import REGISTRY


@pytest.mark.parametrize(
    "key",
    [
        "retail/orders/LOAD00000001.csv",
        "retail/orders/LOAD0000000A.csv",
        "dms/retail/orders/LOAD00000001.csv.gz",
        "a/b/c/retail/orders/LOAD00000001.parquet",
        "retail/orders/p2026/LOAD00000001.csv",
        "retail/orders/SEGMENT3_LOAD00000001.csv",
        "retail/returns/retail/orders/LOAD00000001.csv",
        "retail/orders/returns/LOAD00000001.csv",
    ],
)
def test_a_full_load_file_is_found_behind_any_bucket_folder_and_under_a_partition_folder(key):
    found = parse_key(key, REGISTRY)
    assert (found.table, found.kind, found.file_at, found.key) == ("orders", "full_load", None, key)


@pytest.mark.parametrize(
    ("key", "microsecond"),
    [
        ("retail/orders/20261119-211403123.csv", 123000),
        ("retail/orders/20261119-2114031234.csv", 123400),
        ("dms/retail/orders/2026/11/19/20261119-211403123.csv.gz", 123000),
        ("dms/retail/orders/2026/11/19/21/20261119-211403123.parquet", 123000),
        ("dms/retail/orders/2026-11-19/20261119-211403123.csv", 123000),
        ("dms/retail/orders/20261119/20261119-211403123.csv", 123000),
    ],
)
def test_a_change_file_carries_its_time_in_utc(key, microsecond):
    found = parse_key(key, REGISTRY)
    assert (found.table, found.kind) == ("orders", "cdc")
    assert found.file_at == datetime(2026, 11, 19, 21, 14, 3, microsecond, tzinfo=UTC)


@pytest.mark.parametrize(
    "key",
    [
        "txn/CDC_TXN-20261119211403123.csv",
        "retail/orders/CDC_TXN-20261119211403123.csv",
        "retail/carts/LOAD00000001.csv",
        "other/orders/LOAD00000001.csv",
        "orders/LOAD00000001.csv",
        "retail/orders/",
        "retail/orders/LOAD1.csv",
        "retail/orders/LOAD00000001.txt",
        "retail/orders/20261319-211403123.csv",
        "retail/orders/20261119-211403.csv",
        "retail/orders/partition/20261119-211403123.csv",
        "retail/orders/a/b/LOAD00000001.csv",
        "retail/orders/٢٠٢٦1119-211403123.csv",
        "",
    ],
)
def test_anything_else_is_no_object_of_a_registered_table(key):
    assert parse_key(key, REGISTRY) is None
