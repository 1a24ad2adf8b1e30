"""What the spine holds of one request: its headers, scanned once, its context, and what it came to."""

import re
import time
from contextlib import AsyncExitStack
from typing import Final

from starlette.types import Scope

from arnia.chassis.admission import AMBIGUOUS
from arnia.chassis.answers import Headers
from arnia.chassis.context import RequestContext, Runtime
from arnia.chassis.plans import RoutePlan
from arnia.chassis.security import SCOPE_KEY
from arnia.chassis.traces import Trace, continue_trace, new_trace_id
from arnia.conventions import TIMEOUT_HEADER
from arnia.errors import DeadlineExceeded, HeadersTooLarge, MalformedRequest

__all__ = ["BROKEN", "Exchange"]

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
        b"x-forwarded-for",
        b"x-request-id",
    }
)
LISTS: Final = frozenset(
    {b"accept", b"content-encoding", b"if-match", b"if-none-match", b"tracestate", b"x-forwarded-for"}
)
"""Fields whose lines are one list (RFC 9110, 5.3); any other that is scanned has one value."""
LABELS: Final = frozenset({b"traceparent", b"x-request-id"})
"""Fields that are ignored when they are not good, and so when nobody can tell which of two is meant."""
MAX_HEADER_BYTES: Final = 32_768
UNMATCHED: Final = "(none)"
BROKEN: Final = 0
"""The status of a request whose answer never began."""

_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._~:-]{1,128}")


class Exchange:
    """What the spine holds of one request: its scanned headers, its context, its plan."""

    __slots__ = (
        "context",
        "headers",
        "limits",
        "plan",
        "repeated",
        "runtime",
        "scope",
        "size",
        "stack",
        "status",
        "streamed",
        "waited",
    )

    def __init__(self, scope: Scope, runtime: Runtime, waited: float) -> None:
        self.scope = scope
        self.waited = waited
        self.limits: list[tuple[bytes, bytes]] = []
        self.status = BROKEN
        self.streamed = False
        self.runtime = runtime
        self.size = 0
        self.repeated = b""
        self.headers = self._scanned()
        self.plan: RoutePlan | None = None
        self.stack = AsyncExitStack()
        # Where FastAPI's handler leaves the clean-up of files and of dependencies with `yield`.
        scope["fastapi_middleware_astack"] = scope["fastapi_inner_astack"] = self.stack
        parent, state = self.headers.get(b"traceparent"), self.headers.get(b"tracestate")
        trace = continue_trace(parent, state, bound=runtime.trace_bound)
        self.context = scope[SCOPE_KEY] = RequestContext(runtime, trace, self._request_id(trace))

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

    def _request_id(self, trace: Trace) -> str:
        sent = self.headers.get(b"x-request-id")
        if sent is not None and _REQUEST_ID.fullmatch(sent):
            return sent.decode()
        # A trace that was begun elsewhere may have several requests here.
        return new_trace_id() if trace.parent_id else trace.trace_id

    def _scanned(self) -> Headers:
        size = 0
        headers: Headers = {}
        for name, value in self.scope["headers"]:
            size += len(name) + len(value)
            if name in SCANNED:
                headers[name] = value if name not in headers else self._again(name, headers[name], value)
        self.size = size
        return headers

    def _again(self, name: bytes, first: bytes, second: bytes) -> bytes:
        if name in LISTS:
            return first + b", " + second if len(first) <= MAX_HEADER_BYTES else first
        if name in LABELS:
            return b""
        if name == b"authorization":
            return AMBIGUOUS
        self.repeated = self.repeated or name
        return first

    def check(self) -> None:
        """Hold the headers against what all requests are held to.

        Raises:
            HeadersTooLarge: all of them together exceed 32 KiB.
            MalformedRequest: the request's deadline is no number, a field came twice that has one value, or Host is
                not there.
            DeadlineExceeded: the deadline has passed already.
        """
        headers = self.headers
        if self.repeated:
            detail = f"The header field {self.repeated.decode()} was sent twice, and has one value."
            raise MalformedRequest(detail)
        if self.size > MAX_HEADER_BYTES:
            detail = f"The header fields may have at most {MAX_HEADER_BYTES} bytes together."
            raise HeadersTooLarge(detail)
        if b"host" not in headers and self.scope.get("http_version") == "1.1":
            detail = "A request names its Host (RFC 9112, 3.2)."
            raise MalformedRequest(detail)
        # Counted from its arrival: what has waited for its turn longer than its caller does is not started.
        patience = self._patience(headers.get(b"request-timeout-ms")) - self.waited
        if patience <= 0:
            detail = "The deadline had passed when it was the request's turn; nothing was started."
            raise DeadlineExceeded(detail)
        self.context.deadline = time.monotonic() + patience

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
