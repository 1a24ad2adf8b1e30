"""The OpenAPI document: FastAPI's, completed with what the chassis answers on every route."""

import copy
from collections.abc import Iterable, Iterator
from typing import Any, Final

from fastapi import FastAPI

from arnia.chassis.integers import bound, sharpen
from arnia.chassis.ownership import owners_of
from arnia.chassis.problems import Problem
from arnia.chassis.recognition import Recognition, recognition_of
from arnia.chassis.routing import Route
from arnia.chassis.security import BEARER
from arnia.conventions import (
    API_PREFIX,
    IDEMPOTENCY_KEY_HEADER,
    JSON_PATCH_MEDIA_TYPE,
    MERGE_PATCH_MEDIA_TYPE,
    OWNED_EXTENSION,
    PROBLEM_MEDIA_TYPE,
    PROTOCOL_EXTENSION,
    ROLES_EXTENSION,
    TIMEOUT_HEADER,
    version_prefix,
)

__all__ = ["complete", "of_protocols", "of_version", "operations", "sent"]

Document = dict[str, Any]

_TOO_MANY: Final = 429
METHODS: Final = ("get", "put", "post", "delete", "patch")

_SCHEME: Final = "An access token (RFC 9068) of the ecosystem's issuer, for this service, with the scopes listed."
_PATIENCE: Final = "How long the caller waits, in milliseconds."
_LIMITS: Final[Document] = {
    "Retry-After": {"description": "After how many seconds to ask again.", "schema": {"type": "integer", "minimum": 0}},
    "RateLimit": {"description": "What is left of the quota, and for how many seconds.", "schema": {"type": "string"}},
    "RateLimit-Policy": {"description": "The quota, and for how many seconds it is.", "schema": {"type": "string"}},
}
"""Fields of a 429: the first always, the others where it was the service that counted."""
_TITLES: Final = {
    304: "The state that the caller already has.",
    400: "Malformed request, or an unknown parameter.",
    401: "No access token, or one that is not accepted.",
    403: "The caller may not do this.",
    404: "No such resource.",
    406: "No acceptable representation.",
    409: "Conflict with the current state.",
    410: "This version of the API has ended.",
    412: "Precondition failed.",
    413: "Content too large.",
    415: "Unsupported media type.",
    422: "A rule is broken.",
    428: "Precondition required.",
    429: "Too many requests of this caller.",
    500: "A fault of the service.",
    503: "Temporarily unavailable.",
    504: "Deadline exceeded.",
}


def complete(app: FastAPI, *, keyed: bool) -> Document:
    """Return the app's OpenAPI document with every header, problem and media type that the chassis adds.

    `keyed` says whether the service keeps records of idempotency keys.
    """
    document: Document = copy.deepcopy(app.openapi())
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    sharpen(document)
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs", {}))
    schemas["Problem"] = problem
    routes = _routes(app)
    for path, method, operation in operations(document):
        route = routes.get((path, method))
        if route is not None:
            _add_policy(document, operation, route)
        # FastAPI shows the members of a model of parameters by themselves, without what the model adds to them.
        bound(operation.get("parameters", []))
        if PROTOCOL_EXTENSION in operation:
            _leave_to_protocol(operation)
            continue
        kept = route is not None and recognition_of(route, method.upper(), records=keyed) is Recognition.KEPT
        _add_parameters(operation, method, keyed=kept)
        _add_patch_formats(operation)
        _add_answers(operation, path, method)
    _add_links(document)
    return document


def _routes(app: FastAPI) -> dict[tuple[str, str], Route]:
    return {
        (route.path_format, method.lower()): route
        for route in app.router.routes
        if isinstance(route, Route)
        for method in route.methods or ()
    }


def _add_policy(document: Document, operation: Document, route: Route) -> None:
    """Say what the caller needs, and whether it reaches only what it owns; for a public operation, that it is one."""
    policy, owners = route.policy, owners_of(route.dependant)
    if owners is not None:
        operation[OWNED_EXTENSION] = list(owners.seen_by)
    if policy is None:
        return
    operation["security"] = [] if policy.public else [{BEARER: list(policy.scopes)}]
    if policy.public:
        return
    if policy.roles:
        operation[ROLES_EXTENSION] = list(policy.roles)
    schemes = document["components"].setdefault("securitySchemes", {})
    schemes[BEARER] = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": _SCHEME}


def operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    """Yield path, method and description of each operation."""
    for path, item in document.get("paths", {}).items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def of_protocols(document: Document) -> Document:
    """Return the part of `document` that foreign protocols rule, with the schemas that it uses; empty where none do."""
    paths: Document = {}
    for path, method, operation in operations(document):
        if PROTOCOL_EXTENSION in operation:
            paths.setdefault(path, {})[method] = operation
    return _part(document, paths, "1") if paths else {}


def sent(document: Document, operation: Document) -> Iterator[Document]:
    """Yield the schemas that the body of `operation` uses: those written in it, then those that it refers to."""
    schemas = document.get("components", {}).get("schemas", {})
    content = operation.get("requestBody", {}).get("content", {})
    yield content
    yield from (schemas[name] for name in sorted(_used_schemas(content, schemas)))


def of_version(document: Document, major: int, *, unversioned: bool = False) -> Document:
    """Return the part of `document` under `/api/v{major}`, with the schemas that it uses.

    With `unversioned`, what has no version in its path and is ruled by no foreign protocol belongs to it.
    """
    own, any_version = version_prefix(major) + "/", f"{API_PREFIX}/v"
    foreign = {path for path, _, operation in operations(document) if PROTOCOL_EXTENSION in operation}
    bare = {path for path in document["paths"] if unversioned and not path.startswith(any_version)} - foreign
    paths = {path: item for path, item in document["paths"].items() if path.startswith(own) or path in bare}
    return _part(document, paths, str(major))


def _part(document: Document, paths: Document, version: str) -> Document:
    part = {name: value for name, value in document.items() if name not in ("paths", "components")}
    part["info"] = {**document["info"], "version": version}
    part["paths"] = paths
    schemas = document.get("components", {}).get("schemas", {})
    used = _used_schemas(part["paths"], schemas)
    part["components"] = {"schemas": {name: schemas[name] for name in sorted(used)}}
    if any(operation.get("security") for _, _, operation in operations(part)):
        part["components"]["securitySchemes"] = document["components"]["securitySchemes"]
    return part


def _used_schemas(part: object, schemas: Document) -> set[str]:
    used: set[str] = set()
    waiting = list(_references(part))
    while waiting:
        name = waiting.pop()
        if name not in used and name in schemas:
            used.add(name)
            waiting.extend(_references(schemas[name]))
    return used


def _references(part: object) -> Iterator[str]:
    if isinstance(part, dict):
        reference = part.get("$ref")
        if isinstance(reference, str):
            yield reference.rpartition("/")[2]
        for value in part.values():
            yield from _references(value)
    elif isinstance(part, list):
        for value in part:
            yield from _references(value)


def _leave_to_protocol(operation: Document) -> None:
    operation["responses"].pop("422", None)
    for status in (401, 403) if operation.get("security") else ():
        operation["responses"].setdefault(str(status), {"description": _TITLES[status]})
    limited = operation["responses"].setdefault(str(_TOO_MANY), {"description": _TITLES[_TOO_MANY]})
    limited.setdefault("headers", copy.deepcopy(_LIMITS))
    patience = _header(TIMEOUT_HEADER, _PATIENCE, {"type": "integer", "minimum": 1})
    operation["parameters"] = [*operation.get("parameters", []), patience]


def _add_parameters(operation: Document, method: str, *, keyed: bool) -> None:
    headers = [_header(TIMEOUT_HEADER, _PATIENCE, {"type": "integer", "minimum": 1})]
    tag = {"type": "string"}
    if method == "get":
        headers.append(_header("If-Match", "Entity tags of the states that the caller would take, and no other.", tag))
        headers.append(_header("If-None-Match", "Entity tags of states that the caller already has.", tag))
    if method in ("put", "patch", "delete"):
        headers.append(
            _header("If-Match", "Change only the state with this entity tag.", tag, required=method == "patch")
        )
    if method == "put":
        headers.append(_header("If-None-Match", "With *: create, never replace.", tag))
    if keyed:
        key = {"type": "string", "minLength": 1, "maxLength": 255}
        headers.append(_header(IDEMPOTENCY_KEY_HEADER, "Makes a repetition harmless: one effect, one answer.", key))
    operation["parameters"] = [*operation.get("parameters", []), *headers]


def _header(name: str, description: str, schema: Document, *, required: bool = False) -> Document:
    return {"name": name, "in": "header", "required": required, "description": description, "schema": schema}


def _add_patch_formats(operation: Document) -> None:
    content = operation.get("requestBody", {}).get("content", {})
    if MERGE_PATCH_MEDIA_TYPE in content:
        step: Document = {
            "type": "object",
            "required": ["op", "path"],
            "properties": {
                "op": {"enum": ["add", "remove", "replace", "move", "copy", "test"]},
                "path": {"type": "string", "format": "json-pointer"},
                "from": {"type": "string", "format": "json-pointer"},
                "value": {},
            },
        }
        content[JSON_PATCH_MEDIA_TYPE] = {"schema": {"type": "array", "maxItems": 100, "items": step}}


def _add_answers(operation: Document, path: str, method: str) -> None:
    answers = operation.setdefault("responses", {})
    if answers.get("422", {}).get("content", {}).get("application/json"):
        del answers["422"]
    if method == "get":
        answers.setdefault("304", {"description": _TITLES[304]})
    for status in _problem_statuses(operation, path, method):
        described = {
            "description": _TITLES[status],
            "content": {PROBLEM_MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        if status == _TOO_MANY:
            described["headers"] = copy.deepcopy(_LIMITS)
        answers.setdefault(str(status), described)
    operation["responses"] = {status: answers[status] for status in sorted(answers)}


def _add_links(document: Document) -> None:
    """Say how what a POST or PUT made is reached: its `id` is the identity in the paths below."""
    described = list(operations(document))
    for path, method, operation in described:
        member = path if path.endswith("}") else f"{path}/{{"
        made = operation["responses"].get("201", {})
        if method not in ("post", "put") or not _shows_identity(made, document):
            continue
        links = {
            other["operationId"]: {
                "operationId": other["operationId"],
                "parameters": {place.rpartition("{")[2].partition("}")[0]: "$response.body#/id"},
            }
            for place, _, other in described
            if place.startswith(member) and place.count("{") == member.count("{")
        }
        if links:
            made["links"] = links


def _shows_identity(answer: Document, document: Document) -> bool:
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    name = schema.get("$ref", "").rpartition("/")[2]
    return "id" in document["components"]["schemas"].get(name, {}).get("properties", {})


def _problem_statuses(operation: Document, path: str, method: str) -> Iterable[int]:
    yield from (400, 406, 422, 429, 500, 503, 504)
    if operation.get("security"):
        yield from (401, 403)
    if operation.get("deprecated"):
        yield 410
    if "{" in path:
        yield 404
    if "requestBody" in operation:
        yield from (413, 415)
    if method in ("put", "patch", "delete"):
        yield from (409, 412, 428)
    if method == "post":
        yield 409
    if method == "get":
        yield 412
