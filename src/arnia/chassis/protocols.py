"""Protocols with a standard of their own, such as OAuth 2.0, to which the rules of a REST resource give way.

A `Router` of a foreign protocol serves absolute, unversioned paths. Its standard rules errors, parameters, media types
and preconditions. What the process owes to those who run it stays: bounds on headers and bodies, deadlines, logs,
metrics, traces, and the commit before the first byte. A path or method that nobody serves is a problem document still.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import Response

from arnia.errors import ServiceError

__all__ = ["ErrorRenderer", "ForeignProtocol"]

ErrorRenderer: TypeAlias = Callable[[ServiceError, Request], Response]
"""Turns an error of a route into the answer that the standard prescribes; it must not wait for anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignProtocol:
    """A standard that rules the routes of a router.

    Attributes:
        name: What `x-protocol` in the OpenAPI document and `arnia graph` call it, such as `oauth2`.
        render: Answers in the standard's form for every error of its routes, those of the chassis among them: a body
            that cannot be read (`MalformedRequest`), broken rules (`InvalidContent`, with its violations), a passed
            deadline, a fault (`InternalError`). Headers of the error that the answer lacks are added to it. None:
            problem details.
        ignores_unknown: Whether unknown query parameters are ignored, as RFC 6749 (3.1) asks, or refused with 400.
            A known one may stand once only, either way.
    """

    name: str
    render: ErrorRenderer | None = None
    ignores_unknown: bool = True
