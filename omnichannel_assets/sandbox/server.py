"""The sandbox as an HTTP server on this machine, and the acting out of faults.

Belongs here: routes, connections, starting and stopping. Not here: what the services do with a request (`segment`, `aws`), what is kept (`inbox`).
Requests are answered one after another, so that the order in the inbox is the order of the answers.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace as replace_fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn
from filelock import FileLock, Timeout
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from omnichannel_assets.errors import InputError, LockedError
from omnichannel_assets.sandbox.answers import Reply, ServiceError, error_reply
from omnichannel_assets.sandbox.aws import AwsServices
from omnichannel_assets.sandbox.connect_state import FILE as CONNECT_FILE
from omnichannel_assets.sandbox.connect_state import UPLOADS
from omnichannel_assets.sandbox.connect_uploads import PATH as UPLOAD_PATH
from omnichannel_assets.sandbox.faults import Fault, Faults
from omnichannel_assets.sandbox.inbox import SERVICES, Inbox, append, mend, replace
from omnichannel_assets.sandbox.overview import Watch
from omnichannel_assets.sandbox.page import HEADERS, page
from omnichannel_assets.sandbox.pinpoint import FILE as PINPOINT_FILE
from omnichannel_assets.sandbox.rest import RestServices
from omnichannel_assets.sandbox.segment import OPERATIONS as SEGMENT_OPERATIONS
from omnichannel_assets.sandbox.segment import SegmentService, message_ids
from omnichannel_assets.sandbox.segment_regulations import STATE as REGULATIONS
from omnichannel_assets.sandbox.segment_regulations import RegulationService

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

HOST = "127.0.0.1"
STARTED_WITHIN = 10.0
ADDRESS = ".address"
STATES = ("personalize_state.json", REGULATIONS, CONNECT_FILE, PINPOINT_FILE)


class _Connections(H11Protocol):
    """uvicorn's HTTP protocol that lets a request reach its own connection, to cut it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


class _NoAnswer:
    """Instead of a response: cut the connection, or leave the client waiting until it gives up."""

    def __init__(self, *, cut: bool):
        self.cut = cut

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.cut:
            scope["state"]["transport"].abort()
        while (await receive())["type"] != "http.disconnect":
            pass


class Sandbox:
    """All stand-ins over one folder. Use `start` for one in this process, `serve` for one that a person runs."""

    def __init__(self, folder: Path | str):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.inbox = Inbox(self.folder)
        self._watch = Watch(self.folder)
        self.faults = Faults()
        self.url = ""
        self._requests = self.folder / "requests.jsonl"
        mend(self._requests)
        self._open()
        self.app = Starlette(
            routes=[
                Route("/", self._show, methods=["GET"]),
                Route("/_sandbox/inbox", self._summary, methods=["GET"]),
                Route("/_sandbox/inbox", self._clear, methods=["DELETE"]),
                Route("/_sandbox/faults", self._change_faults, methods=["GET", "POST", "DELETE"]),
                *(Route(f"/v1/{operation}", self._take_segment, methods=["POST"]) for operation in SEGMENT_OPERATIONS),
                Route("/regulations", self._take_regulation, methods=["POST"]),
                Route("/regulations/sources/{source}", self._take_regulation, methods=["POST"]),
                Route("/regulations/{regulation}", self._take_regulation, methods=["GET"]),
                Route(f"{UPLOAD_PATH}{{domain}}/{{job}}", self._take_upload, methods=["PUT"]),
                Route("/{path:path}", self._take_aws, methods=["GET", "POST", "PUT", "DELETE"]),
            ]
        )

    def _open(self) -> None:
        self._segment, self._aws, self._rest = SegmentService(self.folder), AwsServices(self.folder), RestServices(self.folder)
        self._regulations = RegulationService(self.folder, self._segment)

    @classmethod
    @contextmanager
    def start(cls, folder: Path | str, port: int = 0) -> Iterator[Sandbox]:
        """A running sandbox in a thread of this process, stopped on leaving. ``port`` 0 takes a free one; `url` has it."""
        with _only_one(folder):
            sandbox = cls(folder)
            listening = _bound(port)
            sandbox.url = _announced(sandbox.folder, listening)
            server = _Server(sandbox.app)
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="sandbox", daemon=True)
            thread.start()
            if not server.is_up.wait(STARTED_WITHIN):
                raise RuntimeError(f"the sandbox did not start within {STARTED_WITHIN} s")
            try:
                yield sandbox
            finally:
                server.stop()
                thread.join()

    def _show(self, request: Request) -> Response:
        return HTMLResponse(page(self._watch.look(), self.faults.told()), headers=HEADERS)

    def _summary(self, request: Request) -> Response:
        return JSONResponse(self.inbox.summary())

    def clear(self) -> None:
        """Forgets everything received and every resource, as a new account would be; files in the bucket stay."""
        for name in (*(f"{service}{ending}" for service in SERVICES for ending in (".jsonl", "_rejected.jsonl")), "requests.jsonl", *STATES):
            (self.folder / name).unlink(missing_ok=True)
        for kept in ("personalize", UPLOADS):
            shutil.rmtree(self.folder / kept, ignore_errors=True)
        self.faults.clear()
        self._open()

    async def _clear(self, request: Request) -> Response:
        self.clear()
        return JSONResponse({})

    async def _change_faults(self, request: Request) -> Response:
        if request.method == "GET":
            return JSONResponse({"faults": self.faults.told()})
        if request.method == "DELETE":
            self.faults.clear()
            return JSONResponse({})
        try:
            self.faults.add(**await request.json())
        except (ValueError, TypeError) as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        return JSONResponse({}, status_code=201)

    async def _take_segment(self, request: Request) -> Any:
        operation = request.url.path.removeprefix("/v1/")
        body = await request.body()
        fault = self.faults.met("segment", operation, lambda: message_ids(operation, body))
        dropped = fault.messages if fault and fault.kind == "partial" else ()
        return await self._answer("segment", operation, fault, lambda: self._segment.answer(operation, body, _authorization(request), dropped))

    async def _take_regulation(self, request: Request) -> Any:
        operation = "create_regulation" if request.method == "POST" else "get_regulation"
        body, named = await request.body(), request.path_params
        fault = self.faults.met("segment-public-api", operation)

        def answer() -> Reply:
            if operation == "get_regulation":
                return self._regulations.status(named["regulation"], _authorization(request))
            return self._regulations.create(body, named.get("source"), _authorization(request))

        return await self._answer("segment-public-api", operation, fault, answer)

    async def _take_aws(self, request: Request) -> Any:
        addressed = self._aws.addressed(request.url.path, request.headers.get("X-Amz-Target", "")) if request.method == "POST" else None
        if addressed is None:
            return await self._take_rest(request)
        service, operation = addressed
        body = await request.body()
        fault = self.faults.met(service, operation)
        return await self._answer(service, operation, fault, lambda: self._aws.answer(service, operation, body, _authorization(request)))

    async def _take_rest(self, request: Request) -> Any:
        self._rest.profiles.uploads.base_url = str(request.base_url).rstrip("/")
        call = self._rest.addressed(request.method, request.scope["raw_path"].decode(), request.query_params, await request.body())
        if call is None:
            return JSONResponse({"message": "the sandbox has nothing here"}, status_code=404)
        fault = self.faults.met(call.service, call.operation, lambda: self._rest.row_ids(call))
        if fault and fault.kind in FAILED_ROWS:
            call = replace_fields(call, failing=dict.fromkeys(fault.messages, FAILED_ROWS[fault.kind]))
        return await self._answer(call.service, call.operation, fault, lambda: self._rest.answer(call, _authorization(request)))

    async def _take_upload(self, request: Request) -> Any:
        """A file for an upload job, at the address the job gave: no signature of AWS's but the one in the address."""
        body, named = await request.body(), request.path_params
        signature = request.query_params.get("X-Amz-Signature", "")
        fault = self.faults.met("s3", "PutObject")
        return await self._answer("s3", "PutObject", fault, lambda: self._rest.profiles.uploads.take_file(named["domain"], named["job"], signature, request.headers, body))

    async def _answer(self, service: str, operation: str, fault: Fault | None, answer: Callable[[], Reply]) -> Any:
        """The reply, unless a fault has it otherwise. Every request is noted before it is answered."""
        if fault and fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        reply = _failure(service, fault) if fault else None
        is_cut_before = fault is not None and fault.kind == "reset" and fault.when == "before"
        if reply is None and not is_cut_before:
            reply = answer()
        counts = {"accepted": reply.accepted, "rejected": reply.rejected} if reply else {}
        note = {"service": service, "operation": operation, "status": reply.status if reply else 0, **counts}
        append(self._requests, [{**note, "fault": fault.kind} if fault else note])
        if reply is None or (fault and fault.kind in ("reset", "timeout_after_acceptance")):
            return _NoAnswer(cut=fault is not None and fault.kind == "reset")
        media = "application/json" if service.startswith("segment") else "application/x-amz-json-1.1"
        return Response(reply.content, status_code=reply.status, headers=reply.headers, media_type=media)


class _Server(uvicorn.Server):
    """uvicorn that says when it is up and stops at once."""

    def __init__(self, app: Starlette):
        config = uvicorn.Config(
            app, loop="asyncio", http=_Connections, lifespan="off", ws="none", log_level="warning", access_log=False, timeout_graceful_shutdown=1
        )
        super().__init__(config)
        self.is_up = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.is_up.set()

    def stop(self) -> None:
        """Asks the server to end; its thread then does."""
        self.should_exit = True


def serve(folder: Path | str, port: int, on_ready: Callable[[str], None] = lambda url: None, faults: Iterable[Fault] = ()) -> None:
    """Runs a sandbox until interrupted. ``on_ready`` gets its address once it listens; ``faults`` are in force from the start.

    Raises InputError when the port is taken, LockedError when another sandbox uses the folder.
    """
    with _only_one(folder):
        sandbox = Sandbox(folder)
        for fault in faults:
            sandbox.faults.put(fault)
        listening = _bound(port)
        sandbox.url = _announced(sandbox.folder, listening)
        on_ready(sandbox.url)
        with suppress(KeyboardInterrupt):  # how a person ends it
            _Server(sandbox.app).run(sockets=[listening])


@contextmanager
def reached(folder: Path | str) -> Iterator[str]:
    """The address of the folder's sandbox: the one that runs already, in whatever process, or one started for the time of this call."""
    with ExitStack() as stack:
        try:
            url = stack.enter_context(Sandbox.start(folder)).url
        except LockedError:
            url = _address_of(folder)
        yield url


def _address_of(folder: Path | str) -> str:
    address = Path(folder) / ADDRESS
    for _ in range(100):
        if address.is_file():
            return address.read_text(encoding="utf-8")
        time.sleep(0.05)  # it is starting, and says so in a moment
    raise LockedError(f"{folder}: another sandbox uses this folder and does not say where it listens. Fix: stop it.")


def _announced(folder: Path, listening: socket.socket) -> str:
    """The address of a sandbox, left in its folder for other processes."""
    url = f"http://{HOST}:{listening.getsockname()[1]}"
    replace(folder / ADDRESS, url.encode())
    return url


@contextmanager
def _only_one(folder: Path | str) -> Iterator[None]:
    """Keeps a second sandbox off the folder: each would not know what the other had already received."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    lock = FileLock(Path(folder) / ".lock", timeout=0, is_singleton=False)
    address = Path(folder) / ADDRESS
    try:
        lock.acquire()
        address.unlink(missing_ok=True)  # of a sandbox that was killed
    except Timeout as error:
        raise LockedError(f"{folder}: another sandbox uses this folder. Fix: stop it, or name another folder.") from error
    try:
        yield
    finally:
        lock.release()


def _bound(port: int) -> socket.socket:
    # Named as TCP, or asyncio leaves Nagle on and every answer waits 40 ms.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
        listening.listen(128)
    except OSError as error:
        listening.close()
        raise InputError("the sandbox's port", str(port), expected="a free port", fix="stop what listens there or name another port") from error
    return listening


def _authorization(request: Request) -> str:
    return request.headers.get("Authorization", "")


FAULT_CODES = {
    "customer-profiles": ("ThrottlingException", "InternalServerException"),
    "connectcampaignsv2": ("ThrottlingException", "InternalServerException"),
    "pinpoint": ("TooManyRequestsException", "InternalServerErrorException"),
}
"""What a service calls being asked too much, and failing of itself, where that differs from Personalize."""
FAILED_ROWS = {"partial": 500, "refuse": 400}
"""Code of a row that Customer Profiles fails on demand."""


def _failure(service: str, fault: Fault) -> Reply | None:
    """The answer of a fault that comes instead of the service's own."""
    if service.startswith("segment"):
        seconds = str(int(fault.seconds))
        return {
            "throttle": Reply(429, {"message": "rate limited"}, {"Retry-After": seconds, "X-RateLimit-Reset": seconds}),
            "error": Reply(500, {"message": "failing on demand"}),
            "refuse": Reply(400, {"success": False, "message": "a message in this request is refused on demand"}),
        }.get(fault.kind)
    is_rest = service != "personalize"
    throttled, failed = FAULT_CODES.get(service, ("ThrottlingException", "InternalServerError"))
    if fault.kind == "throttle":
        return error_reply(ServiceError(throttled, "Rate exceeded"), is_rest=is_rest)
    if fault.kind == "error":
        return error_reply(ServiceError(failed, "failing on demand"), is_rest=is_rest)
    return None
