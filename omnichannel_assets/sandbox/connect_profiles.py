"""Customer Profiles in the sandbox: domains, object types, profile objects, finding and deleting profiles.

Belongs here: what these operations do and refuse. Not here: upload jobs (`connect_uploads`), segments (`connect_segments`), what is kept
(`connect_state`), HTTP.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from omnichannel_assets.sandbox.answers import ServiceError
from omnichannel_assets.sandbox.connect_segments import SegmentOperations
from omnichannel_assets.sandbox.connect_state import ConnectState, Resource, profile_id
from omnichannel_assets.sandbox.connect_uploads import UploadOperations
from omnichannel_assets.sandbox.inbox import append

VALUE_CHARACTERS = 255
OBJECT_BYTES = 250 * 1024
OBJECTS_PER_PROFILE = 1_000
PROFILE = "_profile."
SOURCE = "_source."
Params = Mapping[str, Any]


class ProfileService:
    """Answers ``customer-profiles``, given parameters its model has accepted."""

    def __init__(self, state: ConnectState):
        self.state = state
        self.failing: Mapping[str, int] = {}
        """Row id -> code with which it fails on demand, for the request in hand."""
        self.uploads = UploadOperations(state)
        self.operations: dict[str, Callable[[Params], dict[str, Any]]] = {
            "CreateDomain": self._create_domain,
            "GetDomain": lambda p: self._domain(p),
            "PutProfileObjectType": self._put_object_type,
            "GetProfileObjectType": lambda p: self.state.find("object type", p["DomainName"], p["ObjectTypeName"]),
            "PutProfileObject": self._put_object,
            "BatchPutProfileObject": self._put_objects,
            "SearchProfiles": self._search,
            "DeleteProfile": self._delete,
            **self.uploads.operations,
            **SegmentOperations(state).operations,
        }

    def _create_domain(self, params: Params) -> dict[str, Any]:
        if self.state.has("domain", params["DomainName"]):
            raise ServiceError("BadRequestException", f"Domain {params['DomainName']} already exists")
        return _dated(self.state.put("domain", params["DomainName"], **_untagged(params)))

    def _domain(self, params: Params) -> dict[str, Any]:
        domain = self.state.find("domain", params["DomainName"])
        return {**_dated(domain), "Stats": {"ProfileCount": len(self.state.profiles.get(params["DomainName"], {}))}}

    def _put_object_type(self, params: Params) -> dict[str, Any]:
        self.state.find("domain", params["DomainName"])
        keys = [key for of_name in params.get("Keys", {}).values() for key in of_name]
        if sum("UNIQUE" in key.get("StandardIdentifiers", ()) for key in keys) != 1:
            raise ServiceError("BadRequestException", "Keys: exactly one key must be UNIQUE")
        unknown = {name for key in keys for name in key.get("FieldNames", ())} - set(params.get("Fields", {}))
        if unknown:
            raise ServiceError("BadRequestException", f"Keys: no field {', '.join(sorted(unknown))}")
        kept = {name: value for name, value in _untagged(params).items() if name != "DomainName"}
        return _dated(self.state.put("object type", params["DomainName"], params["ObjectTypeName"], **{"AllowProfileCreation": False, **kept}))

    def _put_object(self, params: Params) -> dict[str, Any]:
        failed = self._put(params, {"1": params["Object"]}).get("1")
        if isinstance(failed, ServiceError):
            raise failed
        return {"ProfileObjectUniqueKey": failed}

    def _put_objects(self, params: Params) -> dict[str, Any]:
        ids = [item["Id"] for item in params["Items"]]
        if len(set(ids)) != len(ids):
            raise ServiceError("BadRequestException", "Items: an Id appears twice")
        ended = self._put(params, {item["Id"]: item["Object"] for item in params["Items"]})
        failed = [{"Id": name, "Code": how.status, "Message": str(how)} for name, how in ended.items() if isinstance(how, ServiceError)]
        done = [{"Id": name, "ProfileObjectUniqueKey": how} for name, how in ended.items() if not isinstance(how, ServiceError)]
        append(self.state.refused_file, [{"why": one["Message"], "message": {"id": one["Id"], "object_type": params["ObjectTypeName"]}} for one in failed])
        return {"Successful": done, "Failed": failed}

    def _put(self, params: Params, objects: Mapping[str, str]) -> dict[str, str | ServiceError]:
        """Row id -> the object's unique key, or why it was not taken."""
        domain, name = params["DomainName"], params["ObjectTypeName"]
        object_type = self.state.find("object type", domain, name)
        ended: dict[str, str | ServiceError] = {}
        for row, text in objects.items():
            try:
                if row in self.failing:
                    raise ServiceError("OnDemand", "failing on demand", self.failing[row])
                key, fields = self._checked(domain, object_type, text)
                self.state.put_objects(domain, name, {key: fields})
                ended[row] = profile_id(domain, f"{name}/{key}")
            except ServiceError as error:
                ended[row] = error
        return ended

    def _checked(self, domain: str, object_type: Resource, text: str) -> tuple[str, dict[str, str]]:
        """(key, fields of the profile) of an object."""
        try:
            given = json.loads(text)
        except ValueError as error:
            raise ServiceError("BadRequestException", "Object is not JSON") from error
        if not isinstance(given, dict) or len(text.encode()) > OBJECT_BYTES:
            raise ServiceError("BadRequestException", f"Object is no JSON object of at most {OBJECT_BYTES} bytes")
        (names,) = [key["FieldNames"] for of_name in object_type["Keys"].values() for key in of_name if "UNIQUE" in key.get("StandardIdentifiers", ())]
        key = "/".join(str(given.get(name) or "") for name in names)
        if not key.strip("/"):
            raise ServiceError("BadRequestException", f"Object has no {', '.join(names)}")
        if key not in self.state.profiles.get(domain, {}) and not object_type["AllowProfileCreation"]:
            raise ServiceError("ResourceNotFoundException", "no profile has this key, and the object type creates none", 404)
        return key, profile_fields(object_type["Fields"], given)

    def _search(self, params: Params) -> dict[str, Any]:
        domain = params["DomainName"]
        self.state.find("domain", domain)
        profiles = self.state.profiles.get(domain, {})
        wanted = [value for value in dict.fromkeys(params["Values"]) if profiles.get(value, {}).get(f"Attributes.{params['KeyName']}") == value]
        return {"Items": [_profile(domain, value, profiles[value]) for value in wanted]}

    def _delete(self, params: Params) -> dict[str, Any]:
        self.state.find("domain", params["DomainName"])
        if not self.state.delete_profile(params["DomainName"], params["ProfileId"]):
            raise ServiceError("ResourceNotFoundException", "no such profile", 404)
        return {"Message": "OK"}


def profile_fields(fields: Mapping[str, Mapping[str, str]], given: Mapping[str, Any]) -> dict[str, str]:
    """What an object's or a row's values mean to a profile: field of the profile -> text. Raises ServiceError for what a profile does not hold."""
    found: dict[str, str] = {}
    for name, field in fields.items():
        source = field.get("Source", name).removeprefix(SOURCE)
        value = given.get(source)
        if value is None or not field.get("Target", "").startswith(PROFILE):
            continue
        text = value if isinstance(value, str) else json.dumps(value)
        if len(text) > VALUE_CHARACTERS:
            raise ServiceError("BadRequestException", f"{source}: more than {VALUE_CHARACTERS} characters")
        if text and field.get("ContentType") == "EMAIL_ADDRESS" and not re.fullmatch(r"[^\s@]+@[^\s@]+", text):
            raise ServiceError("BadRequestException", f"{source}: no e-mail address")
        if text and field.get("ContentType") == "NUMBER" and not re.fullmatch(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", text):
            raise ServiceError("BadRequestException", f"{source}: no number")
        found[field["Target"].removeprefix(PROFILE)] = text
    return found


def _profile(domain: str, key: str, fields: Mapping[str, str]) -> dict[str, Any]:
    attributes = {name.removeprefix("Attributes."): value for name, value in fields.items() if name.startswith("Attributes.")}
    standard = {name: value for name, value in fields.items() if "." not in name}
    return {"ProfileId": profile_id(domain, key), **standard, "Attributes": attributes}


def _untagged(params: Params) -> dict[str, Any]:
    return {name: value for name, value in params.items() if name != "Tags"}


def _dated(resource: Resource) -> dict[str, Any]:
    return {**resource, "LastUpdatedAt": resource["CreatedAt"]}
