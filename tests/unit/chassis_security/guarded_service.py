"""A service with policies of every kind, and a client that may carry tokens."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Protocol

import httpx
from fastapi import Query
from pydantic import Field
from starlette.requests import Request

from arnia.chassis.application import Application, create_app
from arnia.chassis.context import current
from arnia.chassis.cursors import CollectionQuery
from arnia.chassis.replies import Reply, created, ok
from arnia.chassis.routing import Router
from arnia.chassis.schemas import Body, View
from arnia.chassis.security import CurrentPrincipal, allow, anyone
from arnia.chassis.settings import ServiceSettings, service_settings

SERVICE = "guarded"


class Settings(ServiceSettings):
    """Only what every service has."""

    model_config = service_settings(SERVICE)


class Who(View):
    """Who calls."""

    subject: str
    client: str
    token: str = ""


class Wish(Body):
    """Something to ask for."""

    text: str = Field(max_length=20)


router = Router(version=1, prefix="/wishes", tags=["wishes"], dependencies=[allow("wishes:read")])


@router.get("")
async def who(query: Annotated[CollectionQuery, Query()], principal: CurrentPrincipal, request: Request) -> Reply[Who]:
    """Say who calls, and with which token."""
    return ok(Who(subject=principal.subject, client=principal.client, token=current(request).token))


@router.post("", dependencies=[allow("wishes:write", "wishes:read", roles=("operator", "queen"))])
async def wish(body: Wish, principal: CurrentPrincipal) -> Reply[Who]:
    """Wish for something."""
    return created(Who(subject=principal.subject, client=principal.client), location="/api/v1/wishes/1")


@router.get("/weather", dependencies=[anyone])
async def weather(principal: CurrentPrincipal) -> Reply[Who]:
    """Tell anybody."""
    return ok(Who(subject=principal.subject, client=principal.client))


@router.get("/parameter")
async def parameter(principal: Annotated[CurrentPrincipal, allow("wishes:special")]) -> Reply[Who]:
    """Tell those few whom the parameter's policy lets in."""
    return ok(Who(subject=principal.subject, client=principal.client))


def create() -> Application:
    """Declare the service."""
    return create_app(service=SERVICE, settings=Settings, routers=[router])


class Named(Protocol):
    """An issuer that runs."""

    @property
    def url(self) -> str:
        """The `iss` of its tokens."""


@asynccontextmanager
async def guarded(issuer: Named, **settings: object) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of the service, which believes `issuer`."""
    given = Settings.model_validate({"port": 1, "issuer": issuer.url, **settings})
    transport = httpx.ASGITransport(create().asgi(given))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client
