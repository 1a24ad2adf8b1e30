"""`/authorize` (RFC 6749, 4.1; OpenID Connect Core, 3.1.2): the page, and the answers that it leads to."""

import re
from typing import Annotated, Any, Final
from urllib.parse import unquote_to_bytes

from pydantic import Field
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from arnia.chassis.context import current
from arnia.chassis.forms import Form, FormBody
from arnia.chassis.protocols import ForeignProtocol
from arnia.chassis.routing import Router
from arnia.chassis.security import anyone
from arnia.errors import ContentTooLarge, InternalError, InvalidContent, MalformedRequest, ServiceError
from identity.api import page
from identity.api.dependencies import Authorizations, source_of
from identity.models.authorization import Members
from identity.services import authorization
from identity.services.authorization import Redirect, Submission

MAX_REQUEST_BYTES: Final = 8192
MAX_FORM_BYTES: Final = 32_768
COOKIE: Final = "arnia-login"
SECURE_COOKIE: Final = "__Host-arnia-login"
_COOKIE: Final = re.compile(r"[A-Za-z0-9_-]{43}")


def show(error: ServiceError, _: Request) -> Response:
    """Tell the user, on a page: whoever sent them here is not known well enough to be told."""
    if isinstance(error, InvalidContent):
        return page.refuse("What was sent is not a request that can be answered.", 400)
    if error.status >= InternalError.status:
        return page.refuse("Something failed here. Please try again in a moment.", error.status)
    return page.refuse(error.detail, error.status)


router = Router(protocol=ForeignProtocol(name="oauth2", render=show), tags=["authorization"], dependencies=[anyone])
PAGE: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The form: log in, and agree."},
    303: {"description": "The answer, at the address of the OAuth client."},
}


class Answer(FormBody):
    """The form as a browser sends it; without a ticket, an authorization request that was sent as a form."""

    ticket: Annotated[str, Field(max_length=MAX_FORM_BYTES)] = ""
    username: Annotated[str, Field(max_length=1000)] = ""
    password: Annotated[str, Field(max_length=4000)] = ""
    decision: Annotated[str, Field(max_length=10)] = ""


@router.get("/authorize", response_class=HTMLResponse, responses=PAGE)
async def ask_authorization(request: Request, authorizations: Authorizations) -> Response:
    """Ask a user to log in, and to let an OAuth client act for them."""
    found = await authorizations.begin(read_members(request.scope["query_string"]), cookie_of(request))
    return answer(request, found)


@router.post("/authorize", response_class=HTMLResponse, responses=PAGE)
async def submit_authorization(request: Request, form: Form[Answer], authorizations: Authorizations) -> Response:
    """Take the form back, or show it to whoever sent the request itself as a form."""
    raw = await request.body()
    if len(raw) > MAX_FORM_BYTES:
        detail = f"The form has more than {MAX_FORM_BYTES} bytes."
        raise ContentTooLarge(detail)
    if not form.ticket:
        return answer(request, await authorizations.begin(read_members(raw), cookie_of(request)))
    submission = Submission(
        form.ticket, form.username, form.password, denied=form.decision != "allow", source=source_of(request)
    )
    return answer(request, await authorizations.submit(submission, cookie_of(request)))


def answer(request: Request, found: authorization.Form | Redirect) -> Response:
    """Show the form, or send the browser back to the OAuth client."""
    if isinstance(found, Redirect):
        return Response(status_code=303, headers=page.protect({"Location": found.location}))
    asked = found.request
    response = page.ask(
        page.Question(
            client=asked.client_id,
            scopes=sorted(found.scopes) if found.consent else (),
            redirect_uri=asked.redirect_uri,
            ticket=found.ticket,
            username=found.username,
            alert=found.alert,
        ),
        found.status,
    )
    if found.retry_after:
        response.headers["Retry-After"] = found.retry_after
    secure = is_secure(request)
    response.set_cookie(
        SECURE_COOKIE if secure else COOKIE,
        found.cookie,
        max_age=3600,
        path="/" if secure else "/authorize",
        secure=secure,
        httponly=True,
        samesite="strict",
    )
    return response


def is_secure(request: Request) -> bool:
    """Tell whether browsers reach this service by TLS, as its public address says."""
    return current(request).runtime.settings.issuer.startswith("https:")


def cookie_of(request: Request) -> str:
    """Return what binds forms to this browser; empty where it has nothing of the kind."""
    cookie = request.cookies.get(SECURE_COOKIE if is_secure(request) else COOKIE, "")
    return cookie if _COOKIE.fullmatch(cookie) else ""


def read_members(raw: bytes) -> Members:
    """Return what a query, or a form, holds: every value of every name.

    Raises:
        MalformedRequest: it is too long, not UTF-8, or holds half an escape or U+0000.
    """
    if len(raw) > MAX_REQUEST_BYTES:
        detail = f"The request has more than {MAX_REQUEST_BYTES} bytes."
        raise MalformedRequest(detail)
    members: dict[str, list[str]] = {}
    for part in raw.split(b"&"):
        name, _, value = (_decoded(half) for half in part.partition(b"="))
        if value:  # without one it counts as not sent (RFC 6749, 3.1)
            members.setdefault(name, []).append(value)
    return members


def _decoded(half: bytes) -> str:
    try:
        text = unquote_to_bytes(half.replace(b"+", b" ")).decode("utf-8")
    except UnicodeDecodeError:
        text = "\x00"
    if "\x00" in text or re.search(rb"%(?![0-9A-Fa-f]{2})", half):
        detail = "The request is not UTF-8, or holds an escape that says nothing."
        raise MalformedRequest(detail)
    return text
