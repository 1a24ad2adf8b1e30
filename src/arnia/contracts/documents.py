"""A service's contract: the documents that it commits and others lean on."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from arnia.conventions import API_PREFIX, PLATFORM_PATHS, PROTOCOL_EXTENSION, variable
from arnia.errors import UsageError

Document = dict[str, Any]
"""A JSON object. Contracts are read by rule, not by type: a document may hold more than this version knows."""

PROTOCOLS_FILE = "openapi.protocols.json"
"""The document of what foreign protocols rule; a service that speaks none has no such file."""

_OPENAPI = re.compile(r"openapi\.v([1-9][0-9]*)\.json")
_VERSIONED = re.compile(re.escape(API_PREFIX) + r"/v([1-9][0-9]*)(?:/|$)")
_EVENT = re.compile(r"(.+?)\.v([1-9][0-9]*)")
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


class Router(BaseModel):
    """A module of routes: one path prefix and the domains (tags) that it serves."""

    model_config = ConfigDict(frozen=True)

    prefix: str
    version: int | None
    domains: tuple[str, ...]


class Contract(BaseModel):
    """What one service promises and needs.

    Attributes:
        service: Its name.
        openapi: Its HTTP API, by major version.
        protocols: The part of its HTTP API that foreign protocols rule (OAuth 2.0): OpenAPI with `x-protocol`.
        asyncapi: Its events.
        settings: What it must be told at its start.
        calls: Which services it calls.
    """

    model_config = ConfigDict(frozen=True)

    service: str
    openapi: dict[int, Document] = {}
    protocols: Document = {}
    asyncapi: Document = {}
    settings: Document = {}
    calls: Document = {}

    @classmethod
    def read(cls, service: str, files: Mapping[str, object]) -> "Contract":
        """Read the documents of `service`, by file name (`openapi.v1.json`); files of other names are ignored.

        Raises:
            UsageError: A document is no JSON object.
        """
        for name, document in files.items():
            if not isinstance(document, dict):
                message = f"{service}: {name} holds no JSON object: write it anew with `arnia contract`."
                raise UsageError(message)
        versions = {int(match[1]): files[name] for name in sorted(files) if (match := _OPENAPI.fullmatch(name))}
        named = {part: files.get(f"{part}.json", {}) for part in ("asyncapi", "settings", "calls")}
        protocols = files.get(PROTOCOLS_FILE, {})
        return cls.model_validate({"service": service, "openapi": versions, "protocols": protocols, **named})

    def files(self) -> dict[str, str]:
        """Return the canonical text of each document by file name."""
        documents = {f"openapi.v{major}.json": document for major, document in sorted(self.openapi.items())}
        documents |= {PROTOCOLS_FILE: self.protocols} if self.protocols else {}
        documents |= {"asyncapi.json": self.asyncapi, "settings.json": self.settings, "calls.json": self.calls}
        return {name: canonical(document) for name, document in documents.items()}

    @property
    def emits(self) -> tuple[str, ...]:
        """Types of the events that it sends."""
        return _topics(self.asyncapi, "send")

    @property
    def hears(self) -> tuple[str, ...]:
        """Types of the events that it handles."""
        return _topics(self.asyncapi, "receive")

    @property
    def called(self) -> dict[str, int]:
        """The services that it calls, each with the major version."""
        return {name: called["version"] for name, called in self.calls.get("calls", {}).items()}

    @property
    def has_database(self) -> bool:
        """Whether it must be told where its database is."""
        return self.is_told("database_url")

    @property
    def is_guarded(self) -> bool:
        """Whether one of its operations takes a token."""
        documents = (*self.openapi.values(), self.protocols)
        return any(operation.get("security") for document in documents for _, _, operation in operations(document))

    @property
    def routers(self) -> tuple[Router, ...]:
        """Its routers, as its paths and tags tell them."""
        found: dict[str, set[str]] = {}
        for document in (*self.openapi.values(), self.protocols):
            for path, _, operation in operations(document):
                if path not in PLATFORM_PATHS:
                    length = 2 if version_of(path) is None else 4
                    found.setdefault("/".join(path.split("/")[:length]), set()).update(operation.get("tags", []))
        return tuple(
            Router(prefix=prefix, version=version_of(prefix), domains=tuple(sorted(domains)))
            for prefix, domains in sorted(found.items())
        )

    @property
    def spoken(self) -> dict[str, tuple[str, ...]]:
        """The foreign protocols that it speaks, each with its paths."""
        found: dict[str, dict[str, None]] = {}
        for path, _, operation in operations(self.protocols):
            found.setdefault(str(operation.get(PROTOCOL_EXTENSION)), {})[path] = None
        return {name: tuple(paths) for name, paths in sorted(found.items())}

    @property
    def domains(self) -> tuple[str, ...]:
        """The domains (tags) of its operations."""
        return tuple(sorted({domain for router in self.routers for domain in router.domains}))

    def is_told(self, setting: str) -> bool:
        """Tell whether it has `setting` (`database_url`)."""
        wanted = variable(self.service, setting)
        return any(one["variable"] == wanted for one in self.settings.get("settings", []))

    def is_deprecated(self, major: int) -> bool:
        """Tell whether every operation of the API version `major` is deprecated."""
        found = [operation for _, _, operation in operations(self.openapi.get(major, {}))]
        return bool(found) and all(operation.get("deprecated") for operation in found)


def canonical(document: object) -> str:
    """Return the one text that a document has: sorted keys, two spaces, a newline at the end."""
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def version_of(path: str) -> int | None:
    """Return the major version that an API path names (`/api/v1/drones`), None where it names none."""
    match = _VERSIONED.match(path)
    return int(match[1]) if match else None


def operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    """Yield path, method and operation of each operation of an OpenAPI document; path-wide parameters are filled in."""
    for path, item in sorted(document.get("paths", {}).items()):
        shared = item.get("parameters", [])
        for method in _METHODS:
            if method in item:
                operation = item[method]
                yield path, method.upper(), {**operation, "parameters": [*shared, *operation.get("parameters", [])]}


def channels(document: Document, action: str) -> Iterator[tuple[tuple[str, int], Document, list[Document]]]:
    """Yield what an AsyncAPI document sends or receives: topic and major version, its channel, and the messages."""
    known = document.get("channels", {})
    for operation in document.get("operations", {}).values():
        if operation["action"] == action:
            name = _last(operation["channel"]["$ref"])
            own = known[name].get("messages", {})
            chosen = [own[_last(each["$ref"])] for each in operation.get("messages", ())]
            yield _identify(name, known[name]), known[name], chosen or list(own.values())


def _identify(name: str, channel: Document) -> tuple[str, int]:
    """Return topic and major version of a channel: both are in its address, or else the version in its name."""
    address = channel.get("address") or name
    if match := _EVENT.fullmatch(address):
        return match[1], int(match[2])
    match = _EVENT.fullmatch(name)
    return address, int(match[2]) if match else 1


def _last(reference: str) -> str:
    return reference.rsplit("/", 1)[-1].replace("~1", "/").replace("~0", "~")


def _topics(document: Document, action: str) -> tuple[str, ...]:
    return tuple(sorted({topic for (topic, _), _, _ in channels(document, action)}))
