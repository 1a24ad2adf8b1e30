"""What the edge says when it answers a request itself: problem details, like those of the services.

A token for another service is a 403 to Envoy, and a service calls it 401: so does the edge. Where Envoy has no key to
verify a token with, nobody can say anything about the token, and that is a 503.
"""

import math
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Final

from arnia import errors
from arnia.conventions import PROBLEM_MEDIA_TYPE, PROBLEM_PREFIX, REQUEST_ID_HEADER, TRACE_HEADER
from arnia.errors import ServiceError
from arnia.local.admission import FAILURE, JWT_FILTER, Flood
from arnia.local.envoy_types import Json, typed

_DETAILS: Final[Mapping[type[ServiceError], str]] = {
    errors.MalformedRequest: "The request cannot be read, or its path is not in normal form.",
    errors.Forbidden: "The edge does not let this request through.",
    errors.NotFound: "Nothing is exposed at this path.",
    errors.ContentTooLarge: "The body is larger than the edge lets through.",
    errors.TooManyRequests: "This address sends more than the edge lets through.",
    errors.HeadersTooLarge: "The header fields are larger, or more, than the edge lets through.",
    errors.InternalError: "The edge could not handle the request.",
    errors.Unavailable: "No process of the service can take the request now, or its connection broke.",
    errors.DeadlineExceeded: "The service did not answer in time.",
}
_WITHOUT_LEAF: Final = {
    HTTPStatus.REQUEST_TIMEOUT: "The request did not arrive in time.",
    HTTPStatus.UPGRADE_REQUIRED: "Speak HTTP/1.1 or HTTP/2.",
    HTTPStatus.BAD_GATEWAY: "The service's answer could not be read.",
}
_REQUEST_ID: Final[tuple[Json, ...]] = tuple(
    {"header": {"key": REQUEST_ID_HEADER, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
    for value in ("%UNIQUE_ID%", f"%REQ({REQUEST_ID_HEADER})%")
)
"""A new id, for what the edge refuses before it has read it; over it, where there is one, the request's own."""


def _trace_id() -> str:
    """Return what says the request's trace: its caller's, or its id in the form of one, or the id as a caller gave it.

    Envoy refuses regular expressions that count to 32, so the lengths are compared apart.
    """
    parent, given = f"request.headers['{TRACE_HEADER}']", f"response.headers['{REQUEST_ID_HEADER.lower()}']"
    digits = "([0-9a-f]+)"
    trace, identifier = f"^[0-9a-f]+-{digits}-[0-9a-f]+-[0-9a-f]+$", f"^{'-'.join([digits] * 5)}$"
    continued = f"'{TRACE_HEADER}' in request.headers && size({parent}) == 55 && {parent}.matches('{trace}')"
    own = f"size({given}) == 36 && {given}.matches('{identifier}')"
    places = "".join(f"\\\\{place}" for place in range(1, 6))
    joined = f"re.extract({given}, '{identifier}', '{places}')"
    return f"%CEL({continued} ? re.extract({parent}, '{trace}', '\\\\1') : {own} ? {joined} : {given})%"


_TRACE_ID: Final = _trace_id()


def _body(kind: str, title: str, detail: str) -> Json:
    return {
        "content_type": PROBLEM_MEDIA_TYPE,
        "json_format": {
            "type": kind,
            "title": title,
            "status": "%RESPONSE_CODE%",
            "detail": detail,
            "trace_id": _TRACE_ID,
        },
        "formatters": [{"name": "envoy.formatter.cel", "typed_config": typed("envoy.extensions.formatter.cel.v3.Cel")}],
    }


def _mapper(condition: Json, body: Json, headers: Mapping[str, str], *, status: int | None = None) -> Json:
    added = [{"header": {"key": key, "value": value}} for key, value in headers.items()]
    changed = {} if status is None else {"status_code": int(status)}
    return {"filter": condition, "body_format_override": body, "headers_to_add": [*_REQUEST_ID, *added], **changed}


def _is_status(status: int, comparison: str = "EQ") -> Json:
    wanted = {"default_value": int(status), "runtime_key": f"arnia.{comparison}.{int(status)}"}
    return {"status_code_filter": {"comparison": {"op": comparison, "value": wanted}}}


def _is_token(reason: str) -> Json:
    """Return the condition that the filter of tokens refused for `reason`, in Envoy's words."""
    path = [{"key": FAILURE}, {"key": "message"}]
    matcher = {"filter": JWT_FILTER, "path": path, "value": {"string_match": {"exact": reason}}}
    return {"metadata_filter": {"matcher": matcher, "match_if_key_not_found": False}}


def _problem(leaf: type[ServiceError], detail: str) -> Json:
    return _body(f"{PROBLEM_PREFIX}/{leaf.slug}", leaf.title, detail)


def _token_replies() -> Iterable[Json]:
    """Return what is said about tokens (RFC 6750, 3.1): nothing about the token that is not there."""
    refused = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
    lost = errors.Unavailable("The issuer's keys are not there yet, so no token can be verified.")
    invalid = _problem(
        errors.NotAuthenticated, "This is no access token, or one that is not valid any more, or not for this service."
    )
    yield _mapper(
        _is_token("Jwks remote fetch is failed"), _problem(type(lost), lost.detail), lost.headers, status=lost.status
    )
    yield _mapper(_is_token("Audiences in Jwt are not allowed"), invalid, refused, status=HTTPStatus.UNAUTHORIZED)
    none = _problem(errors.NotAuthenticated, "This takes an access token: `Authorization: Bearer ...`.")
    yield _mapper(_is_token("Jwt is missing"), none, {"WWW-Authenticate": "Bearer"})
    yield _mapper(_is_status(HTTPStatus.UNAUTHORIZED), invalid, refused)


def local_replies(flood: Flood) -> Json:
    """Return what the edge says itself, where it holds back whoever sends a `flood`.

    Envoy can count down in fields of its own (`X-RateLimit-*`, an old draft). These are the ones that services send,
    and they are true without counting: who is refused has nothing left, and the bucket is full again in time.
    """
    mappers = [*_token_replies()]
    seconds = max(1, math.ceil(flood.seconds))
    limits = {
        "Retry-After": f"{seconds}",
        "RateLimit-Policy": f'"edge";q={flood.requests};w={seconds}',
        "RateLimit": f'"edge";r=0;t={seconds}',
    }
    for leaf, detail in _DETAILS.items():
        headers = limits if leaf is errors.TooManyRequests else leaf().headers
        mappers.append(_mapper(_is_status(leaf.status), _problem(leaf, detail), headers))
    for status, detail in _WITHOUT_LEAF.items():
        mappers.append(_mapper(_is_status(status), _body("about:blank", status.phrase, detail), {}))
    anything = _body("about:blank", "Refused by the edge", "The edge refused this.")
    return {"mappers": [*mappers, _mapper(_is_status(HTTPStatus.BAD_REQUEST, "GE"), anything, {})]}
