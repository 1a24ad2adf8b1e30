"""The one ASGI application around a service: every concern of a request, in one pass.

It scans the headers once, finds the route's plan in a trie, lets the plan answer, and only then, with the effect
committed, sends the first byte. Nothing here is a middleware: what it does per request is what it costs.
"""

import logging
import math
import time
from collections.abc import Callable
from ipaddress import ip_network
from typing import Final

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from arnia.chassis import problems
from arnia.chassis.admission import admit
from arnia.chassis.answers import STREAMS, answer, collected
from arnia.chassis.context import Runtime
from arnia.chassis.exchange import BROKEN, Exchange
from arnia.chassis.logs import AccessLog
from arnia.chassis.overload import ARRIVED, Overload, Shedding
from arnia.chassis.plans import RouteTable
from arnia.chassis.principals import Principal
from arnia.chassis.rate_limits import RateLimiter, principal_key, source_of
from arnia.chassis.security import Policy
from arnia.chassis.traces import CURRENT
from arnia.chassis.turns import TICKET
from arnia.conventions import (
    LIVE_PATH,
    METRICS_PATH,
    PLATFORM_PATHS,
    PROBLEM_PREFIX,
    READY_PATH,
    REQUEST_ID_HEADER,
    SERVICE_VERSION_HEADER,
    STARTUP_PATH,
)
from arnia.errors import (
    InternalError,
    MalformedRequest,
    NotAuthenticated,
    ServiceError,
    UpstreamFailed,
    UpstreamRefused,
)

__all__ = ["Spine"]

PROBES: Final = frozenset({LIVE_PATH, READY_PATH, STARTUP_PATH, METRICS_PATH})
"""Asked every second by machines: logged only when the answer is bad news."""
EXEMPT: Final = frozenset(PLATFORM_PATHS)
PROBLEMS: Final = PROBLEM_PREFIX + "/"
BAD: Final = 400
ACCEPTED: Final = 202

_REQUEST_ID_NAME: Final = REQUEST_ID_HEADER.lower().encode()

log: Final = logging.getLogger("arnia.request")


class Spine:
    """The ASGI application of a service process."""

    def __init__(self, fastapi: ASGIApp, table: RouteTable, runtime: Runtime, access: AccessLog | None) -> None:
        self._fastapi = fastapi
        self._table = table
        self._runtime = runtime
        self._access = access
        version = f"{runtime.service}/{runtime.version}".encode()
        self._headers = ((SERVICE_VERSION_HEADER.lower().encode(), version), (b"x-content-type-options", b"nosniff"))
        settings = runtime.settings
        self._budget = settings.sync_budget_ms / 1000 or math.inf
        self._overload = Overload() if settings.shed_overload else None
        self._shedding = Shedding(self._headers)
        self._trusted = tuple(map(ip_network, settings.trusted_proxies))
        if self._overload is not None:
            runtime.metrics.others.append(self._overload.collect)

    @property
    def draining(self) -> bool:
        """Whether the process is about to stop."""
        return self._runtime.draining

    def drain(self) -> None:
        """Say from now on that the service is not ready, and ask clients to close their connections."""
        self._runtime.draining = True

    def takes(self, scope: Scope, begin: Callable[[], None]) -> bool:
        """Let a request that has arrived `begin` when its turn comes; False where it never does: there is too much.

        It may be refused at once then, by `refuse`, which waits for nothing.
        """
        overload, path = self._overload, scope["path"]
        if overload is None or path in EXEMPT or path.startswith(PROBLEMS):
            begin()
            return True
        if not overload.arrives(time.perf_counter()):
            return False
        scope[TICKET] = overload.turns.take(begin)
        return True

    async def refuse(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - an ASGI application
        """Say that there is too much to do."""
        await self._shedding.refuse(scope, send)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; the lifespan goes to FastAPI's application."""
        if scope["type"] != "http":
            await self._fastapi(scope, receive, send)
            return
        started = time.perf_counter()
        arrived: float = scope.get(ARRIVED, started)
        overload, path = self._overload, scope["path"]
        if overload is None or path in EXEMPT or path.startswith(PROBLEMS):
            await self._serve(Exchange(scope, self._runtime, started - arrived), receive, send, started)
            return
        alone = overload.quiet(arrived, started)
        if not overload.enters(arrived, started, scope.get(TICKET)):
            await self.refuse(scope, receive, send)
            return
        exchange = Exchange(scope, self._runtime, started - arrived)
        try:
            await self._serve(exchange, receive, send, started)
        finally:
            worked = exchange.plan is not None and exchange.status < BAD and not exchange.streamed
            overload.leaves((scope["method"], exchange.template), started, alone=alone, counts=worked)

    async def _serve(self, exchange: Exchange, receive: Receive, send: Send, started: float) -> None:
        metrics, scope = self._runtime.metrics, exchange.scope
        metrics.in_flight += 1
        outer = CURRENT.set(exchange.context.trace)
        method = scope["method"]
        try:
            response = await self._respond(exchange, scope, receive)
            self._dress(response, exchange)
            scope["method"] = method
            exchange.streamed = isinstance(response, STREAMS)
            exchange.status, broken = await self._deliver(response, exchange, receive, send)
        finally:
            metrics.in_flight -= 1
            try:
                await exchange.close()
            finally:
                CURRENT.reset(outer)
                self._note(exchange, method, time.perf_counter() - started)
        if broken is not None:
            # The server cuts the connection then: nobody takes half an answer for a whole one.
            raise broken

    def _note(self, exchange: Exchange, method: str, seconds: float) -> None:
        """Tell metrics, log and collector of a request that is over."""
        runtime, trace, status = self._runtime, exchange.context.trace, exchange.status
        template = exchange.template
        runtime.metrics.durations.observe(method, template, status, seconds, trace if trace.sampled else None)
        if seconds > self._budget and status not in (ACCEPTED, BROKEN) and not exchange.streamed:
            runtime.metrics.exceeded(method, template)
        if template in PROBES and status < BAD:
            return
        path, request_id = exchange.scope["path"], exchange.context.request_id
        if self._access is not None:
            self._access.write(method, path, status, seconds, trace=trace, request_id=request_id)
        if runtime.spans is not None:
            told = runtime.spans
            told.requested(trace, method=method, path=path, status=status, seconds=seconds, request_id=request_id)
            if trace.sampled:
                told.served(trace, method=method, route=template, path=path, status=status, seconds=seconds)

    async def _deliver(
        self, response: Response, exchange: Exchange, receive: Receive, send: Send
    ) -> tuple[int, Exception | None]:
        """Send `response`; return the status that was sent, and what broke it off, if anything did."""
        begun = not isinstance(response, STREAMS)

        async def note(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await _send(response, exchange.scope, receive, send if begun else note)
        except ClientDisconnect:
            return response.status_code, None
        except Exception as error:  # noqa: BLE001 - the top of a request: whatever a body's maker raises is told
            refusal = _fault(error)
            if not begun:
                response = self._tell(refusal, exchange)
                self._dress(response, exchange)
                await _send(response, exchange.scope, receive, send)
                return response.status_code, None
            self._runtime.metrics.failures += 1
            return response.status_code, error
        return response.status_code, None

    async def _respond(self, exchange: Exchange, scope: Scope, receive: Receive) -> Response:
        try:
            return await self._route(exchange, scope, receive)
        except ServiceError as error:
            refusal = error
        except UpstreamRefused as error:
            refusal = UpstreamFailed(f"{error}, which this service has no answer to.")
        except RequestValidationError as error:
            refusal = problems.from_validation(error.errors())
        except HTTPException as error:
            if error.status_code < BAD:
                return Response(status_code=error.status_code, headers=error.headers)
            if error.status_code >= InternalError.status:
                _log_fault(error)
            refusal = problems.from_http_exception(error)
        except ClientDisconnect:
            refusal = MalformedRequest("The client closed the connection.")
        except Exception as error:  # noqa: BLE001 - the top of a request: whatever a handler raises becomes an answer
            refusal = _fault(error)
        return self._tell(refusal, exchange)

    async def _route(self, exchange: Exchange, scope: Scope, receive: Receive) -> Response:
        exchange.check()
        path, method = scope["path"], scope["method"]
        if "\x00" in path:
            detail = "The path holds the character U+0000."
            raise MalformedRequest(detail)
        if method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": self._table.allow(path)})
        plan, scope["path_params"] = self._table.find(method, path)
        exchange.plan = plan
        context = exchange.context
        context.template = plan.template
        context.read_only = plan.read_only
        if plan.handler is None:
            return await collected(self._fastapi, scope, receive)
        if method == "HEAD":
            scope["method"] = "GET"
        scope["route"] = plan.route
        if plan.policy is not None:
            context.principal, context.token = await self._admit(plan.policy, exchange)
        if self._runtime.limiter is not None and plan.route is not None:
            await self._count(self._runtime.limiter, exchange)
        return await answer(scope, receive, plan, exchange.headers, context)

    async def _admit(self, policy: Policy, exchange: Exchange) -> tuple[Principal, str]:
        authorization, deadline = exchange.headers.get(b"authorization"), exchange.context.deadline
        try:
            return await admit(policy, authorization, self._runtime.verifier, deadline)
        except NotAuthenticated:
            if self._runtime.limiter is not None:  # whoever guesses tokens is nobody, and nobody has a limit as well
                await self._count(self._runtime.limiter, exchange)
            raise

    async def _count(self, limiter: RateLimiter, exchange: Exchange) -> None:
        peer = exchange.scope.get("client") or ("", 0)
        source = source_of(peer[0], exchange.headers.get(b"x-forwarded-for", b""), self._trusted)
        exchange.limits = await limiter.admit(principal_key(exchange.context.principal, source))

    def _tell(self, refusal: ServiceError, exchange: Exchange) -> Response:
        """Return the answer that tells `refusal`, in the form of the route's own standard where it has one."""
        trace_id = exchange.context.trace_id
        protocol = None if exchange.plan is None else exchange.plan.protocol
        try:
            if protocol is None or protocol.render is None:
                response = problems.render(refusal, trace_id)
            else:
                response = protocol.render(refusal, Request(exchange.scope))
                for name, value in refusal.headers.items():
                    response.headers.setdefault(name, value)
        except Exception as error:  # noqa: BLE001 - a renderer that fails must not take the answer with it
            refusal = _fault(error)
            response = problems.render(refusal, trace_id)
        if refusal.status == InternalError.status:
            self._runtime.metrics.failures += 1
        return response

    def _dress(self, response: Response, exchange: Exchange) -> None:
        headers = response.raw_headers
        headers.extend(self._headers)
        headers.append((_REQUEST_ID_NAME, exchange.context.request_id.encode()))
        if exchange.plan is not None:
            headers.extend(exchange.plan.headers)
        headers.extend(exchange.limits)
        if self._runtime.draining:
            headers.append((b"connection", b"close"))


def _fault(error: Exception) -> ServiceError:
    _log_fault(error)
    return InternalError("The service failed; its log has the reason under this trace id.")


def _log_fault(error: Exception) -> None:
    log.error("a handler failed", exc_info=error)


async def _send(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["method"] == "HEAD":
        await send({"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers})
        await send({"type": "http.response.body", "body": b""})
    else:
        await response(scope, receive, send)
