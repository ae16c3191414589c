"""The web service: recommendations for the shop's pages, and Segment's events as they happen. FastAPI; documentation at /docs.

Here: HTTP, nothing else. Who asks is looked up in the lake (``lake_lists``), items are chosen in ``recommend.choose``. No identifier is logged.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from omnichannel_assets.recommend.choose import Page, Question, choose
from omnichannel_assets.resources.workspace import Workspace
from omnichannel_assets.serving.answers import Health, Problem, Received, Recommendations
from omnichannel_assets.serving.lake_lists import LakeLists, LakeReader
from omnichannel_assets.serving.personalize import GuardedPersonalize, Personalize, personalize_of
from omnichannel_assets.serving.relay import Relay, RelayCounts, Relaying, calls_of, count_only, failures, is_signed

log = logging.getLogger("omnichannel_assets")

LARGEST_BODY = 1_000_000
ANSWER_SECONDS = 4.5
OVERSAMPLE = 3
MOST_CART_ITEMS = 100
NOTHING_YET = "the lake has no recommendations yet: materialize the recommend group, for example with `omnichannel run`"
PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "A parameter is unknown or missing."},
    422: {"model": Problem, "description": "A parameter has a wrong value."},
    503: {"model": Problem, "description": "The lake has no recommendations yet."},
}
EVENT_PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "Signed, but no JSON object or list."},
    401: {"model": Problem, "description": "The signature is missing or wrong."},
    413: {"model": Problem, "description": "More than 1 MB."},
    503: {"model": Problem, "description": "Not everything could be sent on; deliver again."},
}
ABOUT = """Ask `GET /recommendations` for every page that shows items. Say who is looking (`user_id` after a login, `anonymous_id` before it) and where.
Nobody is refused: a person we do not know gets what is popular. All items are on sale and in stock.

| Page | Ask | Get |
|---|---|---|
| home | `?page=home&user_id=u-17` | the person's own list |
| product | `?page=product&item_id=85123A&anonymous_id=a-77` | what goes with the item |
| cart | `?page=cart&cart=85123A,22423&user_id=u-17` | what goes with the cart, nothing that is in it |

Every error has the body `{"message": "..."}`."""

Id = Annotated[str | None, Query(max_length=256)]


class Service:
    """What requests share: the lake's lists, Personalize when there is one, the relay when there is one."""

    def __init__(self, workspace: Workspace, personalize: Personalize | None, relay: Relay | None):
        self.reader = LakeReader(workspace)
        self.secret = workspace.settings.segment_webhook_secret.get_secret_value()
        self.personalize = GuardedPersonalize(personalize) if personalize else None
        self.relaying = Relaying(relay, self.customer_of, self.items_for) if relay else None

    def lists(self) -> LakeLists:
        """The lake's lists. Raises HTTPException 503 while there are none."""
        lists = self.reader.lists()
        if lists is None:
            raise HTTPException(503, NOTHING_YET)
        return lists

    def recommend(self, question: Question) -> Recommendations:
        """The answer to a page: from Personalize when it knows the person or the item and answers, else from the lake."""
        lists = self.lists()
        customer = next(iter(question.customer_ids), None)
        about = question.seeds[-1] if question.seeds else None
        asked = self.personalize is not None and bool(customer or about)
        found = (
            self.personalize.ask(customer, about, question.limit * OVERSAMPLE + len(question.cart)) if self.personalize and asked else None
        )
        answer = choose(question, lists, found[0] if found else None)
        own_id = f"lake-{uuid.uuid4().hex}"
        recommendation_id = found[1] or own_id if found and answer.source == "personalize" else own_id
        return Recommendations.of(answer, recommendation_id, lists.as_of, has_fallen_back=asked and found is None)

    def customer_of(self, user_id: str | None, anonymous_id: str | None) -> str | None:
        """The customer behind a call's ids; None for a new visitor, and while there is no lake."""
        lists = self.reader.lists()
        return next(iter(lists.customers(user_id, anonymous_id)), None) if lists else None

    def items_for(self, user_id: str | None, anonymous_id: str | None) -> Sequence[str]:
        """Item ids of a person's new list."""
        lists = self.reader.lists()
        if lists is None:
            return []
        question = Question("home", 20, lists.customers(user_id, anonymous_id))
        return [item.item_id for item in self.recommend(question).items]


def create_app(workspace: Workspace, *, personalize: Personalize | None = None, relay: Relay | None = None) -> FastAPI:
    """The service over a workspace's lake.

    ``personalize`` answers instead of the lake's lists; by default the one the settings name. ``relay`` receives the shop's events; without one
    they are acknowledged and counted. Reads the lake only.
    """
    service = Service(workspace, personalize or personalize_of(workspace.settings), relay)
    app = FastAPI(title="Omnichannel recommendations", version="1", description=ABOUT)
    app.add_middleware(RequestLog)
    app.add_exception_handler(RequestValidationError, _wrong_value)
    app.add_exception_handler(StarletteHTTPException, _refused)
    app.add_exception_handler(Exception, _defect)
    _add_recommendations(app, service)
    _add_events(app, service)
    return app


def _add_recommendations(app: FastAPI, service: Service) -> None:
    @app.get("/recommendations", response_model=Recommendations, responses=PROBLEMS, summary="Items for one page of the shop")
    def recommendations(
        request: Request,
        response: Response,
        page: Annotated[Page, Query(description="The page that asks.")],
        user_id: Annotated[Id, Query(description="Login, as the shop sends it to Segment.", examples=["u-17"])] = None,
        anonymous_id: Annotated[Id, Query(description="Segment's anonymousId, for people who are not logged in.")] = None,
        customer_id: Annotated[Id, Query(description="Our own customer id, for internal callers; wins over the other two.")] = None,
        item_id: Annotated[Id, Query(description="The item of a product page; required there.")] = None,
        cart: Annotated[str, Query(max_length=8192, description="Items of the cart, separated by commas; never recommended.")] = "",
        limit: Annotated[int, Query(ge=1, le=100, description="How many items.")] = 10,
    ) -> Recommendations:
        """Who asks is looked up in the lake's identities; a person we do not know, or no id at all, gets what is popular and never an error."""
        _check_names(request)
        if page == "product" and not item_id:
            raise HTTPException(400, "item_id: expected the item of the product page")
        people = ([customer_id] if customer_id else []) + service.lists().customers(user_id, anonymous_id)
        answer = service.recommend(Question(page, limit, people, item_id, _cart_items(cart)))
        response.headers["X-Recommendation-Id"] = answer.recommendation_id
        response.headers["X-Recommendation-Source"] = answer.source
        response.headers["Cache-Control"] = "private, no-store"
        return answer

    @app.get("/health", response_model=Health, responses={503: PROBLEMS[503]}, summary="Whether there is something to recommend")
    def health() -> Health:
        """For load balancers: 200 as soon as lists can be served."""
        return Health(status="ok", as_of=service.lists().as_of)


def _add_events(app: FastAPI, service: Service) -> None:
    @app.post("/segment/events", response_model=Received, responses=EVENT_PROBLEMS, summary="Segment's webhook")
    async def segment_events(request: Request) -> Received:
        """One call, or a list of calls, signed with the shared secret (header X-Signature). Each e-commerce event is sent on once; then the
        person's new list goes back to Segment as the trait `recommended_items`. Any 5xx makes Segment deliver again."""
        signature = request.headers.get("X-Signature", "")
        if not service.secret or not signature:
            raise HTTPException(401, "unauthorized")
        body = await _read_body(request)
        if not is_signed(body, signature, service.secret):
            raise HTTPException(401, "unauthorized")
        try:
            calls = calls_of(body)
        except ValueError:
            raise HTTPException(400, "expected a JSON object or a list of them") from None
        return Received(**asdict(await _relay(service, calls)))


async def _relay(service: Service, calls: list[Any]) -> RelayCounts:
    if service.relaying is None:
        return count_only(calls)
    try:
        return await asyncio.wait_for(run_in_threadpool(service.relaying.relay_calls, calls), ANSWER_SECONDS)
    except (*failures(), TimeoutError) as error:
        log.warning("events could not all be sent on (%s); Segment delivers them again", type(error).__name__)
        raise HTTPException(503, "not everything could be sent on; deliver again") from None


async def _read_body(request: Request) -> bytes:
    """The body; one over 1 MB is refused without reading it to its end."""
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > LARGEST_BODY:
            raise HTTPException(413, "expected at most 1 MB")
        chunks.append(chunk)
    return b"".join(chunks)


KNOWN_NAMES = ("page", "user_id", "anonymous_id", "customer_id", "item_id", "cart", "limit")


def _check_names(request: Request) -> None:
    """A misspelt parameter would otherwise be a silent default."""
    if set(request.query_params) - set(KNOWN_NAMES):
        raise HTTPException(400, f"unknown parameter: expected only {', '.join(KNOWN_NAMES)}")


def _cart_items(cart: str) -> tuple[str, ...]:
    items = tuple(dict.fromkeys(item.strip() for item in cart.split(",") if item.strip()))
    if len(items) > MOST_CART_ITEMS or any(len(item) > 256 for item in items):
        raise HTTPException(422, f"cart: expected at most {MOST_CART_ITEMS} item ids of at most 256 characters, separated by commas")
    return items


EXPECTED = {
    "page": "home, product or cart",
    "limit": "a whole number from 1 to 100",
    "cart": "item ids separated by commas, at most 8192 characters",
}


async def _wrong_value(request: Request, error: Exception) -> JSONResponse:
    """422, or 400 for what is missing, naming parameters and what they take; what was sent is not repeated."""
    found = error.errors() if isinstance(error, RequestValidationError) else []
    names = dict.fromkeys(str(problem["loc"][-1]) for problem in found)
    words = "; ".join(f"{name}: expected {EXPECTED.get(name, 'at most 256 characters')}" for name in names)
    return JSONResponse({"message": words}, 400 if all(problem["type"] == "missing" for problem in found) else 422)


async def _refused(request: Request, error: Exception) -> JSONResponse:
    status = error.status_code if isinstance(error, StarletteHTTPException) else 500
    words = str(error.detail) if isinstance(error, StarletteHTTPException) else ""
    headers = {"Retry-After": "5"} if status == 503 else None
    return JSONResponse({"message": words}, status, headers)


async def _defect(request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"message": "something went wrong on our side"}, 500)


class RequestLog:
    """One line a request: method, path, status, milliseconds. Never the query, a header or a body, which name people."""

    PATHS = frozenset({"/recommendations", "/segment/events", "/health", "/docs", "/openapi.json"})

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 500

        async def watched(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self.app(scope, receive, watched)
        finally:
            path = scope["path"] if scope["path"] in self.PATHS else "(other)"
            log.info("%s %s %s %.1f ms", scope["method"], path, status, (time.perf_counter() - began) * 1000)


def serve(
    workspace: Workspace, host: str = "127.0.0.1", port: int = 8080, *, personalize: Personalize | None = None, relay: Relay | None = None
) -> None:
    """Answer until interrupted. The server's own access log is off: it would print who asked."""
    import uvicorn

    uvicorn.run(create_app(workspace, personalize=personalize, relay=relay), host=host, port=port, access_log=False, log_level="warning")
