"""What a service's OpenAPI document says it has: the places where each rule applies."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Self

from arnia.chassis import openapi
from arnia.chassis.application import Application
from arnia.chassis.versions import ApiVersion
from arnia.conventions import (
    MERGE_PATCH_MEDIA_TYPE,
    OWNED_EXTENSION,
    PROTOCOL_EXTENSION,
    ROLES_EXTENSION,
    version_prefix,
)
from arnia.testing.conformance.samples import Schemas

__all__ = ["PARAMETER", "Operation", "Surface", "filled", "is_member", "parent"]

JSON_MEDIA_TYPE: Final = "application/json"
PARAMETER: Final = re.compile(r"\{[^}]+\}")


@dataclass(frozen=True)
class Operation:
    """One method of one path."""

    method: str
    template: str
    description: Mapping[str, Any] = field(compare=False, repr=False)

    @property
    def body_schema(self) -> Mapping[str, Any] | None:
        """The schema of its JSON (or merge patch) body, or None when it has none."""
        content = self.description.get("requestBody", {}).get("content", {})
        media = content.get(JSON_MEDIA_TYPE) or content.get(MERGE_PATCH_MEDIA_TYPE)
        return None if media is None else media.get("schema", {})

    @property
    def media_type(self) -> str:
        """The media type that its body is sent as."""
        content = self.description.get("requestBody", {}).get("content", {})
        return JSON_MEDIA_TYPE if JSON_MEDIA_TYPE in content else MERGE_PATCH_MEDIA_TYPE

    @property
    def produces(self) -> tuple[str, ...]:
        """The media types of its successes; JSON where it says nothing."""
        answers = self.description.get("responses", {}).items()
        found = [media for status, answer in answers if status < "300" for media in answer.get("content", {})]
        return tuple(dict.fromkeys(found)) or (JSON_MEDIA_TYPE,)

    @property
    def example(self) -> object:
        """The example of its body that the document gives beside the schema, or None."""
        media = self.description.get("requestBody", {}).get("content", {}).get(self.media_type, {})
        named = [example.get("value") for example in media.get("examples", {}).values()]
        return media.get("example", named[0] if named else None)

    @property
    def keyed(self) -> bool:
        """Whether it keeps records of idempotency keys."""
        return any(each["name"] == "Idempotency-Key" for each in self.description.get("parameters", ()))

    def query(self) -> dict[str, Mapping[str, Any]]:
        """Return its query parameters with their schemas."""
        return {
            each["name"]: each["schema"] for each in self.description.get("parameters", ()) if each["in"] == "query"
        }

    def __str__(self) -> str:
        return f"{self.method} {self.template}"


class Surface:
    """Everything that an OpenAPI document offers, in versions some of which may have an end."""

    def __init__(self, document: dict[str, Any], versions: tuple[ApiVersion, ...]) -> None:
        self.document = document
        self.schemas = Schemas(document)
        self.versions = versions
        self.served = served = tuple(
            Operation(method.upper(), path, description)
            for path, method, description in openapi.operations(self.document)
        )
        self.operations = tuple(each for each in served if PROTOCOL_EXTENSION not in each.description)
        self.foreign = tuple(each for each in served if PROTOCOL_EXTENSION in each.description)
        """The operations that another standard rules: none of Arnia's rules is tried on them."""
        self._by_place = {(each.method, each.template): each for each in self.operations}

    @classmethod
    def of(cls, application: Application) -> Self:
        """Return the surface of `application`, as its own document shows it."""
        document = openapi.complete(application.fastapi(), keyed=application.models is not None)
        return cls(document, application.versions)

    def find(self, method: str, template: str) -> Operation | None:
        """Return an operation, or None."""
        return self._by_place.get((method, template))

    def at(self, method: str, target: str) -> Operation | None:
        """Return the operation that `method` on `target`, a path that may have a query, would reach, or None."""
        path = target.partition("?")[0]
        for operation in self.of_method(method):
            pattern = "[^/]+".join(re.escape(part) for part in PARAMETER.split(operation.template))
            if re.fullmatch(pattern, path):
                return operation
        return None

    @cached_property
    def templates(self) -> tuple[str, ...]:
        """Every path template."""
        return tuple(dict.fromkeys(each.template for each in self.operations))

    def methods(self, template: str) -> set[str]:
        """Return the methods that `template` has, with what HTTP adds."""
        found = {each.method for each in self.operations if each.template == template} | {"OPTIONS"}
        return found | {"HEAD"} if "GET" in found else found

    def of_method(self, *methods: str) -> list[Operation]:
        """Return the operations with one of `methods`."""
        return [each for each in self.operations if each.method in methods]

    def bodied(self) -> list[Operation]:
        """Return the operations that read a JSON body."""
        return [each for each in self.operations if each.body_schema is not None]

    def collections(self) -> list[Operation]:
        """Return the listings that page through a collection."""
        return [each for each in self.of_method("GET") if {"limit", "cursor"} <= each.query().keys()]

    def filters(self, listing: Operation) -> dict[str, tuple[Any, ...]]:
        """Return the query parameters of `listing` that select by listed values, with those values."""
        values = {name: tuple(self.schemas.plain(schema).get("enum", ())) for name, schema in listing.query().items()}
        return {name: listed for name, listed in values.items() if listed and name != "sort"}

    def bad_values(self, operation: Operation) -> dict[str, list[str]]:
        """Return values that query parameters of `operation` cannot have, percent-encoded, where there are any."""
        found = {name: _bad_values(self.schemas.plain(schema)) for name, schema in operation.query().items()}
        return {name: values for name, values in found.items() if values}

    def members(self, *methods: str) -> list[str]:
        """Return the templates of resources with an identity in their URL that have GET and all of `methods`."""
        wanted = {"GET", *methods}
        return [each for each in self.templates if is_member(each) and wanted <= self.methods(each)]

    def readable(self) -> list[str]:
        """Return the templates of all single resources that can be read: members and their parts, and no streams."""
        others = {each.template for each in self.collections()}
        others |= {each.template for each in self.of_method("GET") if JSON_MEDIA_TYPE not in each.produces}
        return [each.template for each in self.of_method("GET") if each.template not in others]

    def writes(self) -> list[Operation]:
        """Return the operations that write to something that a GET shows."""
        return [each for each in self.of_method("PUT", "PATCH", "DELETE") if self.find("GET", each.template)]

    def kinds(self) -> list[Operation]:
        """Return one operation of each kind: same method, with or without identity, query and body."""
        found = {
            (each.method, is_member(each.template), bool(each.query()), each.body_schema is None): each
            for each in self.operations
        }
        return list(found.values())

    def shapes(self) -> list[Operation]:
        """Return one operation for each shape of body, and one PATCH."""
        found: dict[object, Operation] = {}
        for each in self.bodied():
            plain = self.schemas.plain(each.body_schema or {})
            members = frozenset(plain.get("properties", {})) - {"id"}
            found.setdefault("PATCH" if each.method == "PATCH" else (each.template.split("/")[2], members), each)
        return list(found.values())

    @cached_property
    def scopes(self) -> frozenset[str]:
        """Every scope that an operation asks for."""
        options = [option for each in self.served for option in each.description.get("security", ())]
        return frozenset(scope for option in options for needed in option.values() for scope in needed)

    @cached_property
    def roles(self) -> frozenset[str]:
        """Every role that an operation asks for."""
        return frozenset(role for each in self.served for role in each.description.get(ROLES_EXTENSION, ()))

    @cached_property
    def overseers(self) -> frozenset[str]:
        """Every role that reaches what others own."""
        return frozenset(role for each in self.served for role in each.description.get(OWNED_EXTENSION, ()))

    def owned(self, *methods: str) -> list[Operation]:
        """Return the operations on what a caller owns, for callers who do not reach everything."""
        marked = [each for each in self.operations if OWNED_EXTENSION in each.description]
        asked = [each for each in marked if not self.overseers.issuperset(each.description.get(ROLES_EXTENSION, ("",)))]
        return [each for each in asked if not methods or each.method in methods]

    def deprecated(self) -> list[ApiVersion]:
        """Return the versions that have an end to announce."""
        return [version for version in self.versions if version.deprecated is not None]

    def current(self) -> list[ApiVersion]:
        """Return the versions that have none."""
        return [version for version in self.versions if version.deprecated is None]

    def sunset(self) -> list[ApiVersion]:
        """Return the versions whose last day is known."""
        return [version for version in self.versions if version.sunset is not None]

    def of_version(self, version: ApiVersion) -> list[Operation]:
        """Return the operations of one major version."""
        prefix = version_prefix(version.major) + "/"
        return [each for each in self.operations if each.template.startswith(prefix)]


def is_member(template: str) -> bool:
    """Tell whether the last segment of `template` is an identity."""
    return template.endswith("}")


def parent(template: str) -> str:
    """Return the template one segment up."""
    return template.rpartition("/")[0]


def filled(template: str) -> str:
    """Return a well-formed path of `template`, where probably nothing is."""
    return PARAMETER.sub("00000000-0000-7000-8000-000000000000", template)


def _bad_values(plain: Mapping[str, Any]) -> list[str]:
    bad = []
    if plain.get("type") in ("integer", "number", "boolean") or "enum" in plain or plain.get("format"):
        bad = ["%F0%9F%90%9D", "no%20such%20value", "1e999"]
    for word, step in (("minimum", -1), ("maximum", 1)):
        if word in plain:
            bad.append(str(plain[word] + step))
    return bad
