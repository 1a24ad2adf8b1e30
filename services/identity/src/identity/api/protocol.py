"""OAuth 2.0 as a protocol of its own: how it says no (RFC 6749, 5.2), and that no answer of it is kept."""

from collections.abc import Mapping
from typing import Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from arnia.chassis.protocols import ForeignProtocol
from arnia.errors import (
    Forbidden,
    InternalError,
    InvalidContent,
    NotAuthenticated,
    ServiceError,
    Unavailable,
    UnsupportedMediaType,
)
from identity.models.errors import InvalidClient, OAuthError

NO_STORE: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}
BAD_REQUEST: Final = 400
BASIC: Final = 'Basic realm="identity", charset="UTF-8"'


def answer(document: Mapping[str, object], *, status: int = 200, headers: Mapping[str, str] = NO_STORE) -> Response:
    """Return `document` as JSON, which nobody keeps unless `headers` say so."""
    return Response(orjson.dumps(document), status, media_type="application/json", headers=dict(headers))


def render(error: ServiceError, _: Request) -> Response:
    """Tell `error` in the words of OAuth 2.0."""
    status = BAD_REQUEST if isinstance(error, InvalidContent | UnsupportedMediaType) else error.status
    headers = dict(NO_STORE)
    if isinstance(error, InvalidClient):
        headers["WWW-Authenticate"] = BASIC
    return answer({"error": _code(error), "error_description": _described(error)}, status=status, headers=headers)


def _code(error: ServiceError) -> str:
    if isinstance(error, OAuthError):
        return error.error
    if isinstance(error, NotAuthenticated):
        return "invalid_token"
    if isinstance(error, Forbidden):
        return "insufficient_scope"
    if isinstance(error, Unavailable):
        return "temporarily_unavailable"
    return "server_error" if error.status >= InternalError.status else "invalid_request"


def _described(error: ServiceError) -> str:
    """Return the detail in the characters that a description may have, with the members that are wrong."""
    told = error.detail
    if isinstance(error, InvalidContent):
        told = " ".join([told, *(f"{each.pointer or each.parameter}: {each.detail}" for each in error.violations)])
    return "".join(each if " " <= each <= "~" and each not in '"\\' else "'" for each in told)


OAUTH: Final = ForeignProtocol(name="oauth2", render=render)
