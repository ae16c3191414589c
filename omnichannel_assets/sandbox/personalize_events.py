"""Personalize's real-time calls: PutEvents, PutUsers, PutItems.

Belongs here: what they check beyond the model, and what is kept. Not here: bulk imports (`personalize`), HTTP.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from omnichannel_assets.sandbox.answers import ServiceError
from omnichannel_assets.sandbox.avro import Field, camel_case
from omnichannel_assets.sandbox.import_files import MOST_SECONDS
from omnichannel_assets.sandbox.personalize_state import PersonalizeState, Resource

EVENT_BYTES = 10_240
NOT_PROPERTIES = {"userId", "sessionId", "eventType", "timestamp", "recommendationId", "impression"}
OPERATIONS = {"/events": "PutEvents", "/users": "PutUsers", "/items": "PutItems"}
Params = Mapping[str, Any]


class EventService:
    """Answers ``personalize-events``, given parameters its model has accepted. Each call returns how many records it took."""

    def __init__(self, state: PersonalizeState):
        self.state = state

    def answer(self, operation: str, params: Params) -> int:
        """Takes the records of one call or none of them."""
        if operation == "PutEvents":
            return self._put_events(params)
        return self._put_records(params, "users" if operation == "PutUsers" else "items")

    def _put_events(self, params: Params) -> int:
        tracker = next((tracker for tracker in self.state.all("event-tracker") if tracker["trackingId"] == params["trackingId"]), None)
        if tracker is None:
            raise _invalid("the trackingId belongs to no event tracker")
        group = tracker["datasetGroupArn"].rsplit("/", 1)[1]
        fields = next((self.state.fields(dataset) for dataset in self._datasets(tracker["datasetGroupArn"], "INTERACTIONS")), [])
        events = [_checked_event(event, number, fields) for number, event in enumerate(params["eventList"])]
        person = {"group": group, "userId": params.get("userId"), "sessionId": params["sessionId"]}
        self.state.put_records([{"kind": "event", **person, **event} for event in events])
        return len(events)

    def _put_records(self, params: Params, name: str) -> int:
        dataset = self.state.find("dataset", params["datasetArn"])
        if dataset["datasetType"] != name.upper():
            raise _invalid(f"datasetArn is of type {dataset['datasetType']}, not {name.upper()}")
        group = dataset["datasetGroupArn"].rsplit("/", 1)[1]
        id_name = f"{name[:-1]}Id"
        records = []
        for number, record in enumerate(params[name]):
            properties = _properties(record.get("properties"), f"{name}[{number}]", self.state.fields(dataset))
            records.append({"kind": name[:-1], "group": group, id_name: record[id_name], "properties": properties})
        self.state.put_records(records)
        return len(records)

    def _datasets(self, group_arn: str, kind: str) -> list[Resource]:
        return [dataset for dataset in self.state.all("dataset") if dataset["datasetGroupArn"] == group_arn and dataset["datasetType"] == kind]


def _invalid(why: str) -> ServiceError:
    return ServiceError("InvalidInputException", why)


def _checked_event(event: Params, number: int, fields: list[Field]) -> dict[str, Any]:
    at = f"eventList[{number}]"
    if len(json.dumps(event).encode()) > EVENT_BYTES:
        raise _invalid(f"{at} is larger than {EVENT_BYTES} bytes")
    sent_at = event["sentAt"]
    if not isinstance(sent_at, int | float) or not 0 <= sent_at <= MOST_SECONDS:
        raise _invalid(f"{at}.sentAt is not in epoch seconds")
    properties = _properties(event.get("properties"), at, fields)
    wrong = sorted(NOT_PROPERTIES & set(properties))
    if wrong:
        raise _invalid(f"{at}.properties must not hold {', '.join(wrong)}")
    return {**event, "properties": properties}


def _properties(text: str | None, at: str, fields: list[Field]) -> dict[str, Any]:
    """The JSON text as an object whose keys are the camel-case names of the dataset's columns."""
    if text is None:
        return {}
    try:
        properties = json.loads(text)
    except ValueError as error:
        raise _invalid(f"{at}.properties is not JSON") from error
    if not isinstance(properties, dict):
        raise _invalid(f"{at}.properties is no JSON object")
    unknown = sorted(set(properties) - {camel_case(field.name) for field in fields} - NOT_PROPERTIES)
    if fields and unknown:
        raise _invalid(f"{at}.properties: the schema has no {', '.join(unknown)}")
    return properties
