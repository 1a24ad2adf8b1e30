"""The one ASGI application around a service: every concern of a request, in one pass.

It scans the headers once, finds the route's plan in a trie, lets the plan answer, and only then, with the effect
committed, sends the first byte. Nothing here is a middleware: what it does per request is what it costs.
"""

import logging
import re
import time
from contextlib import AsyncExitStack
from typing import Final

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from arnia.chassis import problems
from arnia.chassis.admission import AMBIGUOUS, admit
from arnia.chassis.answers import STREAMS, Headers, answer, collected
from arnia.chassis.context import RequestContext, Runtime
from arnia.chassis.logs import AccessLog
from arnia.chassis.plans import RoutePlan, RouteTable
from arnia.chassis.security import SCOPE_KEY
from arnia.chassis.traces import CURRENT, continue_trace
from arnia.conventions import (
    LIVE_PATH,
    METRICS_PATH,
    READY_PATH,
    REQUEST_ID_HEADER,
    SERVICE_VERSION_HEADER,
    STARTUP_PATH,
    TIMEOUT_HEADER,
)
from arnia.errors import (
    DeadlineExceeded,
    HeadersTooLarge,
    InternalError,
    MalformedRequest,
    ServiceError,
    UpstreamFailed,
    UpstreamRefused,
)

__all__ = ["Spine"]

SCANNED: Final = frozenset(
    {
        b"accept",
        b"authorization",
        b"content-encoding",
        b"content-length",
        b"content-type",
        b"host",
        b"idempotency-key",
        b"if-match",
        b"if-none-match",
        b"request-timeout-ms",
        b"traceparent",
        b"tracestate",
        b"x-request-id",
    }
)
LISTS: Final = frozenset({b"accept", b"content-encoding", b"if-match", b"if-none-match", b"tracestate"})
"""Fields whose lines are one list (RFC 9110, 5.3); any other that is scanned has one value."""
LABELS: Final = frozenset({b"traceparent", b"x-request-id"})
"""Fields that are ignored when they are not good, and so when nobody can tell which of two is meant."""
MAX_HEADER_BYTES: Final = 32_768
UNMATCHED: Final = "(none)"
PROBES: Final = frozenset({LIVE_PATH, READY_PATH, STARTUP_PATH, METRICS_PATH})
"""Asked every second by machines: logged only when the answer is bad news."""
BAD: Final = 400

_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._~:-]{1,128}")
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

    @property
    def draining(self) -> bool:
        """Whether the process is about to stop."""
        return self._runtime.draining

    def drain(self) -> None:
        """Say from now on that the service is not ready, and ask clients to close their connections."""
        self._runtime.draining = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; the lifespan goes to FastAPI's application."""
        if scope["type"] != "http":
            await self._fastapi(scope, receive, send)
            return
        started = time.perf_counter()
        metrics = self._runtime.metrics
        metrics.in_flight += 1
        exchange = Exchange(scope, self._runtime)
        outer = CURRENT.set(exchange.context.trace)
        method = scope["method"]
        try:
            response = await self._respond(exchange, scope, receive)
            self._dress(response, exchange)
            scope["method"] = method
            status, broken = await self._deliver(response, exchange, receive, send)
        finally:
            metrics.in_flight -= 1
            await exchange.close()
            CURRENT.reset(outer)
        seconds = time.perf_counter() - started
        metrics.observe(method, exchange.template, status, seconds)
        if self._access is not None and not (exchange.template in PROBES and status < BAD):
            context = exchange.context
            self._access.write(
                method,
                scope["path"],
                status,
                seconds,
                trace=context.trace,
                request_id=context.request_id,
            )
        if broken is not None:
            # The server cuts the connection then: nobody takes half an answer for a whole one.
            raise broken

    async def _deliver(
        self, response: Response, exchange: "Exchange", receive: Receive, send: Send
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

    async def _respond(self, exchange: "Exchange", scope: Scope, receive: Receive) -> Response:
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

    async def _route(self, exchange: "Exchange", scope: Scope, receive: Receive) -> Response:
        exchange.scan()
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
            context.principal, context.token = await admit(
                plan.policy, exchange.headers.get(b"authorization"), self._runtime.verifier, context.deadline
            )
        return await answer(scope, receive, plan, exchange.headers, context)

    def _tell(self, refusal: ServiceError, exchange: "Exchange") -> Response:
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

    def _dress(self, response: Response, exchange: "Exchange") -> None:
        headers = response.raw_headers
        headers.extend(self._headers)
        headers.append((_REQUEST_ID_NAME, exchange.context.request_id.encode()))
        if exchange.plan is not None:
            headers.extend(exchange.plan.headers)
        if self._runtime.draining:
            headers.append((b"connection", b"close"))


class Exchange:
    """What the spine holds of one request: its scanned headers, its context, its plan."""

    __slots__ = ("context", "headers", "plan", "runtime", "scope", "stack")

    def __init__(self, scope: Scope, runtime: Runtime) -> None:
        self.scope = scope
        self.runtime = runtime
        self.headers: Headers = {}
        self.plan: RoutePlan | None = None
        self.stack = AsyncExitStack()
        # Where FastAPI's handler leaves the clean-up of files and of dependencies with `yield`.
        scope["fastapi_middleware_astack"] = scope["fastapi_inner_astack"] = self.stack
        trace = continue_trace(None)
        self.context = scope[SCOPE_KEY] = RequestContext(runtime, trace, trace.trace_id)

    @property
    def template(self) -> str:
        """The route's path template, for metrics: never the path, which a caller chooses."""
        return UNMATCHED if self.plan is None else self.plan.template

    async def close(self) -> None:
        """End what the answer still needed: dependencies with `yield`, and a session that a streamed body opened."""
        try:
            await self.stack.aclose()
        finally:
            if self.context.session is not None:
                await self.context.settle(keep=False)

    def scan(self) -> None:
        """Read the headers, once.

        Raises:
            HeadersTooLarge: all of them together exceed 32 KiB.
            MalformedRequest: the request's deadline is no number, a field came twice that has one value, or Host is
                not there.
            DeadlineExceeded: the deadline has passed already.
        """
        size, headers = 0, self.headers
        for name, value in self.scope["headers"]:
            size += len(name) + len(value)
            if name in SCANNED:
                headers[name] = value if name not in headers else _repeated(name, headers[name], value)
        if b"traceparent" in headers:
            trace = self.context.trace = continue_trace(headers[b"traceparent"], headers.get(b"tracestate"))
            CURRENT.set(trace)
        request_id = headers.get(b"x-request-id")
        if request_id is not None and _REQUEST_ID.fullmatch(request_id):
            self.context.request_id = request_id.decode()
        if size > MAX_HEADER_BYTES:
            detail = f"The header fields may have at most {MAX_HEADER_BYTES} bytes together."
            raise HeadersTooLarge(detail)
        if b"host" not in headers and self.scope.get("http_version") == "1.1":
            detail = "A request names its Host (RFC 9112, 3.2)."
            raise MalformedRequest(detail)
        self.context.deadline = time.monotonic() + self._patience(headers.get(b"request-timeout-ms"))

    def _patience(self, asked: bytes | None) -> float:
        ceiling = self.runtime.settings.request_timeout_ms / 1000
        if asked is None:
            return ceiling
        if not asked.isdigit() or len(asked) > 9:
            detail = f"{TIMEOUT_HEADER} is a whole number of milliseconds."
            raise MalformedRequest(detail)
        patience = int(asked) / 1000
        if patience <= 0:
            detail = "The deadline had passed when the request arrived; nothing was started."
            raise DeadlineExceeded(detail)
        return min(patience, ceiling)


def _fault(error: Exception) -> ServiceError:
    _log_fault(error)
    return InternalError("The service failed; its log has the reason under this trace id.")


def _log_fault(error: Exception) -> None:
    log.error("a handler failed", exc_info=error)


def _repeated(name: bytes, first: bytes, second: bytes) -> bytes:
    if name in LISTS:
        return first + b", " + second if len(first) <= MAX_HEADER_BYTES else first
    if name in LABELS:
        return b""
    if name == b"authorization":
        return AMBIGUOUS
    detail = f"The header field {name.decode()} was sent twice, and has one value."
    raise MalformedRequest(detail)


async def _send(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["method"] == "HEAD":
        await send({"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers})
        await send({"type": "http.response.body", "body": b""})
    else:
        await response(scope, receive, send)
