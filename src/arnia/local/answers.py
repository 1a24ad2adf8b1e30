"""What the edge says when it answers a request itself: problem details, like those of the services."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from arnia import errors
from arnia.conventions import PROBLEM_MEDIA_TYPE, PROBLEM_PREFIX, REQUEST_ID_HEADER
from arnia.errors import ServiceError
from arnia.local.envoy_types import Json

_DETAILS: Final[Mapping[type[ServiceError], str]] = {
    errors.MalformedRequest: "The request cannot be read, or its path is not in normal form.",
    errors.Forbidden: "The edge does not let this request through.",
    errors.NotFound: "Nothing is exposed at this path.",
    errors.ContentTooLarge: "The body is larger than the edge lets through.",
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


def _body(kind: str, title: str, detail: str) -> Json:
    return {
        "content_type": PROBLEM_MEDIA_TYPE,
        "json_format": {
            "type": kind,
            "title": title,
            "status": "%RESPONSE_CODE%",
            "detail": detail,
            "trace_id": f"%RESP({REQUEST_ID_HEADER})%",
        },
    }


def _mapper(status: int, body: Json, headers: Mapping[str, str], *, comparison: str = "EQ") -> Json:
    wanted = {"default_value": status, "runtime_key": f"arnia.{comparison}.{status}"}
    return {
        "filter": {"status_code_filter": {"comparison": {"op": comparison, "value": wanted}}},
        "body_format_override": body,
        "headers_to_add": [*_REQUEST_ID, *({"header": {"key": key, "value": value}} for key, value in headers.items())],
    }


def _local_replies() -> Json:
    mappers = [
        _mapper(leaf.status, _body(f"{PROBLEM_PREFIX}/{leaf.slug}", leaf.title, detail), leaf().headers)
        for leaf, detail in _DETAILS.items()
    ]
    for status, detail in _WITHOUT_LEAF.items():
        mappers.append(_mapper(status, _body("about:blank", status.phrase, detail), {}))
    anything = _body("about:blank", "Refused by the edge", "The edge refused this.")
    return {"mappers": [*mappers, _mapper(HTTPStatus.BAD_REQUEST, anything, {}, comparison="GE")]}


LOCAL_REPLIES: Final = _local_replies()
