"""The AWS side of the sandbox: which operation a request means, whether its parameters fit the model, which service answers.

Belongs here: JSON 1.1 and REST-JSON requests and their errors. Not here: what the operations do, HTTP itself (`server`).
"""

from __future__ import annotations

from pathlib import Path

from omnichannel_assets.activation.validation import problems
from omnichannel_assets.sandbox.answers import Reply, ServiceError, error_reply, json_object
from omnichannel_assets.sandbox.personalize import ControlPlane
from omnichannel_assets.sandbox.personalize_events import OPERATIONS as EVENT_OPERATIONS
from omnichannel_assets.sandbox.personalize_events import EventService
from omnichannel_assets.sandbox.personalize_runtime import OPERATIONS as RUNTIME_OPERATIONS
from omnichannel_assets.sandbox.personalize_runtime import RuntimeService
from omnichannel_assets.sandbox.personalize_state import PersonalizeState

TARGET = "AmazonPersonalize."
SIGNATURE = "AWS4-HMAC-SHA256 "


class AwsServices:
    """The three services of Personalize over one folder."""

    def __init__(self, folder: Path):
        state = PersonalizeState(folder)
        self._control, self._events, self._runtime = ControlPlane(state), EventService(state), RuntimeService(state)

    @staticmethod
    def addressed(path: str, target: str) -> tuple[str, str] | None:
        """(service, operation) a request is for; None when it is for none of them."""
        if path == "/" and target.startswith(TARGET):
            return "personalize", target.removeprefix(TARGET)
        if path in EVENT_OPERATIONS:
            return "personalize-events", EVENT_OPERATIONS[path]
        return ("personalize-runtime", RUNTIME_OPERATIONS[path]) if path in RUNTIME_OPERATIONS else None

    def answer(self, service: str, operation: str, body: bytes, authorization: str) -> Reply:
        """Takes one request."""
        try:
            return self._answer(service, operation, body, authorization)
        except ServiceError as error:
            return error_reply(error, is_rest=service != "personalize")

    def _answer(self, service: str, operation: str, body: bytes, authorization: str) -> Reply:
        if not authorization.startswith(SIGNATURE):
            raise ServiceError("MissingAuthenticationTokenException", "Missing Authentication Token", 403)
        if service == "personalize" and operation not in self._control.operations:
            raise ServiceError("UnknownOperationException", f"the sandbox has no {operation}")
        params = json_object(body)
        found = problems(service, operation, params)
        if found:
            raise ServiceError("InvalidInputException", "; ".join(found))
        if service == "personalize":
            return Reply(200, self._control.operations[operation](params), accepted=1)
        if service == "personalize-runtime":
            return Reply(200, self._runtime.answer(operation, params), accepted=1)
        return Reply(200, accepted=self._events.answer(operation, params))
