"""The version history: which changes count, in which order, and from when they count as known (design section 4, spec section 5)."""

from datetime import UTC, datetime

import pytest

from omnichannel_assets.dms.files import changes_schema
from omnichannel_assets.dms.history import history_schema, history_sql, load_time_missing, undated_sql
from omnichannel_assets.errors import SettingError
from omnichannel_assets_tests.dms.running import REGISTRY, as_of, asked, counts, history, history_table, latest, log_of, repeated, spec_of
from omnichannel_assets_tests.dms.test_files import FULL_LOAD, SALES

COLUMNS = {"id": "text", "owner": "text", "state": "text", "made": "timestamp", "edited": "timestamp"}
SPEC = spec_of(columns=COLUMNS, key=["id"], event_at="made", changed_at="edited", fixed=["owner"])
HEADER = "Op,id,owner,state,made,edited,dms_ts\n"


def day(number: int, *clock: int) -> datetime:
    return datetime(2026, 11, number, *clock, tzinfo=UTC)


def line(op: str, state: str, edited: int | str, committed: str, made: str = "2026-11-01 00:00:00", key: str = "a") -> str:
    edited = f"2026-11-{edited:02} 00:00:00" if isinstance(edited, int) else edited
    return f"{op},{key},ann,{state},{made},{edited},{committed}\n"


def told(versions, *names):
    return [tuple(row[name] for name in names) for row in versions]


def test_the_hand_made_sales_end_with_one_row_a_sale():
    cdc = '''Op,sale_id,store_id,customer_ref,sku,qty,unit_price,note,sold_at,dms_ts
I,5004,17,C-2077,SKU-1-RED-M,1,19.75,\\N,2026-11-19 21:13:58.000000,2026-11-19 21:14:01.000000
U,5001,17,C-1042,SKU-1-RED-M,1,19.75,"gift, wrapped",2026-11-01 10:00:00.000000,2026-11-19 21:14:01.000000
U,5001,17,C-1042,SKU-1-RED-M,3,19.75,"gift, wrapped",2026-11-01 10:00:00.000000,2026-11-19 21:14:01.000000
D,5002,17,\\N,SKU-9,1,10.00,"customer said ""no bag""",2026-11-01 10:05:00.000000,2026-11-19 21:14:02.000000
I,5002,17,C-1042,SKU-9,1,10.00,\\N,2026-11-19 21:14:02.500000,2026-11-19 21:14:02.000000
I,5002,17,C-1042,SKU-9,1,10.00,\\N,2026-11-19 21:14:02.500000,2026-11-19 21:14:02.000000
'''
    grown = """Op,sale_id,store_id,customer_ref,sku,qty,unit_price,note,sold_at,channel,dms_ts
I,5009,17,C-1042,SKU-9,1,10.00,\\N,2026-11-20 09:00:00.000000,kiosk,2026-11-20 09:00:01.000000
"""
    log = log_of({"LOAD00000001.csv": FULL_LOAD, "20261119-211403123.csv": cdc, "20261120-090100000.csv": grown}, SALES)
    versions = history_table(log, SALES)
    assert versions.schema == history_schema(SALES)
    assert told(latest(versions, SALES), "sale_id", "qty", "customer_ref", "extra") == [
        (5001, 3, "C-1042", None), (5002, 1, "C-1042", None), (5003, 1, "", None), (5004, 1, "C-2077", None), (5009, 1, "C-1042", '{"channel": "kiosk"}'),
    ]  # fmt: skip
    assert repeated(log, SALES) == [("public/store_sales/20261119-211403123.csv", "e1", 6)]
    assert counts(log, SALES) == {"log_rows": 10, "repeated_rows": 1, "changes": 9}
    # The registry of this example names no changed_at and no fixed columns: before the load, only key and time are known.
    assert told(as_of(versions, SALES, day(2)), "sale_id", "qty") == [(5001, None), (5002, None), (5003, None)]
    assert told(as_of(versions, SALES, day(19, 1)), "sale_id", "qty") == [(5001, 2), (5002, 1), (5003, 1)]


def test_a_sale_later_than_its_commit_within_one_second_is_known_when_it_happened():
    log = log_of({"20261119-120500000.csv": HEADER + line("I", "new", 19, "2026-11-19 12:00:00", made="2026-11-19 12:00:00.572144")}, SPEC)
    assert told(history(log, SPEC), "known_at", "event_at") == [(day(19, 12, 0, 0, 572144), day(19, 12, 0, 0, 572144))]


def test_an_event_dated_later_than_the_commit_second_does_not_delay_what_was_known():
    log = log_of({"20261119-120500000.csv": HEADER + line("I", "preorder", 19, "2026-11-19 12:00:00", made="2026-12-24 00:00:00")}, SPEC)
    assert told(history(log, SPEC), "known_at") == [(day(19, 12),)]


def test_without_a_commit_column_a_change_is_known_at_its_file_name():
    log = log_of({"20261119-120500250.csv": "U,a,ann,new,2026-11-01 00:00:00,2026-11-02 00:00:00\n"}, SPEC)
    assert told(history(log, SPEC), "known_at", "known_at_assumed") == [(day(19, 12, 5, 0, 250000), False)]


def test_a_full_load_row_is_known_in_two_steps():
    log = log_of({"LOAD00000001.csv": HEADER + line("I", "paid", 5, "2026-11-10 00:00:00")}, SPEC)
    assert told(history(log, SPEC), "version", "valid_from", "valid_to", "owner", "state", "made", "edited", "known_at_assumed") == [
        (1, day(1), day(5), "ann", None, day(1), None, True),
        (2, day(5), None, "ann", "paid", day(1), day(5), True),
    ]


@pytest.mark.parametrize(
    ("made", "edited", "steps"),
    [
        ("2026-11-20 00:00:00", 5, [("paid", day(10))]),                 # nothing is known later than the load
        ("2026-11-01 00:00:00", 20, [(None, day(1)), ("paid", day(10))]),
        ("2026-11-01 00:00:00", "\\N", [(None, day(1)), ("paid", day(10))]),
        ("\\N", 5, [("paid", day(5))]),
        ("\\N", "\\N", [("paid", day(10))]),
        ("2026-11-05 00:00:00", 3, [("paid", day(5))]),                  # edited before it was made: not before it was made
    ],
)
def test_odd_times_in_a_full_load_never_make_it_known_earlier_than_they_allow(made, edited, steps):
    log = log_of({"LOAD00000001.csv": HEADER + line("I", "paid", edited, "2026-11-10 00:00:00", made=made)}, SPEC)
    assert told(history(log, SPEC), "state", "known_at") == steps


def test_a_table_whose_columns_are_all_fixed_has_one_version_from_the_event_on():
    spec = spec_of(columns=COLUMNS, key=["id"], event_at="made", fixed="all")
    log = log_of({"LOAD00000001.csv": HEADER + line("I", "paid", 5, "2026-11-10 00:00:00")}, spec)
    assert told(history(log, spec), "state", "valid_from") == [("paid", day(1))]


def test_where_the_registry_names_no_times_a_load_is_known_when_it_ran():
    spec = spec_of(columns=COLUMNS, key=["id"])
    log = log_of({"LOAD00000001.csv": HEADER + line("I", "paid", 5, "2026-11-10 00:00:00")}, spec)
    assert told(history(log, spec), "state", "valid_from", "event_at") == [("paid", day(10), day(10))]


def test_a_deletion_keeps_the_last_values_a_second_one_adds_nothing_and_a_new_insert_revives():
    cdc = HEADER + line("I", "new", 2, "2026-11-02 00:00:00") + "D,a,\\N,\\N,\\N,\\N,2026-11-03 00:00:00\n" * 2 + line("I", "new", 2, "2026-11-04 00:00:00")
    log = log_of({"20261105-000000000.csv": cdc}, SPEC)
    assert told(history(log, SPEC), "op", "is_deleted", "state", "event_at", "valid_from", "valid_to", "row") == [
        ("I", False, "new", day(1), day(2), day(3), 1),
        ("D", True, "new", day(1), day(3), day(4), 2),
        ("I", False, "new", day(1), day(4), None, 4),
    ]
    versions = history_table(log, SPEC)
    assert [len(as_of(versions, SPEC, day(n, 12))) for n in (1, 2, 3, 4)] == [0, 1, 0, 1]
    assert as_of(versions, SPEC, day(2)) == []      # known at T is not yet known before T


def test_a_deletion_of_a_row_never_seen_is_a_tombstone():
    log = log_of({"20261105-000000000.csv": HEADER + line("D", "old", 2, "2026-11-03 00:00:00")}, SPEC)
    assert told(history(log, SPEC), "is_deleted", "state", "valid_from") == [(True, "old", day(3))]
    assert latest(history_table(log, SPEC), SPEC) == []


def test_changes_that_the_load_already_holds_add_nothing():
    load = HEADER + line("I", "paid", 5, "2026-11-10 00:00:00")
    overlap = HEADER + line("U", "paid", 5, "2026-11-09 00:00:00") + line("U", "sent", 10, "2026-11-10 01:00:00")
    log = log_of({"LOAD00000001.csv": load, "20261110-020000000.csv": overlap}, SPEC)
    assert told(history(log, SPEC), "state", "valid_from", "known_at_assumed") == [(None, day(1), True), ("paid", day(5), True), ("sent", day(10, 1), False)]
    assert counts(log, SPEC) == {"log_rows": 3, "repeated_rows": 1, "changes": 2}


def test_a_reload_adds_only_what_differs_at_the_time_it_says():
    first = HEADER + line("I", "paid", 5, "2026-11-10 00:00:00") + line("I", "paid", 5, "2026-11-10 00:00:00", key="b")
    again = HEADER + line("I", "paid", 5, "2026-11-20 00:00:00") + line("I", "sent", 15, "2026-11-20 00:00:00", key="b")
    log = log_of({"LOAD00000001.csv": first, "x/public/t/LOAD00000001.csv": again}, SPEC)
    assert told(history(log, SPEC), "id", "state", "valid_from", "valid_to") == [
        ("a", None, day(1), day(5)), ("a", "paid", day(5), None),
        ("b", None, day(1), day(5)), ("b", "paid", day(5), day(15)), ("b", "sent", day(15), None),
    ]  # fmt: skip


def test_a_reloaded_row_that_changed_without_a_newer_changed_at_is_known_at_the_reload():
    log = log_of({"LOAD00000001.csv": HEADER + line("I", "paid", 5, "2026-11-10 00:00:00"), "x/public/t/LOAD00000001.csv": HEADER + line("I", "lost", 5, "2026-11-20 00:00:00")}, SPEC)
    assert told(history(log, SPEC), "state", "valid_from") == [(None, day(1)), ("paid", day(5)), ("lost", day(20))]


def test_a_row_that_a_reload_brings_back_is_not_alive_before_that():
    gone = HEADER + line("D", "paid", 5, "2026-11-12 00:00:00")
    log = log_of({"LOAD00000001.csv": HEADER + line("I", "paid", 5, "2026-11-10 00:00:00"), "20261112-000500000.csv": gone, "x/public/t/LOAD00000001.csv": HEADER + line("I", "paid", 5, "2026-11-20 00:00:00")}, SPEC)
    assert told(history(log, SPEC), "is_deleted", "valid_from") == [(False, day(1)), (False, day(5)), (True, day(12)), (False, day(20))]


def test_a_reload_that_gained_an_empty_column_adds_nothing_and_one_with_values_is_known_at_the_reload():
    grown = HEADER.replace("dms_ts", "colour,dms_ts")
    first = HEADER + line("I", "paid", 5, "2026-11-10 00:00:00") + line("I", "paid", 5, "2026-11-10 00:00:00", key="b")
    again = grown + line("I", "paid", 5, "\\N,2026-11-20 00:00:00") + line("I", "paid", 5, "red,2026-11-20 00:00:00", key="b")
    log = log_of({"LOAD00000001.csv": first, "x/public/t/LOAD00000001.csv": again}, SPEC)
    assert told(history(log, SPEC), "id", "extra", "valid_from")[1:] == [("a", None, day(5)), ("b", None, day(1)), ("b", None, day(5)), ("b", '{"colour": "red"}', day(20))]


BARE = "a,ann,paid,2026-11-01 00:00:00,2026-11-05 00:00:00\n"


def test_a_load_without_times_of_its_own_ran_at_the_earliest_change_file():
    spec = spec_of(columns=COLUMNS, key=["id"], event_at="made")
    log = log_of({"LOAD00000001.csv": BARE, "20261108-000000000.csv": "U,z,ann,new,2026-11-07 00:00:00,\n", "20261109-000000000.csv": "U,z,ann,old,2026-11-07 00:00:00,\n"}, spec)
    assert told(history(log, spec), "id", "state", "valid_from")[:2] == [("a", None, day(1)), ("a", "paid", day(8))]


def test_the_registrys_load_time_comes_before_the_change_files():
    spec = spec_of(columns=COLUMNS, key=["id"], event_at="made", load_time="2026-11-07T02:00:00+02:00")
    log = log_of({"LOAD00000001.csv": BARE, "20261108-000000000.csv": "U,z,ann,new,2026-11-07 00:00:00,\n"}, spec)
    assert told(history(log, spec), "id", "state", "valid_from")[:2] == [("a", None, day(1)), ("a", "paid", day(7))]


def test_a_bare_reload_is_placed_among_the_changes_by_its_own_changed_at():
    cdc = "U,a,ann,sent,2026-11-01 00:00:00,2026-11-08 00:00:00\n"
    reload = "a,ann,back,2026-11-01 00:00:00,2026-11-20 00:00:00\n"
    log = log_of({"LOAD00000001.csv": BARE, "20261108-010000000.csv": cdc, "x/public/t/LOAD00000001.csv": reload}, SPEC)
    assert told(history(log, SPEC), "state", "valid_from") == [(None, day(1)), ("paid", day(5)), ("sent", day(8, 1)), ("back", day(20))]


def test_a_load_alone_is_dated_by_its_rows_and_one_without_any_time_is_an_error_naming_load_time():
    log = log_of({"LOAD00000001.csv": BARE}, SPEC)
    assert told(history(log, SPEC), "state", "valid_from") == [(None, day(1)), ("paid", day(5))]
    assert asked(undated_sql(SPEC), log) == {"undated_rows": 0}
    timeless = spec_of(columns={"id": "text", "n": "integer"}, key=["id"])
    missing = asked(undated_sql(timeless), log_of({"LOAD00000001.csv": "a,1\nb,2\n"}, timeless))
    assert missing == {"undated_rows": 2}
    error = load_time_missing(timeless, missing["undated_rows"])
    assert isinstance(error, SettingError) and "DMS_REGISTRY" in str(error) and "table t, field load_time" in str(error)


def test_the_change_sequence_orders_changes_that_share_a_file_time():
    spec = spec_of(columns={"id": "text", "n": "integer"}, key=["id"], change_seq="seq")
    log = log_of({"20261119-000000000.csv": "Op,id,n,seq,dms_ts\nU,a,2,20,2026-11-19 00:00:00\nU,a,1,10,2026-11-19 00:00:00\n"}, spec)
    assert told(latest(history_table(log, spec), spec), "n") == [(2,)]


def test_a_later_change_that_was_committed_earlier_never_makes_time_run_backwards():
    log = log_of({"20261119-000000000.csv": HEADER + line("U", "x", 5, "2026-11-18 00:00:00") + line("U", "y", 5, "2026-11-17 00:00:00")}, SPEC)
    assert told(history(log, SPEC), "state", "valid_from", "valid_to") == [("x", day(18), day(18)), ("y", day(18), None)]
    assert told(as_of(history_table(log, SPEC), SPEC, day(19)), "state") == [("y",)]


def test_a_cell_the_change_did_not_carry_keeps_its_previous_value():
    spec = SPEC.model_copy(update={"no_value_token": "<none>"})
    cdc = HEADER + line("I", "new", 2, "2026-11-02 00:00:00") + "U,a,<none>,paid,<none>,<none>,2026-11-03 00:00:00\nU,a,bob,\\N,<none>,<none>,2026-11-04 00:00:00\nU,a,<none>,<none>,<none>,<none>,2026-11-05 00:00:00\nU,q,<none>,x,<none>,<none>,2026-11-05 00:00:00\n"
    log = log_of({"20261106-000000000.csv": cdc}, spec)
    assert log.schema == changes_schema(spec)
    assert told(history(log, spec), "id", "owner", "state", "event_at", "edited", "valid_from") == [
        ("a", "ann", "new", day(1), day(2), day(2)), ("a", "ann", "paid", day(1), day(2), day(3)), ("a", "bob", None, day(1), day(2), day(4)), ("q", None, "x", None, None, day(5)),
    ]  # fmt: skip


def test_a_date_counts_from_its_midnight_in_utc_in_every_session():
    spec = spec_of(columns={"id": "text", "made": "date"}, key=["id"], event_at="made", fixed="all")
    import duckdb

    connection = duckdb.connect()
    connection.execute("set TimeZone = 'Australia/Sydney'")
    connection.register("changes", log_of({"LOAD00000001.csv": "a,2026-11-05\n", "20261108-000000000.csv": "U,z,2026-11-07\n"}, spec))
    assert connection.sql(f"select min(valid_from) = timestamptz '2026-11-05 00:00:00+00:00' from ({history_sql(spec)})").fetchall() == [(True,)]


def test_an_order_line_is_as_old_as_its_order_and_without_one_as_its_load_or_change():
    orders, lines = REGISTRY["orders"], REGISTRY["order_lines"]
    head = "Op,order_id,customer_id,store_id,status,currency,total,ordered_at,updated_at,dms_ts\n"
    parents = history_table(
        log_of({"20261119-120000000.csv": head + "".join(f"I,{n},c,s,{s},GBP,1,2026-11-0{n} 10:00:00.5,2026-11-0{n} 10:00:00.5,2026-11-0{n} 10:00:00\n" for n, s in ((1, "new"), (1, "paid"), (2, "new")))}, orders), orders
    )
    line_head = "Op,order_id,line_no,product_id,quantity,unit_price,dms_ts\n"
    files = {
        "LOAD00000001.csv": line_head + "I,1,1,p,1,1,2026-11-10 00:00:00\nI,7,1,p,1,1,2026-11-10 00:00:00\n",
        "20261119-120000000.csv": line_head + "I,2,1,p,1,1,2026-11-02 10:00:00\nI,8,1,p,1,1,2026-11-12 00:00:00\n",
    }
    versions = history_table(log_of(files, lines), lines, orders, parents).to_pylist()
    assert told(versions, "order_id", "event_at", "valid_from") == [
        ("1", day(1, 10, 0, 0, 500000), day(1, 10, 0, 0, 500000)),
        ("2", day(2, 10, 0, 0, 500000), day(2, 10, 0, 0, 500000)),
        ("7", day(10), day(10)),
        ("8", day(12), day(12)),
    ]


def test_padding_separates_neither_the_changes_of_a_key_nor_a_line_from_its_order():
    """Also where the parent's column is none of its identifying ones and keeps its padding."""
    orders = spec_of(name="orders", columns={"id": "text", "code": "text", "made": "timestamp"}, key=["id"], event_at="made", fixed="all")
    lines = spec_of(name="lines", columns={"code": "text", "n": "integer"}, key=["code", "n"], time_from="orders.code", fixed="all")
    parents = history_table(log_of({"LOAD00000001.csv": "o1,A  ,2026-11-05\n", "20261108-000000000.csv": "U,o1   ,A  ,2026-11-05\n"}, orders), orders)
    assert told(parents.to_pylist(), "id", "code", "version") == [("o1", "A  ", 1)]
    versions = history_table(log_of({"LOAD00000001.csv": "A ,1,2026-11-10 00:00:00\n"}, lines), lines, orders, parents).to_pylist()
    assert told(versions, "code", "event_at") == [("A", day(5))]


def test_a_table_that_takes_its_time_from_a_parent_cannot_be_built_without_it():
    with pytest.raises(ValueError, match="orders"):
        history_sql(REGISTRY["order_lines"])
