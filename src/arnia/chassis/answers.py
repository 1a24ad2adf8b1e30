"""One request from its matched plan to its answer: rules before the handler, the handler, and the commit after it."""

import asyncio
import hmac
import json
import time
from typing import Any, Final, TypeAlias
from urllib.parse import unquote_plus

import orjson
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope

from arnia.chassis import idempotency, problems
from arnia.chassis.bodies import JsonRequest, media_type, parse_json, read_body
from arnia.chassis.context import RequestContext
from arnia.chassis.handlers import Handler
from arnia.chassis.idempotency import StoredAnswer
from arnia.chassis.plans import RoutePlan, refuse_unacceptable
from arnia.chassis.preconditions import Preconditions, check_read, matches_none, opaque
from arnia.chassis.recognition import Recognition
from arnia.conventions import (
    FORM_MEDIA_TYPE,
    IDEMPOTENCY_REPLAYED_HEADER,
    JSON_PATCH_MEDIA_TYPE,
    NDJSON_MEDIA_TYPE,
)
from arnia.errors import (
    DeadlineExceeded,
    InvalidContent,
    MalformedRequest,
    ServiceError,
    Unavailable,
    UnknownParameter,
    UnsupportedMediaType,
    Violation,
)

__all__ = ["STREAMS", "Headers", "answer", "collected"]

Headers: TypeAlias = dict[bytes, bytes]

MAX_KEY_CHARACTERS: Final = 255
MAX_KEPT_BYTES: Final = 1_048_576
"""The longest streamed answer that is kept under an Idempotency-Key."""
STREAMS: Final = (StreamingResponse, FileResponse)
FAILED: Final = 400
"""From this status on an answer is no success, and nothing of its request is kept."""
EMPTY_FORM: Final = b"&"
"""A form without members, in a form that FastAPI does not take for no body: the model shall say what is missing."""
UNPARSED: Final = frozenset({FORM_MEDIA_TYPE, NDJSON_MEDIA_TYPE})
"""Bodies that their handler parses: no single document."""
UNKEPT: Final = frozenset({"connection", "content-length", "set-cookie"})
"""Fields of an answer that no record has: what the replay says by itself, and what would be a credential at rest."""


async def answer(
    scope: Scope, receive: Receive, plan: RoutePlan, headers: Headers, context: RequestContext
) -> Response:
    """Return the answer of `plan`, which has a handler; when this returns, its effect is committed, else undone.

    Raises:
        ServiceError: a rule of the chassis or of the service is broken.
    """
    _check_query(plan, scope["query_string"])
    refuse_unacceptable(plan, headers.get(b"accept"))
    if plan.lifecycle is not None:
        plan.lifecycle.check(time.time())
    _check_preconditions(plan, headers, context)
    handler = plan.handler
    if handler is None:
        message = f"{plan.template} is served by FastAPI's own application"
        raise TypeError(message)
    try:
        async with asyncio.timeout(context.deadline - time.monotonic()):
            sent_key = headers.get(b"idempotency-key")
            key = None if sent_key is None else _recognised(plan, sent_key, context)
            request, fingerprint = await _read(scope, receive, plan, headers, context, keyed=key is not None)
            if key is None:
                response = await _handle(handler, request)
            else:
                response = await _handle_once(handler, request, context, key, fingerprint)
        # Out of the deadline's reach: once a COMMIT is sent, only its answer tells whether the effect was kept.
        await context.settle(keep=response.status_code < FAILED)
    except ServiceError as error:
        if error.keeps_effect:
            await context.settle(keep=True)
        raise
    except TimeoutError:
        raise _too_late(context) from None
    finally:
        await context.settle(keep=False)
    if plan.read_only and (b"if-match" in headers or b"if-none-match" in headers):
        return _conditional(response, headers)
    return response


def _too_late(context: RequestContext) -> ServiceError:
    if context.told or (context.session is not None and context.session.in_doubt):
        return Unavailable("The deadline passed meanwhile: it is not known whether the change was kept.")
    return DeadlineExceeded("The deadline passed before the work was done; nothing of it was kept.")


async def _handle(handler: Handler, request: Request) -> Response:
    try:
        return await handler(request)
    except BaseException:
        # Dependencies with `yield` end after the answer; of a failure they hear now, to undo what they would complete.
        async with request.scope["fastapi_inner_astack"]:
            raise
        raise


async def _handle_once(
    handler: Handler, request: Request, context: RequestContext, key: str, fingerprint: bytes
) -> Response:
    session = context.open_session()
    principal = context.principal
    # No part of it has a line break: what one principal may call itself is never another's.
    owner = f"{principal.client}\n{principal.subject}\n{request.method}\n{context.template}"
    stored = await idempotency.claim(session, scope=owner, key=key, fingerprint=fingerprint)
    if stored is not None:
        replay = Response(stored.body, stored.status)
        replay.raw_headers.extend((name.encode("latin-1"), value.encode("latin-1")) for name, value in stored.headers)
        replay.headers[IDEMPOTENCY_REPLAYED_HEADER] = "true"
        return replay
    refusal: ServiceError | None = None
    try:
        response = await _handle(handler, request)
    except ServiceError as error:
        if not error.keeps_effect:
            raise
        refusal, response = error, problems.render(error, context.trace_id)
    if refusal is None and response.status_code >= FAILED:
        return response
    if isinstance(response, STREAMS):
        response = await _whole(response, request)
    stored = StoredAnswer(response.status_code, _kept_headers(response), bytes(response.body))
    await idempotency.store(session, scope=owner, key=key, fingerprint=fingerprint, answer=stored)
    if refusal is not None:
        raise refusal
    return response


async def _whole(stream: Response, request: Request) -> Response:
    """Return what `stream` would send: only an answer that is whole can be kept, and repeated to the byte."""
    background, stream.background = stream.background, None
    whole = await collected(stream, request.scope, request.receive, MAX_KEPT_BYTES)
    whole.background = background
    return whole


async def collected(app: ASGIApp, scope: Scope, receive: Receive, limit: int | None = None) -> Response:
    """Return what `app` answers, at once.

    Raises:
        MalformedRequest: the answer has more than `limit` bytes.
    """
    start: Message = {}
    chunks: list[bytes] = []
    size = 0

    async def keep(message: Message) -> None:
        nonlocal size
        if message["type"] == "http.response.start":
            start.update(message)
            return
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if limit is not None and size > limit:
            detail = f"The answer has more than {limit} bytes, too many to be kept: send no Idempotency-Key."
            raise MalformedRequest(detail)

    await app(scope, receive, keep)
    response = Response(b"".join(chunks), start["status"])
    response.raw_headers = list(start["headers"])
    return response


def _kept_headers(response: Response) -> tuple[tuple[str, str], ...]:
    pairs = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in response.raw_headers)
    return tuple(pair for pair in pairs if pair[0] not in UNKEPT)


async def _read(
    scope: Scope, receive: Receive, plan: RoutePlan, headers: Headers, context: RequestContext, *, keyed: bool
) -> tuple[Request, bytes]:
    raw, document = b"", None
    sent_type = ""
    # What is to be recognised by a key is read as a whole.
    if NDJSON_MEDIA_TYPE in plan.consumes and not keyed and _is_streamed(headers):
        sent_type = _check_type(plan, headers)
    elif plan.consumes:
        raw = await read_body(receive, headers.get(b"content-length"), context.runtime.settings.max_body_bytes)
        if raw:
            sent_type = _check_type(plan, headers)
            document = raw.decode("latin-1") if sent_type in UNPARSED else parse_json(raw)
            if plan.patches:
                _check_patch(sent_type, document)
    if not raw and FORM_MEDIA_TYPE in plan.consumes:
        raw = EMPTY_FORM
    fingerprint = _fingerprint(context.runtime.cursor_key, scope, sent_type, document) if keyed else b""
    return JsonRequest(scope, receive, raw, document), fingerprint


def _is_streamed(headers: Headers) -> bool:
    """Tell whether the handler reads the body as it comes."""
    return media_type(headers.get(b"content-type")) == NDJSON_MEDIA_TYPE


def _fingerprint(secret: bytes, scope: Scope, sent_type: str, document: Any) -> bytes:
    # Under a secret that the database does not hold: a body may have a password, which could be guessed from its hash.
    place = orjson.dumps([scope["path"], scope["query_string"].decode("latin-1"), sent_type])
    digest = hmac.new(secret, place, "sha256")
    # The standard library's writer: orjson refuses integers beyond 64 bits, which a model has yet to judge.
    digest.update(json.dumps(document, sort_keys=True).encode())
    return digest.digest()


def _recognised(plan: RoutePlan, value: bytes, context: RequestContext) -> str | None:
    """Return the key by which a repetition is recognised; None where the method needs none.

    Raises:
        MalformedRequest: it is no key, or the caller would rely on it in vain.
    """
    if plan.recognition is Recognition.IGNORED:
        return None
    if plan.recognition is Recognition.REFUSED or context.runtime.database is None:
        detail = "This resource keeps no records, so an Idempotency-Key would promise what it cannot hold."
        raise MalformedRequest(detail)
    key = value.decode("latin-1").strip().strip('"')
    if not key or len(key) > MAX_KEY_CHARACTERS or not key.isascii() or not key.isprintable():
        detail = f"An Idempotency-Key has 1 to {MAX_KEY_CHARACTERS} printable ASCII characters."
        raise MalformedRequest(detail)
    return key


def _check_query(plan: RoutePlan, query: bytes) -> None:
    if not query:
        return
    if b"%00" in query:
        detail = "The query holds the character U+0000."
        raise MalformedRequest(detail)
    if plan.query is None:
        return
    seen = set()
    for part in query.split(b"&"):
        name = part.partition(b"=")[0].decode("latin-1")
        name = name if name in plan.query else unquote_plus(name)
        if name in seen and name in plan.query and name not in plan.repeatable:
            violation = Violation(detail="It stands in the query more than once.", code="repeated", parameter=name)
            raise InvalidContent("A query parameter is repeated.", violations=[violation])
        seen.add(name)
        if name and name not in plan.query and not plan.ignores_unknown:
            known = ", ".join(sorted(plan.query)) or "none"
            detail = f"The query has a parameter that is not known here; known: {known}."
            raise UnknownParameter(detail)


def _check_preconditions(plan: RoutePlan, headers: Headers, context: RequestContext) -> None:
    if plan.read_only or plan.protocol is not None:
        return
    demanded = plan.method == "PATCH" or (
        context.runtime.settings.require_if_match and plan.method in ("PUT", "DELETE")
    )
    if demanded and b"if-match" not in headers and (plan.method == "PATCH" or b"if-none-match" not in headers):
        Preconditions(None, None).require()


def _check_type(plan: RoutePlan, headers: Headers) -> str:
    sent = media_type(headers.get(b"content-type"))
    if sent not in plan.consumes or b"content-encoding" in headers:
        readable = ", ".join(plan.consumes)
        hint = "Accept-Patch" if plan.method == "PATCH" else "Accept"
        detail = f"Send the body as {readable}, without a content coding."
        raise UnsupportedMediaType(detail, headers={hint: readable})
    return sent


def _check_patch(sent_type: str, document: Any) -> None:
    wanted = list if sent_type == JSON_PATCH_MEDIA_TYPE else dict
    if not isinstance(document, wanted):
        shape = "an array of operations" if wanted is list else "an object"
        violation = Violation(detail=f"The body of a {sent_type} is {shape}.", code="patch-shape", pointer="#")
        raise InvalidContent("The patch has the wrong shape.", violations=[violation])


def _conditional(response: Response, headers: Headers) -> Response:
    """Hold a read against its preconditions, in the order of RFC 9110 (13.2.2); an answer that is none has none."""
    if response.status_code != 200:
        return response
    etag = response.headers.get("etag")
    check_read(_text(headers, b"if-match"), etag)
    if_none_match = _text(headers, b"if-none-match")
    if etag is None or if_none_match is None or not matches_none(if_none_match, opaque(etag)):
        return response
    known = Response(status_code=304)
    known.raw_headers = [pair for pair in response.raw_headers if not pair[0].startswith(b"content-")]
    return known


def _text(headers: Headers, name: bytes) -> str | None:
    return headers[name].decode("latin-1") if name in headers else None
