"""AWS's REST services in the sandbox: which operation a method and path mean, and its parameters under the names of the service's model.

Belongs here: addresses, parameters and replies of ``customer-profiles``, ``connectcampaignsv2`` and ``pinpoint``. Not here: what an operation does
(`connect_profiles` and its neighbours, `pinpoint`), HTTP itself (`server`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from omnichannel_assets.activation.validation import operation_model, problems
from omnichannel_assets.sandbox.answers import Reply, ServiceError, error_reply, json_object
from omnichannel_assets.sandbox.connect_campaigns import CampaignService
from omnichannel_assets.sandbox.connect_profiles import ProfileService
from omnichannel_assets.sandbox.connect_state import ConnectState
from omnichannel_assets.sandbox.pinpoint import PinpointService

if TYPE_CHECKING:
    from botocore.model import OperationModel

SIGNATURE = "AWS4-HMAC-SHA256 "
BAD_REQUEST = {"connectcampaignsv2": "ValidationException"}
"""What a service calls a request that its model refuses, where that is not BadRequestException."""
Operation = Callable[[Mapping[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Call:
    """One request: the operation it is for, its parameters so far, and the row ids that a fault may name."""

    service: str
    operation: str
    params: Mapping[str, Any]
    failing: Mapping[str, int] = field(default_factory=dict)
    """Row id -> code it fails with, on demand."""


class RestServices:
    """The REST services over one folder."""

    def __init__(self, folder: Path):
        connect = ConnectState(folder)
        self.profiles, self.pinpoint = ProfileService(connect), PinpointService(folder)
        self._services: dict[str, Mapping[str, Operation]] = {
            "customer-profiles": self.profiles.operations,
            "connectcampaignsv2": CampaignService(connect).operations,
            "pinpoint": self.pinpoint.operations,
        }

    @cached_property
    def _routes(self) -> list[tuple[str, re.Pattern[str], str, str]]:
        """(method, path, service, operation), read from the models when the first request comes."""
        routes = []
        for service, operations in self._services.items():
            for operation in operations:
                http = operation_model(service, operation).http
                path = re.sub(r"\\{([^}]+)\\}", lambda found: f"(?P<{_group(found[1])}>[^/]+)", re.escape(http["requestUri"]))
                routes.append((http["method"], re.compile(path), service, operation))
        return routes

    def addressed(self, method: str, path: str, query: Mapping[str, str], body: bytes) -> Call | None:
        """What a request is for; None when it is for no operation the sandbox has. ``path`` is percent-encoded."""
        for of_method, pattern, service, operation in self._routes:
            found = pattern.fullmatch(path) if method == of_method else None
            if found:
                named = {name: unquote(value) for name, value in found.groupdict().items()}
                return Call(service, operation, {"path": named, "query": query, "body": body})
        return None

    def answer(self, call: Call, authorization: str) -> Reply:
        """Takes one request."""
        try:
            return self._answer(call, authorization)
        except ServiceError as error:
            return error_reply(error, is_rest=True)

    def _answer(self, call: Call, authorization: str) -> Reply:
        if not authorization.startswith(SIGNATURE):
            raise ServiceError("AccessDeniedException", "Missing Authentication Token", 403)
        model = operation_model(call.service, call.operation)
        params = _params(model, **call.params)
        found = problems(call.service, call.operation, params)
        if found:
            raise ServiceError(BAD_REQUEST.get(call.service, "BadRequestException"), "; ".join(found))
        self.profiles.failing = call.failing
        if call.operation == "StartUploadJob":
            self.profiles.uploads.fail_rows(params, call.failing)
        reply = self._services[call.service][call.operation](params)
        rejected = len(reply.get("Failed", ()))
        payload = model.output_shape.serialization.get("payload") if model.output_shape else None
        return Reply(model.http.get("responseCode", 200), reply[payload] if payload else reply, accepted=len(reply.get("Successful", "1")), rejected=rejected)

    def row_ids(self, call: Call) -> list[str]:
        """The rows a request brings, by the id a fault may name; of the start of an upload job, those of its file."""
        if call.operation == "StartUploadJob":
            return self.profiles.uploads.keys_in_file(call.params["path"]["JobId"])
        try:
            items = json.loads(call.params["body"] or b"{}").get("Items", [])
            return [str(item["Id"]) for item in items]
        except (ValueError, AttributeError, KeyError, TypeError):
            return []


def _group(name: str) -> str:
    """A parameter's name in the path as the name of a group: letters, digits and _ only."""
    return name.replace("-", "_").replace("\\_", "_").replace("\\", "")


def _params(model: OperationModel, path: Mapping[str, str], query: Mapping[str, str], body: bytes) -> dict[str, Any]:
    shape = model.input_shape
    if shape is None:
        return {}
    sent = json_object(body)
    payload = shape.serialization.get("payload")
    params: dict[str, Any] = {}
    for name, member in shape.members.items():
        place, wire = member.serialization.get("location"), member.serialization.get("name", name)
        if place == "uri":
            params[name] = path[_group(wire)]
        elif place == "querystring" and wire in query:
            params[name] = int(query[wire]) if member.type_name == "integer" and query[wire].isdecimal() else query[wire]
        elif place is None and (name == payload or wire in sent):
            params[name] = sent if name == payload else sent[wire]
    return params
