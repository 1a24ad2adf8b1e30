"""A service's contract as data: what `arnia contract` writes into its `contract/` folder."""

from collections.abc import Sequence
from typing import Protocol

from fastapi import FastAPI

from arnia.chassis import openapi, settings
from arnia.chassis.asyncapi import describe_events
from arnia.chassis.call_contracts import describe_calls
from arnia.chassis.client import Client
from arnia.chassis.events import Event
from arnia.chassis.hearers import Hearer
from arnia.chassis.openapi import Document
from arnia.chassis.routing import Router
from arnia.chassis.settings import ServiceSettings

__all__ = ["documents"]


class Described(Protocol):
    """What a contract tells of a service."""

    @property
    def service(self) -> str:
        """Its name."""

    @property
    def version(self) -> str:
        """Its semantic version."""

    @property
    def settings(self) -> type[ServiceSettings]:
        """Its settings."""

    @property
    def routers(self) -> Sequence[Router]:
        """Its routers."""

    @property
    def events(self) -> Sequence[type[Event]]:
        """The events that it emits."""

    @property
    def hearers(self) -> Sequence[Hearer]:
        """What it does when it hears of events."""

    @property
    def clients(self) -> Sequence[type[Client]]:
        """Its clients of other services."""

    @property
    def models(self) -> object | None:
        """Its tables; None without a database."""

    def fastapi(self) -> FastAPI:
        """Return its application with all versions."""


def documents(application: Described) -> Document:
    """Return the OpenAPI of each major version and of foreign protocols, settings, events, calls and routers."""
    whole = openapi.complete(application.fastapi(), keyed=application.models is not None)
    majors = sorted({router.version for router in application.routers if router.version is not None})
    if not majors and any(router.protocol is None for router in application.routers):
        majors = [1]  # what has no version in its paths is the first one
    return {
        "openapi": {f"v{major}": openapi.of_version(whole, major, unversioned=major == majors[0]) for major in majors},
        "protocols": openapi.of_protocols(whole),
        "settings": settings.describe(application.settings, application.service),
        "asyncapi": describe_events(application.service, application.events, application.hearers),
        "calls": describe_calls(application.clients),
        "routers": [
            {"prefix": router.prefix, "version": router.version, "tags": list(router.tags)}
            for router in application.routers
        ],
    }
