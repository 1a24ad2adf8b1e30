"""What every suite over a service needs: its surface as parameters of tests, and the service itself running."""

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final

import pytest
from starlette.types import ASGIApp

from arnia.chassis.application import Application
from arnia.chassis.settings import DatabaseSettings, ServiceSettings
from arnia.conventions import LOOPBACK, OWNED_EXTENSION, package
from arnia.testing.conformance.probes import probe_router
from arnia.testing.conformance.process import BAD_PORT
from arnia.testing.conformance.service import RunningService, access_log, running
from arnia.testing.conformance.surface import Surface, is_member, parent
from arnia.testing.issuer import TestIssuer
from arnia.testing.processes import ServiceProcess

__all__ = ["CURSOR_KEY", "ServiceSuite"]

CURSOR_KEY: Final = "the key of a test, long enough"

Places = Callable[[Surface], list[Any]]

FACETS: Final[Mapping[str, tuple[Places, str]]] = {
    "operation": (lambda surface: list(surface.operations), "it has no operation"),
    "template": (lambda surface: list(surface.templates), "it has no path"),
    "reading": (lambda surface: surface.of_method("GET"), "nothing can be read"),
    "bodied": (Surface.bodied, "no operation reads a body"),
    "whole": (
        lambda surface: [each for each in surface.bodied() if each.method != "PATCH"],
        "no operation reads a whole body",
    ),
    "posting": (lambda surface: surface.of_method("POST"), "nothing has POST"),
    "making": (
        lambda surface: [each for each in surface.of_method("POST") if "202" not in each.description["responses"]],
        "no POST makes a resource",
    ),
    "keyed": (
        lambda surface: [each for each in surface.operations if each.keyed],
        "it keeps no records of idempotency keys",
    ),
    "loaded": (
        lambda surface: [each for each in surface.bodied() if each.keyed],
        "no operation with an idempotency key reads a body",
    ),
    "write": (Surface.writes, "nothing that can be read can be written"),
    "contested": (
        lambda surface: [each for each in surface.writes() if each.method != "DELETE" and is_member(each.template)],
        "no member can be changed",
    ),
    "collection": (Surface.collections, "it has no collection with cursors"),
    "filtered": (
        lambda surface: [each for each in surface.collections() if surface.filters(each)],
        "no collection is filtered by listed values",
    ),
    "queried": (
        lambda surface: [each for each in surface.of_method("GET") if surface.bad_values(each)],
        "no query parameter has a value that could be bad",
    ),
    "member": (lambda surface: surface.members(), "it has no resource with an identity"),
    "readable": (Surface.readable, "it has no single resource that can be read"),
    "deletable": (lambda surface: surface.members("DELETE"), "nothing has DELETE"),
    "patchable": (lambda surface: surface.members("PATCH"), "nothing has PATCH"),
    "puttable": (
        lambda surface: [each for each in surface.members("PUT") if _creates(surface, each)],
        "no PUT creates",
    ),
    "identified": (
        lambda surface: [each for each in surface.members("PUT") if _creates(surface, each) and _has_id(surface, each)],
        "no body of a PUT repeats the identity",
    ),
    "replaceable": (
        lambda surface: [each for each in surface.members("PUT", "DELETE") if _creates(surface, each)],
        "nothing can be deleted and put again",
    ),
    "guarded": (
        lambda surface: [each for each in surface.served if each.description.get("security")],
        "every operation is public",
    ),
    "owned": (lambda surface: [each for each in surface.owned() if "{" in each.template], "nothing in it has an owner"),
    "gathered": (
        lambda surface: [each for each in surface.collections() if each in surface.owned()],
        "no collection has items with owners",
    ),
    "claimed": (
        lambda surface: [
            each.template
            for each in surface.owned("PUT")
            if is_member(each.template) and _creates(surface, each.template)
        ],
        "no PUT creates what has an owner",
    ),
    "overseen": (
        lambda surface: [
            each for each in surface.owned("GET") if "{" in each.template and each.description[OWNED_EXTENSION]
        ],
        "no role reaches what others own",
    ),
    "foreign": (lambda surface: list(surface.foreign), "it speaks no foreign protocol"),
    "chunked": (lambda surface: surface.bodied()[:1], "no operation reads a body"),
    "kind": (Surface.kinds, "it has no operation"),
    "placed": (
        lambda surface: [each for each in surface.kinds() if "{" in each.template],
        "no path has an identity in it",
    ),
    "shape": (Surface.shapes, "no operation reads a body"),
    "deprecated": (Surface.deprecated, "no version is deprecated"),
    "current": (Surface.current, "no version is declared"),
    "sunset": (Surface.sunset, "no version has a sunset"),
}
"""Parameters that a test may ask for: where they are found, and why there may be none."""


class ServiceSuite:
    """Runs a service in this process for the tests of a class.

    Set `application` to the function that makes the service, as a `staticmethod`. Where its OpenAPI cannot tell what
    a good body is, give the schema `examples`, or set `examples`: path template, or "METHOD template", to body, or to
    what returns another one each time, as where names are given once; where nothing can be made, since the service owns
    nothing, "GET template" to the path of one that is there.
    `settings` gives settings that have no default. Services that it calls are stood for by `upstreams`: by name, what
    returns an ASGI application; calls go there without a socket.

    A rule that the document says applies, and that cannot be tried all the same, fails. Where it really cannot be, say
    why in `untried`: the test as pytest names it, to the reason; it is skipped then, and fails once it can be tried.
    """

    application: ClassVar[Callable[[], Application]]
    examples: ClassVar[Mapping[str, object]] = {}
    settings: ClassVar[Mapping[str, object]] = {}
    upstreams: ClassVar[Mapping[str, Callable[[], ASGIApp]]] = {}
    untried: ClassVar[Mapping[str, str]] = {}

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Give a test each place of the service that it asks for, or say why there is none."""
        suite = metafunc.cls
        wanted = [name for name in FACETS if name in metafunc.fixturenames]
        if suite is None or not wanted:
            return
        surface = surface_of(suite)
        for name in wanted:
            find, excuse = FACETS[name]
            found = [pytest.param(place, id=_label(place)) for place in find(surface)]
            none = pytest.param(None, id="none", marks=pytest.mark.skip(reason=f"not applicable: {excuse}"))
            metafunc.parametrize(name, found or [none])

    @pytest.fixture(scope="class")
    @classmethod
    def service(cls, request: pytest.FixtureRequest) -> Iterator[RunningService]:
        """Give the service, running in this process."""
        with cls.run(cls.application(), request) as service:
            yield service

    @pytest.fixture(autouse=True)
    @classmethod
    def excused(cls, request: pytest.FixtureRequest) -> Iterator[None]:
        """Let a test that `untried` names be skipped, and no other."""
        reason = cls.untried.get(request.node.name)
        if reason is None:
            yield
            return
        service: RunningService = request.getfixturevalue("service")
        service.excuse = reason
        yield
        service.excuse = None
        if not service.gave_up:
            pytest.fail(f"{request.node.name} was tried: take it out of `untried`")
        service.gave_up = False

    @pytest.fixture(scope="class")
    @classmethod
    def probed(cls, request: pytest.FixtureRequest) -> Iterator[RunningService]:
        """Give the service with routes of the suite's own beside its routes."""
        application = cls.application()
        extended = replace(application, routers=(*application.routers, probe_router()))
        with cls.run(extended, request) as service:
            yield service

    @pytest.fixture(scope="class")
    @classmethod
    def ended(cls, request: pytest.FixtureRequest) -> Iterator[RunningService]:
        """Give the service as it will be when the sunset of each of its old versions has passed."""
        application = cls.application()
        past = datetime.now(UTC) - timedelta(days=1)
        versions = tuple(
            version if version.sunset is None else replace(version, deprecated=past, sunset=past)
            for version in application.versions
        )
        with cls.run(replace(application, versions=versions), request) as service:
            yield service

    @pytest.fixture(scope="class")
    @classmethod
    def process(
        cls, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
    ) -> Iterator[ServiceProcess]:
        """Give the service as its own process."""
        with cls.start(request, tmp_path_factory) as process:
            yield process

    @pytest.fixture
    @classmethod
    def doomed(
        cls, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
    ) -> Iterator[ServiceProcess]:
        """Give the service as a process that the test may end."""
        with cls.start(request, tmp_path_factory) as process:
            yield process

    @pytest.fixture
    @classmethod
    def misled(cls, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ServiceProcess:
        """Give the service as a process that has not begun, with a port that is none."""
        return cls.start(request, tmp_path_factory, port=BAD_PORT)

    @classmethod
    def start(
        cls, request: pytest.FixtureRequest, folders: pytest.TempPathFactory, **settings: object
    ) -> ServiceProcess:
        """Return a process of the service, not begun yet."""
        application = cls.application()
        log = folders.mktemp(application.service) / "log"
        given = {**cls.given(application, request), **settings}
        issuer: TestIssuer = request.getfixturevalue("issuer")
        token = issuer.token_for(surface_of(cls).document, application.service)
        return ServiceProcess(application.service, cls.application.__module__, given, log, token=token)

    @classmethod
    def run(cls, application: Application, request: pytest.FixtureRequest) -> AbstractContextManager[RunningService]:
        """Return a context that runs `application`."""
        log = io.StringIO()
        if cls.upstreams:
            from arnia.chassis.transport_httpx import HttpxTransport  # noqa: PLC0415 - for services that call others

            carried = {name: HttpxTransport.to(make()) for name, make in cls.upstreams.items()}
            application = replace(application, transports={**application.transports, **carried})
        spine = application.asgi(cls.configured(application, request), access=access_log(log))
        return running(spine, surface_of(cls), cls.examples, log, request.getfixturevalue("issuer"))

    @classmethod
    def configured(cls, application: Application, request: pytest.FixtureRequest) -> ServiceSettings:
        """Return settings for a test, with a database of this module when the service has one."""
        given: dict[str, Any] = {**cls.given(application, request), "port": 0, "_env_file": None}
        return application.settings(**given)

    @classmethod
    def given(cls, application: Application, request: pytest.FixtureRequest) -> dict[str, object]:
        """Return the settings that have no default, and those of the class."""
        issuer: TestIssuer = request.getfixturevalue("issuer")
        given: dict[str, object] = {"environment": "test", "issuer": issuer.url, **cls.settings}
        if issubclass(application.settings, DatabaseSettings):
            given |= {"database_url": request.getfixturevalue("database_url"), "cursor_key": CURSOR_KEY}
        if application.hearers:
            given |= {"role": "api", **cls.settings}  # events need a broker, and are not what is tried here
        if application.clients:
            # Where nobody listens: a process of its own is not asked for what needs another service.
            given |= {package(kind.service): {"url": f"http://{LOOPBACK}:9"} for kind in application.clients}
            given |= {"token_url": issuer.token_url, "client_secret": "never looked at", **cls.settings}
        return given


_SURFACES: dict[Callable[[], Application], Surface] = {}


def surface_of(suite: type[ServiceSuite]) -> Surface:
    """Return the surface of the suite's service, worked out once."""
    if suite.application not in _SURFACES:
        _SURFACES[suite.application] = Surface.of(suite.application())
    return _SURFACES[suite.application]


def _label(place: Any) -> str:
    major = getattr(place, "major", None)
    return str(place).removeprefix("/api/") if major is None else f"v{major}"


def _creates(surface: Surface, template: str) -> bool:
    putting = surface.find("PUT", template)
    return putting is not None and "201" in putting.description["responses"] and parent(template) in surface.templates


def _has_id(surface: Surface, template: str) -> bool:
    putting = surface.find("PUT", template)
    schema = {} if putting is None else putting.body_schema or {}
    return "id" in surface.schemas.plain(schema).get("properties", {})
