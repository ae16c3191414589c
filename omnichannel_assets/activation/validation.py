"""Requests checked against AWS's own service models, without a call.

Belongs here: required fields, types, lengths, list sizes, enums, patterns. Not here: rules the models do not hold (each channel's module).
botocore's validator checks required fields, types and minima only; the maxima, enums and patterns stand in the same model and are read here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from botocore.loaders import Loader
    from botocore.model import OperationModel, ServiceModel, Shape


class InvalidRequest(ValueError):
    """A request the service would refuse. The text names the field, never its value."""


@cache
def models() -> Loader:
    """Reads botocore's files, each once: they are large, and every client wants some. Holds no credentials."""
    from botocore.loaders import create_loader

    return create_loader()


@cache
def service_model(service: str) -> ServiceModel:
    """botocore's model of a service (``personalize``, ``pinpoint``, ...)."""
    from botocore.model import ServiceModel

    return ServiceModel(models().load_service_model(service, "service-2"), service)


def operation_model(service: str, operation: str) -> OperationModel:
    """One operation of a service."""
    return service_model(service).operation_model(operation)


def problems(service: str, operation: str, params: Mapping[str, Any]) -> list[str]:
    """Everything the model finds wrong with a request, one text a finding."""
    from botocore.validate import ParamValidator

    shape = operation_model(service, operation).input_shape
    if shape is None:
        return []
    found = _without_values(ParamValidator().validate(dict(params), shape).generate_report())
    return found or list(_beyond(shape, params, ""))


def validate(service: str, operation: str, params: Mapping[str, Any]) -> None:
    """Raises InvalidRequest when the service's model refuses the request."""
    found = problems(service, operation, params)
    if found:
        raise InvalidRequest(f"{service} {operation}: {'; '.join(found)}")


def _without_values(report: str) -> list[str]:
    """botocore's findings; it prints the value in some, which may be personal."""
    return [re.sub(r", value: .*?(, (?:type|valid))", r"\1", line) for line in report.splitlines() if line]


def _beyond(shape: Shape, value: Any, at: str) -> Iterator[str]:
    """Where a value of the right type is longer, larger or other than the shape allows."""
    if value is None:
        return
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            if name in value:
                yield from _beyond(member, value[name], f"{at}.{name}" if at else name)
    elif shape.type_name == "list":
        yield from _too_many(shape, len(value), at, "entries")
        for number, entry in enumerate(value):
            yield from _beyond(shape.member, entry, f"{at}[{number}]")
    elif shape.type_name == "map":
        yield from _too_many(shape, len(value), at, "entries")
        for key, entry in value.items():
            yield from _beyond(shape.key, key, f"{at} (a key)")
            yield from _beyond(shape.value, entry, f"{at}.{key}")
    elif shape.type_name == "string":
        yield from _of_text(shape, value, at)
    elif shape.type_name in ("integer", "long", "float", "double"):
        largest = shape.metadata.get("max")
        if largest is not None and value > largest:
            yield f"{at}: more than {largest}"


def _of_text(shape: Shape, value: str, at: str) -> Iterator[str]:
    yield from _too_many(shape, len(value), at, "characters")
    if shape.enum and value not in shape.enum:
        yield f"{at}: expected one of {', '.join(shape.enum)}"
    pattern = _pattern(shape.metadata.get("pattern"))
    if pattern is not None and not pattern.fullmatch(value):
        yield f"{at}: does not match {pattern.pattern}"


def _too_many(shape: Shape, count: int, at: str, what: str) -> Iterator[str]:
    largest = shape.metadata.get("max")
    if largest is not None and count > largest:
        yield f"{at}: {count} {what}, at most {largest}"


@cache
def _pattern(text: str | None) -> re.Pattern[str] | None:
    """A model's pattern; None for one in a dialect Python does not read, which then goes unchecked."""
    if text is None:
        return None
    try:
        return re.compile(text.replace(r"\p{ASCII}", r"[\x00-\x7f]"))
    except re.error:
        return None
