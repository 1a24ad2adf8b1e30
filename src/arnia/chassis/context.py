"""What a request carries with it, and what a process shares between its requests."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from arnia.chassis.admission import TokenVerifier
from arnia.chassis.calls import Caller
from arnia.chassis.database import Database
from arnia.chassis.metrics import Metrics
from arnia.chassis.origin import Origin, new_instance
from arnia.chassis.outlet import Outlet
from arnia.chassis.principals import ANONYMOUS, Principal
from arnia.chassis.rate_limits import RateLimiter
from arnia.chassis.security import SCOPE_KEY
from arnia.chassis.session import Session
from arnia.chassis.settings import DatabaseSettings, ServiceSettings
from arnia.chassis.spans import SpanRecorder
from arnia.chassis.traces import Trace
from arnia.errors import InternalError

__all__ = ["CurrentSession", "CurrentSnapshot", "RequestContext", "Runtime", "current"]


@dataclass(slots=True)
class Runtime:
    """What the requests of one process share; made once the settings are known."""

    service: str
    version: str
    settings: ServiceSettings
    instance: str = field(default_factory=new_instance)
    """Which process of the service this is; see `Origin`."""
    origin: Origin = field(init=False)
    metrics: Metrics = field(init=False)
    database: Database | None = None
    verifier: TokenVerifier | None = None
    describe_trust: Callable[[], dict[str, str]] = dict
    describe_events: Callable[[], dict[str, str]] = dict
    callers: Mapping[str, Caller] = field(default_factory=dict)
    """Who calls the services that declared clients are of, by name."""
    describe_calls: Callable[[], dict[str, dict[str, object]]] = dict
    spans: SpanRecorder | None = None
    """Where spans go; None where no collector is told of any."""
    trace_bound: int = 0
    """Which of the traces that begin here are sampled; see `ratio_bound`."""
    limiter: RateLimiter | None = None
    outlet: Outlet | None = None
    """How events are published without the outbox; None where no broker is named."""
    kept: object = None
    """What the service's own `lifespan` opened."""
    started: bool = False
    draining: bool = False

    def __post_init__(self) -> None:
        self.origin = Origin(self.service, self.version, self.settings.environment, self.instance)
        self.metrics = Metrics(self.origin)

    @property
    def cursor_key(self) -> bytes:
        """The key that signs cursors.

        Raises:
            InternalError: the service has no settings for collections.
        """
        if not isinstance(self.settings, DatabaseSettings):
            detail = "A service that serves collections reads DatabaseSettings."
            raise InternalError(detail)
        return self.settings.cursor_key.get_secret_value().encode()


class RequestContext:
    """One request on its way through the service."""

    __slots__ = (
        "deadline",
        "principal",
        "read_only",
        "request_id",
        "runtime",
        "session",
        "template",
        "token",
        "told",
        "trace",
    )

    def __init__(self, runtime: Runtime, trace: Trace, request_id: str) -> None:
        self.runtime = runtime
        self.trace = trace
        self.request_id = request_id
        self.template = ""
        self.deadline = 0.0
        self.read_only = False
        self.principal: Principal = ANONYMOUS
        self.token = ""
        """The access token as it came, to be exchanged for another; never to be logged or handed on."""
        self.session: Session | None = None
        self.told = False
        """Whether something was published that no failure takes back."""

    @property
    def trace_id(self) -> str:
        """The trace that the request is a part of."""
        return self.trace.trace_id

    def open_session(self) -> Session:
        """Return the request's one session, opening it the first time.

        Raises:
            InternalError: the service has no database.
        """
        if self.session is None:
            database = self.runtime.database
            if database is None:
                detail = "This service has no database."
                raise InternalError(detail)
            self.session = database.session(
                read_only=self.read_only,
                deadline=self.deadline,
                trace=self.trace,
            )
        return self.session

    async def settle(self, *, keep: bool) -> None:
        """Commit the session, or undo it; after that nothing of the request can change the database.

        An undo is shielded: a request that is cancelled must still give its connection back.
        """
        session, self.session = self.session, None
        if session is None:
            return
        if keep:
            await session.commit()
        else:
            await asyncio.shield(session.rollback())


def current(request: Request) -> RequestContext:
    """Return the context of `request`."""
    context: RequestContext = request.scope[SCOPE_KEY]
    return context


async def _session(request: Request) -> Session:
    return current(request).open_session()


async def _snapshot(request: Request) -> Session:
    session = current(request).open_session()
    session.hold_snapshot()
    return session


CurrentSession = Annotated[Session, Depends(_session)]
CurrentSnapshot = Annotated[Session, Depends(_snapshot)]
"""The session of a GET whose statements must see one state of the database, all of them."""
