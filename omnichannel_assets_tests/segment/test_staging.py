"""The staging model on hand-written lines, through the real step over a tiny landing zone: envelopes, identifiers, products, rules."""

import json
from decimal import Decimal

import pytest

from omnichannel_assets.segment.events import EVENT_TYPES, OLD_NAMES, ORDER_FACTS
from omnichannel_assets_tests.segment.landing import at, call, order, stage

SPEC_LINES = r"""
{"type":"track","event":"Order Completed","messageId":"ajs-next-0001","anonymousId":"a-77","userId":"C-1042","originalTimestamp":"2026-11-20T12:58:30.100Z","sentAt":"2026-11-20T13:00:04.900Z","receivedAt":"2026-11-20T10:00:05.250Z","timestamp":"2026-11-20T09:58:30.450Z","version":2,"channel":"browser","integrations":{},"context":{"ip":"203.0.113.7","library":{"name":"analytics.js","version":"next-1.70.0"},"page":{"path":"/checkout/done","url":"https://shop.example.com/checkout/done"},"traits":{"email":"Ana.Ruiz@example.com"}},"properties":{"order_id":"O-9001","total":59.5,"revenue":"49.50","shipping":5,"tax":5,"discount":0,"currency":"EUR","products":[{"product_id":"P-1","sku":"SKU-1-RED-M","name":"Shirt, \"Slim\"","price":19.75,"quantity":2},{"product_id":"P-9","name":"Belt","price":"10.00","quantity":1}]}}
{"type":"track","event":"Product Viewed","messageId":"ajs-next-0002","anonymousId":"a-77","receivedAt":"2026-11-20T10:01:00.000Z","timestamp":"2026-11-20T10:00:59.990Z","context":{},"properties":{"product_id":"P-1","sku":"SKU-1-RED-M","price":19.75}}
{"type":"track","event":"Product Viewed","messageId":"ajs-next-0002","anonymousId":"a-77","receivedAt":"2026-11-20T10:01:02.311Z","timestamp":"2026-11-20T10:00:59.990Z","context":{},"properties":{"product_id":"P-1","sku":"SKU-1-RED-M","price":19.75}}
{"type":"track","event":"Viewed Product","messageId":"pos-3","userId":10421,"timestamp":"2031-01-01T00:00:00Z","receivedAt":"2026-11-20T10:02:00.000Z","context":{"library":{"name":"legacy-pos"}},"properties":{"id":"P-1"}}
{"type":"identify","messageId":"srv-8","userId":"","anonymousId":"a-90","receivedAt":"2026-11-20T10:03:00.000Z","timestamp":"2026-11-20T10:03:00.000Z","context":{},"traits":{"email":"ana.ruiz@example.com ","phone":null,"first_name":"Ana"}}
{"type":"identify","messageId":"srv-9","userId":"00000000-0000-0000-0000-000000000000","receivedAt":"2026-11-20T10:03:10.000Z","timestamp":"2026-11-20T10:03:10.000Z","context":{},"traits":{"email":"store17@example.com"}}
{"type":"track","event":"Order Completed","messageId":"srv-10","userId":"C-1042","receivedAt":"2026-11-20T10:04:00.000Z","timestamp":"2019-05-01T08:00:00.000Z","context":{},"properties":{"order_id":"O-9001","products":{"product_id":"P-1"}}}
{"type":"alias","messageId":"srv-11","previousId":"a-90","userId":"C-1042","receivedAt":"2026-11-20T10:05:00.000Z","timestamp":"2026-11-20T10:05:00.000Z","context":{}}

{"type":"track","event":"Product Viewed","messageId":"cut
""".strip().splitlines()


def carried(event: dict) -> list[tuple[str, str]]:
    return [(identifier["identifier_type"], identifier["value"]) for identifier in event["identifiers"]]


def items(event: dict) -> list[tuple]:
    return [(product["item_id"], product["quantity"], product["price"]) for product in event["products"]]


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    return stage(tmp_path_factory.mktemp("spec"), SPEC_LINES)


def test_every_line_of_the_documented_examples_is_accounted_for(spec):
    assert spec.counts["2026-11-20"] == {"lines_in": 9, "rows_out": 7, "duplicates": 1, "quarantined": 1}
    assert [(row["position"], row["rule"], row["payload"]) for row in spec.bad] == [(10, "no_json_object", SPEC_LINES[-1])]


def test_the_documented_order_is_typed(spec):
    found = spec.events["ajs-next-0001"]
    assert (found["event_at"], found["known_at"]) == (at(9, 58, 30, 450_000), at(10, 0, 5, 250_000))
    assert (found["order_id"], found["total"], found["currency"], found["client_channel"]) == ("O-9001", Decimal("59.50"), "EUR", "browser")
    assert items(found) == [("P-1", 2, Decimal("19.75")), ("P-9", 1, Decimal("10.00"))]
    assert found["products"][0] == {"item_id": "P-1", "product_id": "P-1", "sku": "SKU-1-RED-M", "name": 'Shirt, "Slim"', "category": None, "price": Decimal("19.75"), "quantity": 2}
    assert carried(found) == [("user_id", "C-1042"), ("anonymous_id", "a-77"), ("email", "Ana.Ruiz@example.com")]


def test_of_a_message_delivered_twice_the_earlier_copy_is_kept(spec):
    assert (spec.events["ajs-next-0002"]["known_at"], spec.events["ajs-next-0002"]["line"]) == (at(10, 1), 2)


def test_an_old_event_name_a_number_as_user_id_and_a_bare_id_are_understood(spec):
    found = spec.events["pos-3"]
    assert (found["event"], found["event_name"], found["user_id"], items(found)) == ("Viewed Product", "Product Viewed", "10421", [("P-1", 1, None)])
    assert found["event_time_suspect"]


def test_an_empty_user_id_is_none_and_a_raw_email_stays_as_sent(spec):
    found = spec.events["srv-8"]
    assert found["user_id"] is None
    assert carried(found) == [("anonymous_id", "a-90"), ("email", "ana.ruiz@example.com ")]
    assert found["first_name"] == "Ana"


def test_a_blocked_user_id_stays_in_the_call(spec):
    assert spec.events["srv-9"]["user_id"] == "00000000-0000-0000-0000-000000000000"


def test_products_as_one_object_are_one_product(spec):
    assert items(spec.events["srv-10"]) == [("P-1", 1, None)]
    assert not spec.events["srv-10"]["event_time_suspect"]


def test_an_alias_keeps_both_ids(spec):
    assert (spec.events["srv-11"]["previous_id"], spec.events["srv-11"]["user_id"]) == ("a-90", "C-1042")


def test_all_six_types_are_kept_in_any_case_and_others_are_set_aside(tmp_path):
    types = ["identify", "track", "PAGE", " Screen ", "group", "alias"]
    staged = stage(tmp_path, [call(f"m-{number}", type=kind, groupId="g") for number, kind in enumerate([*types, "delete", "", None, 7, ["track"]])])
    assert [staged.events[f"m-{number}"]["type"] for number in range(6)] == ["identify", "track", "page", "screen", "group", "alias"]
    assert staged.rules == [(line, "unknown_type") for line in range(7, 12)]


def test_the_name_of_a_page_or_screen_is_its_event_and_a_group_keeps_its_group(tmp_path):
    lines = [call("p", type="page", event=..., name="Home"), call("s", type="screen", event=..., name="Cart"), call("g", type="group", event=..., groupId=9)]
    staged = stage(tmp_path, lines)
    assert [staged.events[name]["event"] for name in "psg"] == ["Home", "Cart", None]
    assert [staged.events[name]["event_name"] for name in "psg"] == [None, None, None]
    assert staged.events["g"]["group_id"] == "9"


def test_every_old_and_new_event_name_is_known_whatever_its_case_and_blanks(tmp_path):
    names = [*OLD_NAMES.items(), *((name, name) for name in (*EVENT_TYPES, *ORDER_FACTS))]
    staged = stage(tmp_path, [call(f"m-{n}", event=f" {sent.swapcase()} ", properties={"order_id": "O"}) for n, (sent, _) in enumerate(names)])
    assert {f"m-{n}": today for n, (_, today) in enumerate(names)} == {name: row["event_name"] for name, row in staged.events.items()}
    assert staged.events["m-0"]["event"] == "VIEWED PRODUCT CATEGORY"


def test_an_unknown_event_is_kept_under_its_own_name(tmp_path):
    staged = stage(tmp_path, [call("m", event="Quiz Finished"), call("n", event=5)])
    assert [(row["event"], row["event_name"], row["products"]) for row in staged.rows] == [("Quiz Finished", None, None), ("5", None, None)]


def test_a_track_call_without_an_event_is_set_aside(tmp_path):
    staged = stage(tmp_path, [call(f"m-{n}", event=event) for n, event in enumerate([..., None, "", "  ", {}, ["x"]])])
    assert staged.rules == [(line, "missing_event") for line in range(1, 7)]


def test_a_call_without_a_message_id_is_set_aside(tmp_path):
    staged = stage(tmp_path, [call(message_id) for message_id in [None, "", "  ", {"a": 1}, ["m"]]])
    assert staged.rules == [(line, "missing_message_id") for line in range(1, 6)]


def test_a_line_that_is_no_json_object_is_set_aside_as_received(tmp_path):
    lines = ["[]", "1", "null", '"text"', "true", "{", '{"a":1}{"b":2}', "{'a': 1}", '{"a" 1}', "\x00", '{"messageId":"m","anonymousId":"\\ud800"}', '{"messageId":"m\\']
    staged = stage(tmp_path, [*lines, call()])
    assert [(row["rule"], row["position"], row["payload"]) for row in staged.bad] == [("no_json_object", number, line) for number, line in enumerate(lines, 1)]
    assert list(staged.events) == ["m-1"]


def test_an_empty_object_is_set_aside(tmp_path):
    assert stage(tmp_path, ["{}"]).rules == [(1, "missing_message_id")]


def test_a_call_with_no_id_at_all_is_kept(tmp_path):
    staged = stage(tmp_path, [call(anonymousId=...), call("m-2", anonymousId="", userId=None)])
    assert [(row["user_id"], row["anonymous_id"], row["identifiers"]) for row in staged.rows] == [(None, None, [])] * 2
    assert staged.counts["2026-11-20"]["rows_out"] == 2


def test_ids_are_texts_and_those_that_are_no_text_number_or_truth_value_are_none(tmp_path):
    values = [10421, 1.5, True, 12345678901234567890, " C-1 ", {"id": 1}, ["C-1"], None]
    staged = stage(tmp_path, [call(f"m-{n}", userId=value, anonymousId=value) for n, value in enumerate(values)])
    expected = ["10421", "1.5", "true", "12345678901234567890", "C-1", None, None, None]
    assert [row["user_id"] for row in staged.rows] == expected
    assert [row["anonymous_id"] for row in staged.rows] == expected


def test_a_snake_case_envelope_is_read(tmp_path):
    line = {"type": "track", "event": "Email Opened", "message_id": "m", "user_id": "C-7", "anonymous_id": "a-7"}
    found = stage(tmp_path, [line | {"received_at": "2026-11-20T10:00:00Z", "timestamp": "2026-11-20T09:00:00Z"}]).events["m"]
    assert (found["user_id"], found["anonymous_id"], found["known_at"], found["event_at"], found["receipt_suspect"]) == ("C-7", "a-7", at(10), at(9), False)


def test_traits_travel_in_traits_or_context_and_in_either_spelling(tmp_path):
    lines = [
        call("camel", traits={"email": "e@x", "phone": 4412345, "firstName": "Ana", "lastName": "Ruiz", "address": {"country": "ES"}}),
        call("snake", context={"traits": {"email": "e@x", "first_name": "Ana", "last_name": "Ruiz"}}),
        call("both", traits={"email": "new@x"}, context={"traits": {"email": "old@x", "phone": "1"}}),
        call("removed", traits={"email": None}, context={"traits": {"email": "old@x"}}),
        call("odd", traits=["email"], context="no object"),
        call("wrong", traits={"email": {"a": 1}, "phone": ["1"], "firstName": {"a": 1}}),
    ]
    found = stage(tmp_path, lines).events
    assert carried(found["camel"]) == [("anonymous_id", "a-1"), ("email", "e@x"), ("phone", "4412345")]
    assert (found["camel"]["first_name"], found["camel"]["last_name"], found["camel"]["country"]) == ("Ana", "Ruiz", "ES")
    assert (found["snake"]["first_name"], found["snake"]["last_name"], carried(found["snake"])[1]) == ("Ana", "Ruiz", ("email", "e@x"))
    assert carried(found["both"])[1:] == [("email", "new@x"), ("phone", "1")]
    assert carried(found["removed"])[1:] == carried(found["odd"])[1:] == carried(found["wrong"])[1:] == []
    assert found["wrong"]["first_name"] is None


def test_device_ids_count_for_ios_and_android_and_advertising_ids_only_with_consent_to_tracking(tmp_path):
    device = {"id": "D", "advertisingId": "AD", "token": "T", "type": "iOS", "adTrackingEnabled": True}
    lines = [
        call("ios", context={"device": device}),
        call("android", context={"device": device | {"type": "android", "adTrackingEnabled": "true"}}),
        call("no", context={"device": device | {"adTrackingEnabled": False}}),
        call("unsaid", context={"device": {"id": "D", "type": "ios", "advertisingId": "AD"}}),
        call("tv", context={"device": device | {"type": "tv"}}),
        call("untyped", context={"device": {"id": "D"}}),
        call("ga", context={"integrations": {"Google Analytics": {"clientId": 77.5}}}),
    ]
    found = {name: carried(row)[1:] for name, row in stage(tmp_path, lines).events.items()}
    assert found["ios"] == [("ios.id", "D"), ("ios.idfa", "AD"), ("ios.push_token", "T")]
    assert found["android"] == [("android.id", "D"), ("android.idfa", "AD"), ("android.push_token", "T")]
    assert found["no"] == [("ios.id", "D"), ("ios.push_token", "T")]
    assert found["unsaid"] == [("ios.id", "D")]
    assert found["tv"] == found["untyped"] == []
    assert found["ga"] == [("ga_client_id", "77.5")]


def test_external_ids_need_all_four_parts_and_belong_to_users(tmp_path):
    entry = {"id": "X-1", "type": "Loyalty_Id ", "collection": "users", "encoding": "none"}
    others = [entry | {"collection": "accounts"}, entry | {"encoding": "base64"}, entry | {"id": None}, entry | {"id": " "}, entry | {"type": ""}, {"id": "X"}, "X", None, 3]
    staged = stage(tmp_path, [call("m", context={"externalIds": [entry, *others]}), call("n", context={"externalIds": entry}), call("o", context={"externalIds": []})])
    assert [carried(row)[1:] for row in staged.rows] == [[("loyalty_id", "X-1")], [], []]


def test_configured_traits_are_identifiers_whatever_their_name_holds(tmp_path):
    traits = {"loyalty_id": 7, "Card No.-1": "K-1", "address": {"zip": "no"}, "address.zip": "yes"}
    pairs = "loyalty_id=customer_ref,Card No.-1=card,address.zip=zip"
    staged = stage(tmp_path, [call(type="identify", traits=traits), call("m-2", type="identify", traits={"Card No.-1": ["K"]})], identifier_traits=pairs)
    assert [carried(row)[1:] for row in staged.rows] == [[("customer_ref", "7"), ("card", "K-1"), ("zip", "yes")], []]


def test_product_id_comes_before_sku_before_id(tmp_path):
    products = [{"product_id": "P", "sku": "S", "id": "I"}, {"sku": " S ", "id": "I"}, {"id": 5}, {"product_id": "", "sku": None, "id": "I"}, {"product_id": {"a": 1}, "sku": "S"}]
    assert [item for item, _, _ in items(stage(tmp_path, [order(products=products)]).events["m-1"])] == ["P", "S", "5", "I", "S"]


def test_products_may_be_a_list_an_object_or_either_as_text(tmp_path):
    ways = [[{"sku": "S", "quantity": 2}], {"sku": "S", "quantity": 2}, '[{"sku": "S", "quantity": "2"}]', '{"sku": "S", "quantity": 2.0}', [{"sku": "S", "quantity": "2.0 "}]]
    staged = stage(tmp_path, [order(f"m-{n}", products=products) for n, products in enumerate(ways)])
    assert [items(row) for row in staged.rows] == [[("S", 2, None)]] * len(ways)


def test_numbers_may_be_texts_and_what_cannot_be_told_apart_is_no_number(tmp_path):
    prices = {
        19.75: "19.75", "19.75": "19.75", "$1,234.50": "1234.50", "£3": "3.00", " €7 ": "7.00", "-5": "-5.00", "1e2": "100.00", 19.755: "19.76", 0: "0.00",
        "12,50": None, "1,23,4": None, "NaN": None, "Infinity": None, "": None, "ten": None, True: None, None: None, "1e400": None, "9" * 30: None,
    }  # fmt: skip
    found = stage(tmp_path, [order(products=[{"sku": "S", "price": price} for price in prices])]).events["m-1"]
    assert [price for _, _, price in items(found)] == [None if price is None else Decimal(price) for price in prices.values()]


def test_quantities_are_whole_numbers_and_one_where_not_said(tmp_path):
    told = [3, "2", "2.0", 4.0, 0, -1, None, ...]
    found = stage(tmp_path, [order(products=[{"sku": "S"} | ({} if n is ... else {"quantity": n}) for n in told])]).events["m-1"]
    assert [quantity for _, quantity, _ in items(found)] == [3, 2, 2, 4, 0, -1, 1, 1]


UNREADABLE = [
    "shirt", 3, True, [1], ["P-1"], [None], [{}], {}, [{"sku": "S"}, {"name": "no id"}], [{"sku": "S", "quantity": "two"}], [{"sku": "S", "quantity": 1.5}],
    [{"sku": "S", "quantity": ""}], [{"sku": "S", "quantity": [1]}], [[{"sku": "S"}]], "[{", "[1]",
]  # fmt: skip


@pytest.mark.parametrize("name", ["Order Completed", "Completed Order", "Order Updated", "Order Refunded"])
def test_an_order_whose_products_cannot_be_read_is_set_aside_whole(tmp_path, name):
    staged = stage(tmp_path, [order(f"m-{n}", products=products) | {"event": name} for n, products in enumerate(UNREADABLE)])
    assert staged.rules == [(line, "unreadable_products") for line in range(1, len(UNREADABLE) + 1)]
    assert staged.rows == []


def test_an_order_that_names_no_products_is_an_order_without_lines(tmp_path):
    staged = stage(tmp_path, [order("absent"), order("empty", products=[]), order("null", products=None)])
    assert [(row["message_id"], row["products"], row["total"]) for row in staged.rows] == [("absent", None, 10), ("empty", [], 10), ("null", None, 10)]


def test_a_cancellation_counts_whatever_its_products_look_like(tmp_path):
    assert stage(tmp_path, [order(products="shirt") | {"event": "Order Cancelled"}]).events["m-1"]["order_id"] == "O-1"


def test_an_order_event_without_an_order_id_is_set_aside(tmp_path):
    missing = [..., None, "", " ", {"a": 1}, ["O"]]
    lines = [order(f"{name} {n}", order_id=value) | {"event": name} for name in ORDER_FACTS for n, value in enumerate(missing)]
    staged = stage(tmp_path, [*lines, order(order_id=77), *(call(f"good {n}") for n in range(len(lines)))])
    assert staged.rules == [(line, "missing_order_id") for line in range(1, len(lines) + 1)]
    assert staged.events["m-1"]["order_id"] == "77"


def test_an_order_total_is_total_else_revenue_else_value(tmp_path):
    told = [{"total": 3, "revenue": 2}, {"total": None, "revenue": "$2.00"}, {"total": "x", "value": 1}, {"total": ...}, {"total": "12,50", "revenue": ...}]
    staged = stage(tmp_path, [order(f"m-{n}", **fields) for n, fields in enumerate(told)])
    assert [row["total"] for row in staged.rows] == [3, 2, 1, None, None]


def test_products_of_other_events_never_set_a_call_aside(tmp_path):
    lines = [call(f"m-{n}", event="Cart Viewed", properties={"products": products}) for n, products in enumerate(["x", [1, {"sku": "S"}], {}, None])]
    assert [row["products"] and items(row) for row in stage(tmp_path, lines).rows] == [None, [("S", 1, None)], [], None]


def test_properties_that_are_no_object_leave_a_view_without_an_item(tmp_path):
    lines = [call(f"m-{n}", properties=value) for n, value in enumerate([None, "text", [], 5, ...])]
    assert [row["products"] or None for row in stage(tmp_path, lines).rows] == [None] * 5


def test_an_id_is_a_product_only_where_the_event_is_about_one_product(tmp_path):
    lines = [call("view", properties={"id": "P-1"}), call("page", event="Cart Viewed", properties={"id": "cart-1"})]
    staged = stage(tmp_path, lines)
    assert [row["products"] and items(row) for row in staged.rows] == [None, [("P-1", 1, None)]]


def test_calls_that_segment_computed_are_marked_and_need_no_order_id(tmp_path):
    context = {"personas": {"computation_class": "audience", "space_id": "s"}}
    lines = [
        call("trait", type="identify", event=..., context=context, traits={"churn": 1}),
        call("audience", event="Audience Entered", context=context),
        order("order", order_id=...) | {"context": context},
        call("null", context={"personas": None}),
        call("text", context={"personas": "x"}),
    ]
    staged = stage(tmp_path, lines)
    assert {row["message_id"]: row["is_computed"] for row in staged.rows} == {"trait": True, "audience": True, "order": True, "null": False, "text": False}


def test_a_computed_trait_or_audience_keeps_its_kind_name_and_value(tmp_path):
    def told(name, kind, key, **columns):
        return call(name, context={"personas": {"computation_class": kind, "computation_key": key}}, **{"event": ..., **columns})

    lines = [
        told("trait", "trait", "spend", type="identify", traits={"spend": 12.5, "other": 1}),
        told("audience", "audience", "vip", event="Audience Exited", properties={"audience_key": "vip", "vip": False}),
        told("gone", "trait", "spend", type="identify", traits={"spend": None}),
        told("object", "trait", "top", type="identify", traits={"top": {"writeKey": "s3cr3t", "n": 1}}),
        told("silent", "trait", "spend", type="identify", traits={"other": 1}),
        told("hostile", "trait", 'x" or 1', type="identify", traits={"x": 1}),
        call("plain", type="identify", event=..., traits={"spend": 1}),
    ]
    rows = {row["message_id"]: (row["computed_kind"], row["computed_name"], row["computed_value"]) for row in stage(tmp_path, lines).rows}
    assert rows == {
        "trait": ("trait", "spend", "12.5"), "audience": ("audience", "vip", "false"), "gone": ("trait", "spend", "null"),
        "object": ("trait", "top", '{"writeKey":"dropped","n":1}'), "silent": ("trait", "spend", None), "hostile": ("trait", None, None), "plain": (None, None, None),
    }  # fmt: skip


def test_the_postal_address_and_the_birthday_are_read_from_the_traits(tmp_path):
    home = {"street": "1 High St", "city": "Leeds", "postalCode": "LS1 1AB", "country": "GB"}
    lines = [
        call("m-1", type="identify", event=..., traits={"address": home, "birthday": "1980-02-03"}),
        call("m-2", type="identify", event=..., traits={"address": {"postal_code": "LS2"}}),
        call("m-3", type="identify", event=..., traits={"address": "1 High St"}),
    ]
    told = [tuple(row[name] for name in ("street", "city", "postcode", "country", "birth_date")) for row in stage(tmp_path, lines).rows]
    assert told == [("1 High St", "Leeds", "LS1 1AB", "GB", "1980-02-03"), (None, None, "LS2", None, None), (None,) * 5]


def test_the_write_key_is_dropped_wherever_it_is(tmp_path):
    lines = [
        call("m", writeKey="s3cr3t", properties={"writeKey": "s3cr3t", "a": [{"write_key": "s3cr3t"}]}, context={"writeKey": 5373, "body": '{"writeKey": "s3cr3t"}'}, traits={"WriteKey": "s3cr3t"}),
        json.dumps(call(None, writeKey="s3cr3t")),
        '{"messageId":"cut","writeKey":"s3cr3t',
        b'{"messageId":"\xff","writeKey":"s3cr3t"}',
    ]
    staged = stage(tmp_path, lines)
    assert len(staged.bad) == 3
    assert "s3cr3t" not in repr(staged.rows) + repr(staged.bad)
    assert "5373" not in staged.events["m"]["context"]
    assert json.loads(staged.events["m"]["properties"]) == {"writeKey": "dropped", "a": [{"write_key": "dropped"}]}
    assert json.loads(json.loads(staged.events["m"]["context"])["body"]) == {"writeKey": "dropped"}


def test_nesting_deeper_than_any_call_harms_nobody(tmp_path):
    deep = '{"a":' * 20_000 + "1" + "}" * 20_000
    head = '{"type":"track","event":"X","messageId":"%s","anonymousId":"a",'
    lines = [deep, head % "p" + f'"properties":{deep}}}', head % "t" + f'"traits":{deep},"context":{{"traits":{deep}}}}}', head % "l" + f'"properties":{{"products":{"[" * 50_000 + "]" * 50_000}}}}}', call()]
    staged = stage(tmp_path, lines)
    assert sorted(staged.events) == ["l", "m-1", "p", "t"]
    assert staged.rules == [(1, "missing_message_id")]


def test_of_a_key_said_twice_the_first_counts(tmp_path):
    staged = stage(tmp_path, ['{"type":"track","type":"identify","event":"X","messageId":"m","messageId":"n","anonymousId":"a","receivedAt":"2026-11-20T10:00:00Z"}'])
    assert [(row["message_id"], row["type"]) for row in staged.rows] == [("m", "track")]


def test_text_that_looks_like_sql_or_a_path_is_only_text(tmp_path):
    evil = "'; drop table segment_calls; -- $.a[*] \" {x}"
    found = stage(tmp_path, [call(evil, event=evil, userId=evil, properties={"product_id": evil, "order_id": evil}, context={"externalIds": [{"id": evil, "type": evil, "collection": "users", "encoding": "none"}]})]).rows[0]
    assert (found["message_id"], found["user_id"], found["event"], found["order_id"]) == (evil, evil, evil, evil)
    assert carried(found)[-1] == (evil.lower(), evil)
