"""One call of a declared operation: its headers, its token, its answer held against the consumer's view, and errors."""

import time
from collections.abc import Awaitable, Container, Mapping
from functools import lru_cache, partial
from typing import Any, Final, NamedTuple

from pydantic import TypeAdapter, ValidationError

from arnia.chassis.answer_cache import AnswerCache
from arnia.chassis.breaker import Opened
from arnia.chassis.bulkhead import BulkheadFull
from arnia.chassis.client_operations import IF_MATCH, KEY, Operation, Versioned
from arnia.chassis.dependency import Care, Dependency, seconds_of
from arnia.chassis.service_tokens import ServiceTokens
from arnia.chassis.spans import Attempt, SpanRecorder
from arnia.chassis.traces import Trace
from arnia.chassis.transports import Failure, Incoming, Outgoing, Transport, TransportFailure
from arnia.chassis.upstream_problems import is_under_way, problem_of, slug_of
from arnia.chassis.uuids import uuid7
from arnia.conventions import (
    IDEMPOTENCY_KEY_HEADER,
    REQUEST_ID_HEADER,
    RETRY_ABOVE,
    RETRY_HEADER,
    RETRY_NEVER,
    TIMEOUT_HEADER,
    TRACE_HEADER,
    TRACE_STATE_HEADER,
)
from arnia.errors import (
    ArniaError,
    DeadlineExceeded,
    ServiceError,
    Unavailable,
    UpstreamFailed,
    UpstreamRefused,
)

__all__ = ["Caller", "Origin"]

NOT_MODIFIED: Final = 304
NO_CONTENT: Final = 204
UNAUTHORIZED: Final = 401
BEARER: Final = "Bearer "
LONGEST_RETRY_AFTER: Final = 60
MOST_FAULTS: Final = 3
LATE: Final = 0.1
"""A timeout that close to the deadline is the deadline's: the margin, and what a busy process adds."""


class Origin(NamedTuple):
    """On whose behalf a call is made: the request, or the piece of work, that it is a part of.

    Attributes:
        deadline: When it must be over, by `time.monotonic()`.
        request_id: What its log lines are found by.
        trace: Its place in the trace (W3C Trace Context).
        spans: Where each attempt is recorded, if its trace is sampled.
        token: The user's access token, to be exchanged; empty for none.
        retried_above: Whether whoever asked us retries.
    """

    deadline: float
    request_id: str = ""
    trace: Trace | None = None
    spans: SpanRecorder | None = None
    token: str = ""
    retried_above: bool = False


class Caller:
    """Calls one service: shared by all requests of a process."""

    def __init__(
        self, dependency: Dependency, transport: Transport, tokens: ServiceTokens | None, cache: AnswerCache
    ) -> None:
        self.dependency = dependency
        self._transport = transport
        self._tokens = tokens
        self._cache = cache

    async def close(self) -> None:
        """Close every connection."""
        await self._transport.close()

    async def call(self, operation: Operation, given: Mapping[str, object], origin: Origin) -> Any:
        """Return what `operation` answers, as the consumer sees it.

        Raises:
            UpstreamRefused: the service answered with a 4xx.
            UpstreamFailed: it answered with something that it may not.
            Unavailable: it does not answer, or is not asked at the moment.
            DeadlineExceeded: the deadline is over.
        """
        started = time.perf_counter()
        outcome = "cancelled"
        try:
            target, body = operation.render(given)
            headers = self._headers(operation, given, origin)
            # For nobody the answers of a user's reads would lie where the service's own do.
            if operation.declared.cached and (origin.token or not operation.declared.as_user):
                answer = await self._cached(operation, target, headers, origin)
            else:
                if self._tokens is not None:
                    headers["authorization"] = await self._authorization(self._tokens, operation, origin)
                attempt = partial(self._attempt, operation, target, body, headers, origin)
                answer = await self.dependency.call(attempt, _care(operation, origin))
                if operation.declared.method != "GET":
                    self._cache.drop(target.partition("?")[0])
            if answer.status == UNAUTHORIZED and self._tokens is not None:
                self._tokens.forget(headers["authorization"].removeprefix(BEARER))
            result = self._read(operation, answer)
            outcome = "answered"
        except ArniaError as error:
            outcome = error.slug if isinstance(error, ServiceError) else "refused"
            raise
        except (Opened, BulkheadFull, TransportFailure) as failure:
            told = self._told(failure, origin)
            outcome = told.slug
            raise told from None
        else:
            return result
        finally:
            self.dependency.records.observe(operation.name, outcome, time.perf_counter() - started)

    async def _cached(self, operation: Operation, target: str, headers: dict[str, str], origin: Origin) -> Incoming:
        whose = origin.token if operation.declared.as_user else ""
        kept = self._cache.find(target, whose)
        if kept is not None and self._cache.is_fresh(kept):
            self.dependency.records.cached += 1
            return kept.answer
        if kept is not None and kept.etag is not None:
            headers["if-none-match"] = kept.etag
        cached = operation.declared.cached
        good_enough = None if cached is True else float(cached)
        if self._tokens is not None:
            headers["authorization"] = await self._authorization(self._tokens, operation, origin)
        attempt = partial(self._attempt, operation, target, b"", headers, origin)
        answer = await self.dependency.call(attempt, _care(operation, origin))
        if answer.status == NOT_MODIFIED and kept is not None:
            return self._cache.renew(target, whose, kept, answer, good_enough)
        self._cache.keep(target, whose, answer, good_enough)
        return answer

    def _headers(self, operation: Operation, given: Mapping[str, object], origin: Origin) -> dict[str, str]:
        headers = {**operation.headers}
        if origin.request_id:
            headers[REQUEST_ID_HEADER] = origin.request_id
        retried = operation.repeatable and self.dependency.policy.retries > 0
        insists = operation.if_match is not None and given[IF_MATCH] is not None
        if insists:
            headers["if-match"] = str(given[IF_MATCH])
        # What insists on a version makes it old: only by a key can the provider tell a repetition from somebody else.
        if operation.declared.keyed or (insists and retried and not origin.retried_above):
            headers[IDEMPOTENCY_KEY_HEADER] = str(given.get(KEY) or uuid7())
        if origin.retried_above or retried:
            headers[RETRY_HEADER] = RETRY_ABOVE
        return headers

    async def _authorization(self, tokens: ServiceTokens, operation: Operation, origin: Origin) -> str:
        audience, scopes = self.dependency.name, operation.declared.scopes
        if operation.declared.as_user:
            return BEARER + await tokens.of_user(origin.token, audience, scopes, deadline=origin.deadline)
        return BEARER + await tokens.own(audience, scopes, deadline=origin.deadline)

    def _attempt(
        self,
        operation: Operation,
        target: str,
        body: bytes,
        headers: Mapping[str, str],
        origin: Origin,
        seconds: float,
    ) -> Awaitable[Incoming]:
        """Return what sends the call once; each attempt is a span of its own."""
        own = {**headers, TIMEOUT_HEADER: str(int(seconds * 1_000) or 1)}
        trace, span_id = origin.trace, ""
        if trace is not None:
            span_id = trace.new_call()
            own[TRACE_HEADER] = trace.parent_of(span_id)
            if trace.tracestate:
                own[TRACE_STATE_HEADER] = trace.tracestate
        request = Outgoing(operation.declared.method, target, own, body)
        if trace is None or origin.spans is None or not trace.sampled:
            return self._transport.send(request, seconds=seconds)
        span = Attempt(origin.spans, trace, span_id, self.dependency.name, operation.name, request.method)
        return self._recorded(request, span, seconds)

    async def _recorded(self, request: Outgoing, span: Attempt, seconds: float) -> Incoming:
        with span:
            answer = await self._transport.send(request, seconds=seconds)
            span.status = answer.status
        return answer

    def _told(self, failure: Opened | BulkheadFull | TransportFailure, origin: Origin) -> ServiceError:
        match failure:
            case Opened():
                return self._held_back("open", "is left alone for a while, since it fails", failure.retry_after)
            case BulkheadFull():
                return self._held_back("full", "has as many calls under way as it may", 1)
            case TransportFailure():
                return self._unanswered(failure.failure, origin)

    def _held_back(self, why: str, what: str, seconds: float) -> Unavailable:
        self.dependency.records.rejected[why] += 1
        error = Unavailable(f"{self.dependency.name} {what}.", retry_after=max(1, round(seconds)))
        error.headers[RETRY_HEADER] = RETRY_NEVER
        return error

    def _unanswered(self, failure: Failure, origin: Origin) -> ServiceError:
        name = self.dependency.name
        if failure is Failure.TOO_LARGE:
            return UpstreamFailed(f"{name} {failure}.")
        if failure is Failure.TIMEOUT and time.monotonic() + LATE >= origin.deadline:
            return DeadlineExceeded(f"{name} did not answer before the deadline.")
        return Unavailable(f"{name} {failure}.")

    def _read(self, operation: Operation, answer: Incoming) -> Any:
        """Return the body as the consumer's own view of it; fields that this does not know are ignored."""
        name = self.dependency.name
        if not 200 <= answer.status < 300:
            raise _error(name, operation, answer)
        if operation.versioned and "etag" not in answer.headers:
            detail = f"{name} answered {operation.declared.method} {operation.path} without an ETag."
            raise UpstreamFailed(detail)
        try:
            result = None if operation.read is None else operation.read(answer.body or b"null")
        except ValidationError as error:
            known = frozenset[str]() if operation.answer is None else _names(operation.answer)
            faults = [f"{_place(each['loc'], known)} ({each['type']})" for each in error.errors(include_input=False)]
            shown = ", ".join(faults[:MOST_FAULTS])
            detail = f"{name} answered {operation.declared.method} {operation.path} with something else: {shown}."
            raise UpstreamFailed(detail) from None
        return Versioned(result, answer.headers["etag"]) if operation.versioned else result


def _care(operation: Operation, origin: Origin) -> Care:
    return Care(origin.deadline, operation.repeatable, origin.retried_above, operation.declared.hedged)


def _error(name: str, operation: Operation, answer: Incoming) -> ArniaError:
    place = f"{operation.declared.method} {operation.path}"
    if 400 <= answer.status < 500:
        if is_under_way(answer):
            return Unavailable(f"{name} is still at an earlier attempt of {place}: nobody knows yet what comes of it.")
        problem = problem_of(answer)
        return UpstreamRefused(name, answer.status, slug=slug_of(problem), problem=problem)
    if answer.status == 503:
        asked = seconds_of(answer.headers.get("retry-after"))
        return Unavailable(f"{name} is not available.", retry_after=round(min(max(asked, 1), LONGEST_RETRY_AFTER)))
    if answer.status == 504:
        return DeadlineExceeded(f"{name} did not finish in time.")
    return UpstreamFailed(f"{name} answered {place} with {answer.status}.")


@lru_cache(1024)
def _names(answer: TypeAdapter[Any]) -> frozenset[str]:
    """Return the names of what a view reads: its fields, and the types that they are of."""
    found: set[str] = set()
    rest: list[object] = [answer.json_schema()]
    while rest:
        match rest.pop():
            case dict() as schema:
                for word in ("properties", "$defs"):
                    found.update(schema.get(word, ()))
                rest += schema.values()
            case list() as schemas:
                rest += schemas
    return frozenset(found)


def _place(location: tuple[int | str, ...], known: Container[str]) -> str:
    """Return where a fault is: `known` names and numbers of items, never what else the other side may have sent.

    The key of a map is a value too.
    """
    parts = [str(part) if isinstance(part, int) or part in known else "?" for part in location]
    return ".".join(parts)[:200] or "the body"
