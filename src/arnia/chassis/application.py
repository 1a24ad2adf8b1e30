"""A service as a value: what `create_app` makes of its name, settings and routers.

Making it does no I/O and reads no environment. `asgi(settings)` turns it into the application that a server runs,
`contract()` into the documents that other services and the ecosystem are held against.
"""

import asyncio
import importlib.util
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as distribution_version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from fastapi import FastAPI
from sqlalchemy import MetaData
from starlette.types import Receive, Scope, Send

from arnia.chassis import openapi, problems
from arnia.chassis.client import Client
from arnia.chassis.context import Runtime
from arnia.chassis.contract import documents
from arnia.chassis.database import Database
from arnia.chassis.event_settings import EventSettings
from arnia.chassis.events import Event
from arnia.chassis.health import platform_plans
from arnia.chassis.hearers import Hearer
from arnia.chassis.housekeeping import KEEP_DAYS, keep_tidy
from arnia.chassis.logs import AccessLog
from arnia.chassis.loop_lag import LoopLag
from arnia.chassis.openapi import Document
from arnia.chassis.origin import new_instance
from arnia.chassis.plans import Headers, RouteTable, plan_routes
from arnia.chassis.rate_limits import RateLimit, RateLimiter
from arnia.chassis.routing import Route, Router
from arnia.chassis.settings import DatabaseSettings, ServiceSettings, load, service_settings
from arnia.chassis.spine import Spine
from arnia.chassis.traces import ratio_bound
from arnia.chassis.transports import Transport
from arnia.chassis.versions import ApiVersion, Lifecycle
from arnia.conventions import DOCS_PATH, REDOC_PATH, package, variable, version_prefix
from arnia.errors import SettingsError

if TYPE_CHECKING:
    from arnia.chassis.trust import Trust

__all__ = ["Application", "create_app"]

Dependency = Callable[..., Any]
Lifespan = Callable[[Runtime], AbstractAsyncContextManager[object]]
"""Opens what a service keeps while its process runs; what it yields is `context.runtime.kept`."""


@dataclass(frozen=True, kw_only=True)
class Application:
    """A service before its settings are known."""

    service: str
    version: str
    settings: type[ServiceSettings]
    routers: tuple[Router, ...]
    versions: tuple[ApiVersion, ...] = ()
    models: MetaData | None = None
    events: tuple[type[Event], ...] = ()
    clients: tuple[type[Client], ...] = ()
    hearers: tuple[Hearer, ...] = ()
    lifespan: Lifespan | None = None
    overrides: dict[Dependency, Dependency] = field(default_factory=dict)
    """Dependencies that a test replaces, as FastAPI's `dependency_overrides`."""
    transports: dict[str, Transport] = field(default_factory=dict)
    """What carries the calls of another service, by its name, where a test gives its own."""

    @property
    def migrations(self) -> Path:
        """The folder with the service's migrations."""
        found = importlib.util.find_spec(package(self.service))
        if found is None or found.origin is None:
            message = f"the package {package(self.service)} of service {self.service} is not installed"
            raise RuntimeError(message)
        home = Path(found.origin).parent
        inside = home / "migrations"
        return inside if inside.is_dir() else home.parents[1] / "migrations"

    def fastapi(self, majors: Sequence[int] = ()) -> FastAPI:
        """Return a FastAPI application with the routers of `majors` (none: of all) in one flat list of routes."""
        app = FastAPI(
            title=self.service,
            version=self.version,
            docs_url=DOCS_PATH,
            redoc_url=REDOC_PATH,
            telemetry={"tracing": False, "metrics": False, "logs": False},
        )
        app.dependency_overrides = self.overrides
        deprecated = {version.major for version in self.versions if version.deprecated is not None}
        for router in self.routers:
            if router.version is None or not majors or router.version in majors:
                for route in router.flat():
                    route.dependency_overrides_provider = app
                    route.deprecated = route.deprecated or router.version in deprecated or None
                    app.router.routes.append(route)
        return app

    def asgi(self, settings: ServiceSettings, *, access: AccessLog | None = None) -> Spine:
        """Return the application for `settings`; its lifespan opens and closes what it needs."""
        _check_slugs(self.service)
        instance = new_instance() if access is None else access.instance
        runtime = Runtime(service=self.service, version=self.version, settings=settings, instance=instance)
        app = self.fastapi(settings.api_versions)
        document = openapi.complete(app, keyed=self.models is not None)
        app.openapi_schema = document
        routes = [route for route in app.router.routes if isinstance(route, Route)]
        plans = plan_routes(routes, document, self._lifecycles(), records=self.models is not None)
        plans += platform_plans(runtime, orjson.dumps(document), (DOCS_PATH, REDOC_PATH))
        trust = None
        if any(plan.policy is not None for plan in plans):
            trust = _trust(self.service, settings, runtime)
        app.router.lifespan_context = partial(_lifespan, self, runtime, trust)
        return Spine(app, RouteTable(plans), runtime, access)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Be a plain ASGI application, for `uvicorn hello:service` and the like, which have a port of their own."""
        try:
            spine = self._spine
        except (SettingsError, TypeError, ValueError) as error:  # what is declared wrong ends the start as well
            if scope["type"] != "lifespan":
                raise
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await spine(scope, receive, send)

    @cached_property
    def _spine(self) -> Spine:
        return self.asgi(load(self.settings, self.service, port=0))

    def contract(self) -> Document:
        """Return the documents of `contract/`, from the code alone."""
        return documents(self)

    def _lifecycles(self) -> Mapping[str, tuple[Lifecycle, Headers]]:
        return {
            version_prefix(version.major): (Lifecycle(version), tuple(version.headers())) for version in self.versions
        }


def create_app(
    *,
    service: str,
    routers: Sequence[Router],
    settings: type[ServiceSettings] | None = None,
    versions: Sequence[ApiVersion] = (),
    models: MetaData | None = None,
    events: Sequence[type[Event]] = (),
    clients: Sequence[type[Client]] = (),
    hearers: Sequence[Hearer] = (),
    lifespan: Lifespan | None = None,
) -> Application:
    """Declare a service.

    Args:
        service: Its name: a DNS label, and the name of its distribution.
        routers: Its routers, a bounded context each.
        settings: Its settings class, where it has settings of its own or calls others; else it has those of its kind:
            `EventSettings` when it emits or hears, `DatabaseSettings` when it has a database.
        versions: The major versions of its API, when they have an end to announce.
        models: Metadata of its tables, the chassis' own among them; None without a database.
        events: The events that it emits.
        clients: The clients with which it calls other services, one for each.
        hearers: What it does when it hears of events.
        lifespan: Opens what it keeps while its process runs, once there is a database, and closes it before that.
    """
    try:
        version = distribution_version(service)
    except PackageNotFoundError:
        version = "0.0.0"
    return Application(
        service=service,
        version=version,
        settings=settings or _plain_settings(service, stored=models is not None, carried=bool(events or hearers)),
        routers=tuple(routers),
        versions=tuple(versions),
        models=models,
        events=tuple(events),
        clients=tuple(clients),
        hearers=tuple(hearers),
        lifespan=lifespan,
    )


def _plain_settings(service: str, *, stored: bool, carried: bool) -> type[ServiceSettings]:
    kind = EventSettings if carried else DatabaseSettings if stored else ServiceSettings
    return type("Settings", (kind,), {"model_config": service_settings(service), "__module__": __name__})


def _trust(service: str, settings: ServiceSettings, runtime: Runtime) -> "Trust":
    from arnia.chassis.trust import Trust  # noqa: PLC0415 - half a second that a service without policies does not need

    if not settings.issuer:
        missing = variable(service, "issuer")
        raise SettingsError([f"{missing} is missing: name the issuer of the access tokens that its routes take"])
    trust = Trust(service, settings, runtime.metrics)
    runtime.verifier, runtime.describe_trust = trust.verifier, trust.describe
    return trust


def _check_slugs(service: str) -> None:
    own = package(service)
    for slug, kind in problems.catalogue().items():
        if kind.__module__.partition(".")[0] == own and not slug.startswith(f"{service}-"):
            message = (
                f"{kind.__qualname__} has the slug {slug}: begin it with {service}-, "
                "or the edge will not know which service explains it"
            )
            raise ValueError(message)


@asynccontextmanager
async def _lifespan(
    application: Application, runtime: Runtime, trust: "Trust | None", _: FastAPI
) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        lag = LoopLag()
        runtime.metrics.others.append(lag.collect)
        lag.begin()
        stack.callback(lag.end)
        if runtime.settings.otlp_endpoint:
            await stack.enter_async_context(_recorded(runtime))
        if runtime.settings.rate_limit:
            await stack.enter_async_context(_limited(runtime))
        if trust is not None:
            await stack.enter_async_context(trust.followed())
        if application.clients:
            await stack.enter_async_context(_calling(application, runtime))
        await stack.enter_async_context(_stored(application, runtime))
        if application.lifespan is not None:
            runtime.kept = await stack.enter_async_context(application.lifespan(runtime))
        if application.events or application.hearers:
            await stack.enter_async_context(_carrying(application, runtime))
        if trust is not None and runtime.verifier is trust.verifier:  # an issuer believes itself without asking
            trust.begin()
        runtime.started = True
        yield


@asynccontextmanager
async def _recorded(runtime: Runtime) -> AsyncIterator[None]:
    settings = runtime.settings
    try:
        from arnia.chassis.telemetry import Telemetry  # noqa: PLC0415 - protobuf, for those who have a collector
    except ImportError:
        endpoint = variable(runtime.service, "otlp_endpoint")
        raise SettingsError([f"{endpoint} names a collector: install arnia[otlp] to tell it anything"]) from None
    telemetry = Telemetry(runtime.origin, settings.otlp_endpoint, runtime.metrics)
    runtime.spans, runtime.trace_bound = telemetry, ratio_bound(settings.trace_ratio)
    telemetry.open()
    try:
        yield
    finally:
        await telemetry.close()


@asynccontextmanager
async def _limited(runtime: Runtime) -> AsyncIterator[None]:
    settings = runtime.settings
    limit, ledger = RateLimit.parse(settings.rate_limit), None
    if settings.cache_url is not None:
        from arnia.chassis.rate_ledger import ValkeyLedger  # noqa: PLC0415 - the client of Valkey, for whoever has one

        ledger = ValkeyLedger(settings.cache_url.get_secret_value(), runtime.service, limit)
    runtime.limiter = RateLimiter(limit, ledger, lost=settings.rate_limit_lost)
    try:
        yield
    finally:
        await runtime.limiter.close()


@asynccontextmanager
async def _calling(application: Application, runtime: Runtime) -> AsyncIterator[None]:
    from arnia.chassis.clients import Clients  # noqa: PLC0415 - what carries calls is loaded by those who make some

    clients = Clients.open(application.service, application.clients, runtime.settings, application.transports)
    runtime.callers, runtime.describe_calls = clients.callers, clients.states
    runtime.metrics.others.append(clients.collect)
    try:
        yield
    finally:
        await clients.close()


@asynccontextmanager
async def _stored(application: Application, runtime: Runtime) -> AsyncIterator[None]:
    settings = runtime.settings
    if application.models is None or not isinstance(settings, DatabaseSettings):
        yield
        return
    if settings.migrate_on_start:
        await migrate(application, settings)
    runtime.database = await Database.open(settings, service=runtime.service)
    runtime.database.emits = frozenset(application.events)
    tidying = asyncio.create_task(keep_tidy(runtime.database, keep_days=_keep_days(settings)))
    try:
        yield
    finally:
        tidying.cancel()
        await runtime.database.close()


def _keep_days(settings: DatabaseSettings) -> float:
    return settings.event_keep_days if isinstance(settings, EventSettings) else KEEP_DAYS


@asynccontextmanager
async def _carrying(application: Application, runtime: Runtime) -> AsyncIterator[None]:
    from arnia.chassis.carriage import carry  # noqa: PLC0415 - only for those who emit or hear

    async with carry(runtime, application.events, application.hearers):
        yield


async def migrate(application: Application, settings: DatabaseSettings) -> None:
    """Bring the service's schema up to date; several processes may do so at once."""
    from arnia.chassis import migrations  # noqa: PLC0415 - Alembic is needed here only

    if application.models is not None:
        await migrations.upgrade(application.models, settings.database_url.get_secret_value(), application.migrations)
