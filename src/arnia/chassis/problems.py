"""Errors as RFC 9457 problem details: every 4xx and 5xx of a service leaves through here."""

import re
from collections.abc import Iterable, Sequence
from functools import cache
from http import HTTPStatus
from itertools import islice
from typing import Any, Final

import orjson
from pydantic import BaseModel, Field, ValidationError
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException
from starlette.responses import Response

from arnia import errors
from arnia.conventions import PROBLEM_MEDIA_TYPE, PROBLEM_PREFIX
from arnia.errors import InvalidContent, ServiceError, Violation

__all__ = ["Problem", "catalogue", "from_http_exception", "from_validation", "render", "violations"]


class ProblemViolation(BaseModel):
    """One broken rule: where, which, and what it asks for; never the value that was sent."""

    detail: str
    code: str
    pointer: str | None = Field(default=None, description="JSON Pointer into the body, as a URI fragment.")
    parameter: str | None = Field(default=None, description="The query, path or header parameter.")


class Problem(BaseModel):
    """Problem details (RFC 9457)."""

    type: str = Field(description="A reference that resolves to a description of this kind of problem.")
    title: str
    status: int
    detail: str
    trace_id: str
    errors: list[ProblemViolation] | None = None


MOST_VIOLATIONS: Final = 100
"""A body of a megabyte can break half a million rules; told in full, the answer would be thirty times as long."""

_FIXED_DETAIL: Final = {
    "uuid_parsing": "Input should be a valid UUID.",
    "uuid_type": "Input should be a valid UUID.",
    "union_tag_invalid": "Input should carry one of the expected tags.",
    "enum": "Input should be one of the listed values.",
    "url_parsing": "Input should be a valid URL.",
    "assertion_error": "Input breaks a rule of this field.",
}
"""pydantic's own words for these can repeat what was sent."""

_POINTER_ESCAPES: Final = str.maketrans({"~": "~0", "/": "~1"})


def render(error: ServiceError, trace_id: str) -> Response:
    """Return the answer that tells `error`."""
    problem: dict[str, object] = {
        "type": f"{PROBLEM_PREFIX}/{error.slug}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "trace_id": trace_id,
    }
    if isinstance(error, InvalidContent) and error.violations:
        problem["errors"] = [_violation(violation) for violation in error.violations]
    return Response(
        orjson.dumps(problem, option=orjson.OPT_PASSTHROUGH_SUBCLASS),
        status_code=error.status,
        headers=error.headers,
        media_type=PROBLEM_MEDIA_TYPE,
    )


def _violation(violation: Violation) -> dict[str, str]:
    shown = {"detail": violation.detail, "code": violation.code}
    if violation.pointer is not None:
        shown["pointer"] = violation.pointer
    if violation.parameter is not None:
        shown["parameter"] = violation.parameter
    return shown


def from_validation(details: Sequence[Any]) -> InvalidContent:
    """Return the 422 for what pydantic or FastAPI found wrong."""
    found = violations(details)
    parameters = sorted({violation.parameter for violation in found if violation.parameter})
    where = f"parameter {', '.join(parameters)}" if parameters else "the body"
    return InvalidContent(_count(len(details), where), violations=found)


def _count(broken: int, where: str) -> str:
    rest = f" The first {MOST_VIOLATIONS} are listed." if broken > MOST_VIOLATIONS else ""
    return f"{broken} rule(s) broken in {where}.{rest}"


def violations(details: Iterable[ErrorDetails], *, in_body: bool = False) -> tuple[Violation, ...]:
    """Translate the first of pydantic's errors; `in_body` when its locations begin inside the body."""
    return tuple(_translate(detail, in_body=in_body) for detail in islice(details, MOST_VIOLATIONS))


def _translate(detail: ErrorDetails, *, in_body: bool) -> Violation:
    place, *path = ("body", *detail["loc"]) if in_body else detail["loc"] or ("body",)
    kind = detail["type"]
    sentence = _FIXED_DETAIL.get(kind) or detail["msg"].removeprefix("Value error, ")
    code = kind.replace("_", "-")
    if place == "body":
        return Violation(detail=sentence, code=code, pointer=pointer(*path))
    return Violation(detail=sentence, code=code, parameter=_printable(str(path[0]) if path else str(place)))


def pointer(*steps: object) -> str:
    """Return the JSON Pointer, as a URI fragment, that leads from the body down `steps`."""
    return _printable("#" + "".join(f"/{str(step).translate(_POINTER_ESCAPES)}" for step in steps))


def _printable(name: str) -> str:
    return name[:200].encode("utf-8", "replace").decode("utf-8")


def from_model(error: ValidationError) -> InvalidContent:
    """Return the 422 for a model that refused a (patched) body."""
    found = violations(error.errors(include_url=False, include_input=False), in_body=True)
    return InvalidContent(_count(error.error_count(), "the body"), violations=found)


_BY_STATUS: Final[dict[int, type[ServiceError]]] = {
    leaf.status: leaf
    for leaf in (
        errors.MalformedRequest,
        errors.NotAuthenticated,
        errors.Forbidden,
        errors.NotFound,
        errors.MethodNotAllowed,
        errors.NotAcceptable,
        errors.Conflict,
        errors.Gone,
        errors.PreconditionFailed,
        errors.ContentTooLarge,
        errors.UnsupportedMediaType,
        errors.InvalidContent,
        errors.PreconditionRequired,
        errors.TooManyRequests,
        errors.HeadersTooLarge,
        errors.InternalError,
        errors.Unavailable,
        errors.DeadlineExceeded,
    )
}


def from_http_exception(exception: HTTPException) -> ServiceError:
    """Translate what Starlette, FastAPI or a library of theirs raised: its status and headers, and no word of it."""
    status = exception.status_code
    translated = (_BY_STATUS.get(status) or _plain(status, f"Status {status}"))()
    own = exception.headers or {}
    replaced = {name.lower() for name in own}
    kept = {name: value for name, value in translated.headers.items() if name.lower() not in replaced}
    translated.headers = {**kept, **own}
    return translated


@cache
def _plain(status: int, title: str) -> type[ServiceError]:
    """Return a leaf for a status that Arnia itself has no use for."""
    slug = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
    meaning = f"The framework, or a library, answered {status} {title}."
    return type(
        f"Status{status}", (ServiceError,), {"status": status, "slug": slug, "title": title, "__doc__": meaning}
    )


# Made beforehand, so that every process of a service can explain what another one answered.
for _status in HTTPStatus:
    if _status >= 400 and _status not in _BY_STATUS:
        _BY_STATUS[_status] = _plain(_status, _status.phrase)


def catalogue() -> dict[str, type[ServiceError]]:
    """Return every problem that this process can answer with, by slug."""
    found: dict[str, type[ServiceError]] = {}
    waiting: list[type[ServiceError]] = [ServiceError]
    while waiting:
        kind = waiting.pop()
        found.setdefault(kind.slug, kind)
        waiting.extend(kind.__subclasses__())
    return found
