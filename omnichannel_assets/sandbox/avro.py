"""Personalize's Avro schemas, as CreateSchema and CreateDataset judge them.

Belongs here: reading a schema document and the rules of custom dataset groups. Not here: data (`import_files`).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from omnichannel_assets.sandbox.answers import ServiceError

TYPES = ("string", "int", "long", "float", "double", "boolean")
NAMESPACE = "com.amazonaws.personalize.schema"
REQUIRED = {
    "INTERACTIONS": {"USER_ID": "string", "ITEM_ID": "string", "TIMESTAMP": "long"},
    "USERS": {"USER_ID": "string"},
    "ITEMS": {"ITEM_ID": "string"},
}
RESERVED = {
    "INTERACTIONS": {
        "EVENT_TYPE": "string",
        "EVENT_VALUE": "float",
        "IMPRESSION": "string",
        "RECOMMENDATION_ID": "string",
        "EVENT_ATTRIBUTION_SOURCE": "string",
    },
    "USERS": {},
    "ITEMS": {"CREATION_TIMESTAMP": "long"},
}
DOMAIN_REQUIRED = {"INTERACTIONS": {"EVENT_TYPE": "string"}, "ITEMS": {"PRICE": "float", "CATEGORY_L1": "string"}}
MOST_METADATA = {"INTERACTIONS": 5, "USERS": 25, "ITEMS": 100}


@dataclass(frozen=True)
class Field:
    """One column of a dataset."""

    name: str
    type: str
    is_nullable: bool
    is_categorical: bool
    is_textual: bool


def _refused(why: str) -> ServiceError:
    return ServiceError("InvalidInputException", f"The Avro schema is invalid: {why}")


def fields_of(document: str) -> list[Field]:
    """The columns of a schema, in order. Raises InvalidInputException."""
    try:
        schema = json.loads(document)
    except ValueError as error:
        raise _refused("it is not JSON") from error
    if not isinstance(schema, dict) or schema.get("type") != "record" or not isinstance(schema.get("fields"), list):
        raise _refused("it is no record with fields")
    if schema.get("namespace") != NAMESPACE or schema.get("version") != "1.0":
        raise _refused(f"namespace must be {NAMESPACE} and version 1.0")
    fields = [_field(entry) for entry in schema["fields"]]
    plain = [field.name.replace("_", "").upper() for field in fields]
    if len(set(plain)) < len(plain):
        raise _refused("field names must differ, also without their underscores")
    return fields


def _field(entry: Any) -> Field:
    name = entry.get("name") if isinstance(entry, dict) else None
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_]{1,150}", name):
        raise _refused("a field needs a name of at most 150 letters, digits and underscores")
    kinds = entry.get("type")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    plain = [kind for kind in kinds if kind != "null"]
    if len(plain) != 1 or plain[0] not in TYPES:
        raise _refused(f"{name} must be one of {', '.join(TYPES)}, alone or in a union with null")
    is_textual, is_categorical = entry.get("textual") is True, entry.get("categorical") is True
    if (is_textual or is_categorical) and plain[0] != "string":
        raise _refused(f"{name} is {plain[0]}; only strings can be categorical or textual")
    return Field(name, plain[0], "null" in kinds, is_categorical, is_textual)


def check_for_dataset(fields: list[Field], dataset_type: str) -> None:
    """Raises InvalidInputException when a schema does not suit a dataset type (upper case)."""
    by_name = {field.name: field for field in fields}
    for name, kind in REQUIRED[dataset_type].items():
        if name not in by_name or by_name[name].type != kind or by_name[name].is_nullable:
            raise _refused(f"{dataset_type} needs {name} as {kind}")
    for name, kind in RESERVED[dataset_type].items():
        if name in by_name and by_name[name].type != kind:
            raise _refused(f"{name} is reserved and must be {kind}")
    if "EVENT_TYPE" in by_name and by_name["EVENT_TYPE"].is_categorical:
        raise _refused("EVENT_TYPE is never categorical")
    textual = [field.name for field in fields if field.is_textual]
    if textual and (dataset_type != "ITEMS" or len(textual) > 1):
        raise _refused("one textual field is allowed, in ITEMS only")
    count = len(metadata(fields, dataset_type))
    if count > MOST_METADATA[dataset_type]:
        raise _refused(f"{count} metadata fields, at most {MOST_METADATA[dataset_type]}")
    if dataset_type != "INTERACTIONS" and not any(field.is_categorical or field.is_textual or field.type != "string" for field in fields):
        raise _refused(f"{dataset_type} needs a metadata field that is categorical, textual or a number")


def check_for_domain(document: str) -> None:
    """Raises InvalidInputException when a schema lacks what the ECOMMERCE domain asks of a dataset of its name."""
    by_name = {field.name: field for field in fields_of(document)}
    for name, kind in DOMAIN_REQUIRED.get(str(json.loads(document).get("name")).upper(), {}).items():
        if name not in by_name or by_name[name].type != kind or by_name[name].is_nullable:
            raise _refused(f"the ECOMMERCE domain needs {name} as {kind}")


def metadata(fields: list[Field], dataset_type: str) -> list[Field]:
    """The columns that are neither required nor reserved."""
    known = {*REQUIRED[dataset_type], *RESERVED[dataset_type]}
    return [field for field in fields if field.name not in known]


def camel_case(name: str) -> str:
    """The property key of a column in Put* calls: ``CATEGORY_L1`` is ``categoryL1``."""
    first, *rest = name.lower().split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)
