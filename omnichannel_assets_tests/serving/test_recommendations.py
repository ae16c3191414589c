"""GET /recommendations over a real lake: full lists of what can be bought, for anybody, on every page."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

import pyarrow as pa
import pytest
from fastapi.testclient import TestClient

from omnichannel_assets.errors import RetryableError
from omnichannel_assets.lake.lake import Provenance
from omnichannel_assets.lake.tables import PRODUCTS
from omnichannel_assets.lake.tables_activation import POPULAR_ITEMS
from omnichannel_assets.serving.app import create_app
from omnichannel_assets.serving.personalize import GuardedPersonalize, personalize_of
from omnichannel_assets_tests.integration import running
from omnichannel_assets_tests.serving.conftest import AS_OF, Shop, build_lists


@pytest.fixture(scope="module")
def client(shop: Shop) -> Iterator[TestClient]:
    with TestClient(create_app(shop.workspace())) as opened:
        yield opened


@pytest.fixture(scope="module")
def people(shop: Shop) -> dict[str, dict[str, str]]:
    """Query parameters of somebody known, a visitor, somebody unknown and nobody."""
    opened = shop.workspace()
    listed = {row["customer_id"] for row in running.rows(opened, "recommendations")}
    known = {row["customer_id"] for row in running.rows(opened, "customers") if row["is_known"]}
    rows = [row for row in running.rows(opened, "identities") if row["valid_to"] is None and row["customer_id"] in listed]
    user = next(row for row in rows if row["identifier_type"] == "user_id")
    visitor = next(row for row in rows if row["identifier_type"] == "anonymous_id" and row["customer_id"] not in known)
    return {
        "known": {"user_id": user["identifier_value"]},
        "visitor": {"anonymous_id": visitor["identifier_value"]},
        "by customer id": {"customer_id": user["customer_id"]},
        "unknown": {"user_id": "nobody-has-this", "anonymous_id": "nor-this", "customer_id": "c_0000000000000000"},
        "nobody": {},
    }


@pytest.fixture(scope="module")
def item(shop: Shop) -> str:
    """An item with a list of its own."""
    return running.rows(shop.workspace(), "similar_items")[0]["item_id"]


def ids(body: dict) -> list[str]:
    return [item["item_id"] for item in body["items"]]


def stocked(shop: Shop) -> dict[str, dict]:
    rows = running.rows(shop.workspace(), "products")
    return {row["product_id"]: row for row in rows if row["is_merchandise"] and row["status"] == "active" and (row["stock"] is None or row["stock"] > 0)}


@pytest.mark.parametrize("who", ["known", "visitor", "by customer id", "unknown", "nobody"])
@pytest.mark.parametrize("page", ["home", "product", "cart"])
@pytest.mark.parametrize("limit", [1, 10, 40, 100])
def test_everybody_gets_a_full_list_of_buyable_products_on_every_page(client, shop, people, item, who, page, limit):
    place = {"home": {}, "product": {"item_id": item}, "cart": {"cart": item}}[page]
    answer = client.get("/recommendations", params={"page": page, "limit": limit, **place, **people[who]})
    assert answer.status_code == 200
    found, buyable = ids(answer.json()), stocked(shop)
    assert len(found) == limit
    assert len(set(found)) == limit
    assert set(found) <= set(buyable)
    assert page == "home" or item not in found


def test_an_item_is_told_with_everything_a_page_needs(client, shop):
    body = client.get("/recommendations", params={"page": "home"}).json()
    (first, *_), product = body["items"], stocked(shop)[body["items"][0]["item_id"]]
    assert {name: first[name] for name in ("name", "category", "currency", "stock")} == {name: product[name] for name in ("name", "category", "currency", "stock")}
    assert first["price"] == f"{product['price']:.2f}"
    assert set(first) == {"item_id", "name", "category", "price", "currency", "stock", "reason", "score"}
    assert body["as_of"] == AS_OF.isoformat()


def test_source_tells_whose_list_it_is(client, people, item):
    def source(**params: str) -> str:
        return client.get("/recommendations", params=params).json()["source"]

    assert [source(page="home", **people[who]) for who in ("known", "visitor", "by customer id", "unknown", "nobody")] == ["lake", "lake", "lake", "popular", "popular"]
    assert source(page="product", item_id=item) == "lake"


def test_the_persons_list_is_the_stored_one(client, shop, people):
    stored = [row["item_id"] for row in running.rows(shop.workspace(), "recommendations") if row["customer_id"] == people["by customer id"]["customer_id"]]
    buyable = stocked(shop)
    body = client.get("/recommendations", params={"page": "home", "limit": 20, **people["known"]}).json()
    assert ids(body)[: len(stored)] == [item for item in stored if item in buyable]


def test_ids_are_read_as_identity_reads_them(client, people):
    spaced = {name: f"  {value} " for name, value in people["known"].items()}
    assert ids(client.get("/recommendations", params={"page": "home", **spaced}).json()) == ids(client.get("/recommendations", params={"page": "home", **people["known"]}).json())
    for blocked in ("null", "0000", "anonymous", "\x00", "é" * 200):
        assert client.get("/recommendations", params={"page": "home", "user_id": blocked}).json()["source"] == "popular"


def test_an_anonymous_id_helps_where_the_user_id_is_new(client, people):
    body = client.get("/recommendations", params={"page": "home", "user_id": "just registered", **people["visitor"]}).json()
    assert body["source"] == "lake"


def test_the_recommendation_id_stands_in_header_and_body_and_is_new_each_time(client):
    first, second = (client.get("/recommendations", params={"page": "home"}) for _ in range(2))
    assert first.headers["X-Recommendation-Id"] == first.json()["recommendation_id"] != second.json()["recommendation_id"]
    assert len(first.json()["recommendation_id"]) <= 40
    assert first.headers["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("", 400, "page: expected home, product or cart"),
        ("page=basket", 422, "page: expected home, product or cart"),
        ("page=home&limit=0", 422, "limit: expected a whole number from 1 to 100"),
        ("page=home&limit=101", 422, "limit: expected a whole number from 1 to 100"),
        ("page=home&limit=ten", 422, "limit: expected a whole number from 1 to 100"),
        ("page=product", 400, "item_id: expected the item of the product page"),
        ("page=home&userId=u-1", 400, "unknown parameter: expected only page, user_id, anonymous_id, customer_id, item_id, cart, limit"),
        (f"page=home&user_id={'x' * 257}", 422, "user_id: expected at most 256 characters"),
        (f"page=cart&cart={'x' * 257}", 422, "cart: expected at most 100 item ids of at most 256 characters, separated by commas"),
        (f"page=cart&cart={','.join(map(str, range(101)))}", 422, "cart: expected at most 100 item ids of at most 256 characters, separated by commas"),
    ],
)
def test_a_wrong_question_is_answered_in_plain_words(client, query, status, words):
    answer = client.get(f"/recommendations?{query}")
    assert (answer.status_code, answer.json()) == (status, {"message": words})


def test_other_paths_and_methods_have_the_same_error_body(client):
    for answer in (client.get("/nothing"), client.post("/recommendations")):
        assert answer.status_code in (404, 405)
        assert list(answer.json()) == ["message"]


def test_an_unknown_item_on_a_product_page_is_no_error(client, people):
    assert len(ids(client.get("/recommendations", params={"page": "product", "item_id": "unheard of", **people["known"]}).json())) == 10


def test_a_lake_without_lists_says_so(shop, tmp_path):
    with TestClient(create_app(running.workspace(shop.landing, tmp_path / "empty"))) as empty:
        for path in ("/recommendations?page=home", "/health"):
            answer = empty.get(path)
            assert answer.status_code == 503
            assert "no recommendations yet" in answer.json()["message"]


def test_health_names_the_as_of(client):
    assert client.get("/health").json() == {"status": "ok", "as_of": AS_OF.isoformat()}


def test_the_documentation_shows_examples_and_every_error(client):
    paths = client.get("/openapi.json").json()
    assert {"400", "422", "503", "200"} <= set(paths["paths"]["/recommendations"]["get"]["responses"])
    assert {"400", "401", "413", "503", "200"} <= set(paths["paths"]["/segment/events"]["post"]["responses"])
    assert paths["components"]["schemas"]["Recommendations"]["examples"]
    assert client.get("/docs").status_code == 200


def test_nobody_is_named_in_the_log(client, people, caplog):
    caplog.set_level(logging.INFO)
    client.get("/recommendations", params={"page": "home", **people["known"]})
    client.get(f"/{people['known']['user_id']}")
    lines = [record.getMessage() for record in caplog.records if record.name == "omnichannel_assets"]
    assert len(lines) == 2
    assert people["known"]["user_id"] not in "".join(lines)


def test_a_defect_is_told_without_its_details(shop, monkeypatch):
    app = create_app(shop.workspace())

    def broken(*_: object) -> None:
        raise KeyError("a detail")

    monkeypatch.setattr("omnichannel_assets.serving.app.choose", broken)
    with TestClient(app, raise_server_exceptions=False) as client:
        answer = client.get("/recommendations?page=home")
    assert (answer.status_code, answer.json()) == (500, {"message": "something went wrong on our side"})


def replace_products(shop: Shop, **changes: object) -> None:
    """Give every product with an id among ``changes`` another stock, status, or none at all."""
    opened = shop.workspace()
    rows = [row | changes.get(row["product_id"], {}) for row in opened.lake.read(PRODUCTS).to_pylist() if changes.get(row["product_id"], {}) is not None]
    with opened.lake.writing():
        opened.lake.publish(PRODUCTS, pa.Table.from_pylist(rows, schema=PRODUCTS.arrow()), Provenance("changed"))


def test_stock_and_catalogue_count_as_they_are_now(own_shop, look_always):
    with TestClient(create_app(own_shop.workspace())) as client:
        before = ids(client.get("/recommendations?page=home&limit=40").json())
        replace_products(own_shop, **{before[0]: {"stock": 0}, before[1]: None, before[2]: {"status": "discontinued"}, before[3]: {"is_merchandise": False}, before[4]: {"stock": None}})
        body = client.get("/recommendations?page=home&limit=40").json()
    assert len(body["items"]) == 40
    assert not set(before[:4]) & set(ids(body))
    assert ids(body)[0] == before[4]
    assert body["items"][0]["stock"] is None
    assert body["dropped"] == {"unresolved": 3, "out_of_stock": 1}


def test_new_lists_are_served_without_a_restart_and_half_finished_ones_are_not(own_shop, look_always):
    opened = own_shop.workspace(as_of=AS_OF)
    older = AS_OF.replace(day=1, month=6)
    with TestClient(create_app(opened)) as client:
        assert client.get("/health").json()["as_of"] == AS_OF.isoformat()
        for table in ("recommendations", "similar_items", "popular_items"):
            folder = own_shop.lake / "tables" / table
            (folder / f"as_of={AS_OF}").rename(folder / f"hidden={AS_OF}")
        build_lists(opened, older)
        assert client.get("/health").json()["as_of"] == older.isoformat()
        for table in ("recommendations", "similar_items"):
            folder = own_shop.lake / "tables" / table
            (folder / f"hidden={AS_OF}").rename(folder / f"as_of={AS_OF}")
        assert client.get("/health").json()["as_of"] == older.isoformat()
        folder = own_shop.lake / "tables" / "popular_items"
        (folder / f"hidden={AS_OF}").rename(folder / f"as_of={AS_OF}")
        assert client.get("/health").json()["as_of"] == AS_OF.isoformat()


def test_a_table_that_cannot_be_read_leaves_the_lists_of_before(own_shop, look_always):
    with TestClient(create_app(own_shop.workspace())) as client:
        before = ids(client.get("/recommendations?page=home").json())
        folder = own_shop.lake / "tables" / POPULAR_ITEMS.name / f"as_of={AS_OF}"
        (folder / "_manifest.json").write_text('{"half', encoding="utf-8")
        assert ids(client.get("/recommendations?page=home").json()) == before


def test_many_requests_at_once_while_the_lake_changes_are_all_answered(own_shop, look_always):
    failed = []
    with TestClient(create_app(own_shop.workspace())) as client:

        def ask() -> None:
            for _ in range(10):
                answer = client.get("/recommendations?page=home&limit=20")
                failed.extend([answer.text] if answer.status_code != 200 or len(answer.json()["items"]) != 20 else [])

        threads = [threading.Thread(target=ask) for _ in range(6)]
        for thread in threads:
            thread.start()
        for stock in (1, 2, 3):
            replace_products(own_shop, **{item: {"stock": stock} for item in stocked(own_shop)})
        for thread in threads:
            thread.join()
    assert failed == []


class Cloud:
    """Personalize with fixed answers, or an error."""

    def __init__(self, items: list[str] | None = None, error: Exception | None = None, wait: threading.Event | None = None):
        self.items, self.error, self.wait, self.asked = items or [], error, wait, []

    def recommendations(self, user_id: str | None, item_id: str | None, limit: int) -> tuple[list[str], str]:
        self.asked.append((user_id, item_id, limit))
        if self.wait:
            self.wait.wait(10)
        if self.error:
            raise self.error
        return self.items, "RID-1"


def test_personalize_answers_when_there_is_one_and_its_items_are_checked_too(shop, people):
    buyable = sorted(stocked(shop))
    cloud = Cloud([buyable[3], "unknown to the shop", buyable[1], buyable[3]])
    with TestClient(create_app(shop.workspace(), personalize=cloud)) as client:
        answer = client.get("/recommendations", params={"page": "home", "limit": 5, **people["known"]})
    body = answer.json()
    assert ids(body)[:2] == [buyable[3], buyable[1]]
    assert len(body["items"]) == 5
    assert (body["source"], body["recommendation_id"], body["dropped"]["unresolved"], body["fallback"]) == ("personalize", "RID-1", 1, None)
    assert cloud.asked == [(people["by customer id"]["customer_id"], None, 15)]


def test_personalize_is_not_asked_about_nobody(shop):
    cloud = Cloud(["x"])
    with TestClient(create_app(shop.workspace(), personalize=cloud)) as client:
        assert client.get("/recommendations?page=home").json()["source"] == "popular"
    assert cloud.asked == []


@pytest.mark.parametrize("error", [RetryableError("throttled"), ConnectionError(), KeyError("a defect in it")])
def test_when_personalize_fails_the_lake_answers_says_so_and_leaves_it_alone_for_a_while(shop, people, error):
    cloud = Cloud(error=error)
    with TestClient(create_app(shop.workspace(), personalize=cloud)) as client:
        for _ in range(2):
            body = client.get("/recommendations", params={"page": "home", **people["known"]}).json()
            assert (body["source"], body["fallback"], len(body["items"])) == ("lake", "personalize did not answer", 10)
    assert len(cloud.asked) == 1


def test_a_silent_personalize_is_not_waited_for():
    released = threading.Event()
    guarded = GuardedPersonalize(Cloud(["x"], wait=released), wait_seconds=0.05, pause_seconds=0)
    assert guarded.ask("c_1", None, 10) is None
    released.set()
    assert guarded.ask("c_1", None, 10) == (["x"], "RID-1")


def test_personalize_is_the_one_of_the_settings_and_never_called_by_accident(shop):
    arn = "arn:aws:personalize:eu-west-1:000000000000:recommender/shop"
    assert personalize_of(shop.workspace().settings) is None
    assert personalize_of(shop.workspace(personalize_recommender_arn=arn).settings) is None
    assert personalize_of(shop.workspace(personalize_recommender_arn=arn, delivery_mode="live").settings) is None
    assert personalize_of(shop.workspace(personalize_recommender_arn=arn, delivery_mode="off", sandbox_url="http://localhost:1").settings) is None
    asked = personalize_of(shop.workspace(personalize_recommender_arn=arn, sandbox_url="http://127.0.0.1:9").settings)
    with pytest.raises(RetryableError, match="get_recommendations"):
        asked.recommendations("c_1", None, 10)
