"""What a service calls, as data: the `contract/calls.json` that providers' contracts are held against."""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import TypeAdapter

from arnia.chassis.client import Client
from arnia.chassis.client_operations import BODY, Operation

__all__ = ["describe_calls"]

Key = tuple[str, str, str]
Mode = Literal["validation", "serialization"]


def describe_calls(clients: Sequence[type[Client]]) -> dict[str, Any]:
    """Return every declared call: what is sent as it is written, and what is answered as it is read.

    Raises:
        ValueError: two clients are of one service.
    """
    names = [kind.service for kind in clients]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        message = f"several clients are of one service ({', '.join(repeated)}): put their calls into one"
        raise ValueError(message)
    inputs: list[tuple[Key, Mode, TypeAdapter[Any]]] = []
    for kind in clients:
        for operation in kind.operations:
            inputs.extend(_inputs(kind.service, operation))
    schemas, document = TypeAdapter.json_schemas(inputs, ref_template="#/components/schemas/{model}")
    found = {(service, name, part): schema for ((service, name, part), _), schema in schemas.items()}
    calls = {
        kind.service: {
            "version": kind.version,
            "operations": [_describe(kind.service, operation, found) for operation in _sorted(kind)],
        }
        for kind in sorted(clients, key=lambda each: each.service)
    }
    defined = document.get("$defs", {})
    return {"calls": calls, "components": {"schemas": defined}} if defined else {"calls": calls}


def _sorted(kind: type[Client]) -> list[Operation]:
    return sorted(kind.operations, key=lambda operation: operation.name)


def _inputs(service: str, operation: Operation) -> list[tuple[Key, Mode, TypeAdapter[Any]]]:
    sent = {**operation.path_names, **operation.query}
    inputs: list[tuple[Key, Mode, TypeAdapter[Any]]] = [
        ((service, operation.name, f"parameter {name}"), "serialization", adapter) for name, adapter in sent.items()
    ]
    if operation.body is not None:
        inputs.append(((service, operation.name, BODY), "serialization", operation.body))
    if operation.answer is not None:
        inputs.append(((service, operation.name, "answer"), "validation", operation.answer))
    return inputs


def _describe(service: str, operation: Operation, schemas: dict[Key, Any]) -> dict[str, Any]:
    def parameter(name: str, place: str) -> dict[str, Any]:
        required = place == "path" or name not in operation.defaults
        return {"in": place, "required": required, "schema": schemas[service, operation.name, f"parameter {name}"]}

    return {
        "name": operation.name,
        "method": operation.declared.method,
        "path": operation.path,
        "scopes": sorted(operation.declared.scopes),
        "as_user": operation.declared.as_user,
        "keyed": operation.declared.keyed,
        "if_match": operation.if_match,
        "versioned": operation.versioned,
        "cached": bool(operation.declared.cached),
        "kind": operation.declared.kind,
        "per_second": operation.declared.per_second,
        "parameters": {
            **{name: parameter(name, "path") for name in operation.path_names},
            **{name: parameter(name, "query") for name in operation.query},
        },
        "body": schemas.get((service, operation.name, BODY)),
        "body_type": operation.body_type if operation.body is not None else None,
        "answer": schemas.get((service, operation.name, "answer")),
    }
