"""What a stand-in answers, apart from HTTP.

Belongs here: the reply, and errors in the forms AWS uses. Not here: sending them (`server`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Reply:
    """Status, JSON body and headers; ``accepted`` and ``rejected`` are what the request log counts."""

    status: int = 200
    body: Mapping[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    accepted: int = 0
    rejected: int = 0

    @property
    def content(self) -> bytes:
        return json.dumps(self.body, separators=(",", ":")).encode()


class ServiceError(Exception):
    """An error the service would answer with, by its modelled name."""

    def __init__(self, code: str, message: str, status: int = 400):
        super().__init__(message)
        self.code, self.status = code, status


STATUS = {
    "ResourceNotFoundException": 404,
    "ResourceInUseException": 409,
    "ThrottlingException": 429,
    "TooManyRequestsException": 429,
    "InternalServerError": 500,
    "InternalServerException": 500,
    "InternalServerErrorException": 500,
}
"""REST services answer with these; the JSON 1.1 control plane answers 400 to everything that is not its own failure."""


def error_reply(error: ServiceError, *, is_rest: bool) -> Reply:
    """The error as the service sends it: REST names it in a header, JSON 1.1 in the body."""
    if is_rest:
        status = STATUS.get(error.code, error.status)
        return Reply(status, {"message": str(error)}, {"x-amzn-ErrorType": error.code})
    status = 500 if error.code == "InternalServerError" else 400
    return Reply(status, {"__type": error.code, "message": str(error)})


def json_object(body: bytes) -> dict[str, Any]:
    """The JSON object of a request's body; an empty body is an empty object. Raises ServiceError, SerializationException, for anything else."""
    try:
        sent = json.loads(body or b"{}")
    except ValueError as error:
        raise ServiceError("SerializationException", "the body is not JSON") from error
    if not isinstance(sent, dict):
        raise ServiceError("SerializationException", "the body is no JSON object")
    return sent
