"""The use case behind `/authorize`: look at the request, show a form, and give a code to whoever logs in."""

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Protocol
from urllib.parse import quote, urlencode

from arnia.chassis.uuids import uuid7
from identity.models.authorization import AuthorizationRequest, Members, Refusal, examine, is_registered, single
from identity.models.clients import OAuthClient
from identity.models.errors import InvalidGrant, LoginsBusy, OAuthError, SlowDown
from identity.models.grants import CODE_SECONDS, AuthorizationCode, digest_of, new_secret
from identity.models.users import User
from identity.models.values import Value
from identity.repositories.store import Transactions
from identity.services.authenticator import lock_unchanged
from identity.services.grants import lock_client
from identity.services.keyring import utc_now
from identity.services.targets import Targets
from identity.services.tickets import Tickets

WRONG: Final = "User name and password do not belong together."
BUSY: Final = "Too many people log in at once. Please try again in a moment."
STALE: Final = "The form was open for too long, or in another browser. Please log in again."


class Authenticator(Protocol):
    """Whoever checks passwords."""

    async def authenticate(self, username: str, password: str, source: str, /) -> User:
        """Return the user whose password this is.

        Raises:
            OAuthError: it is not, or nobody looked at it.
        """


class Submission(NamedTuple):
    """The form as it came back.

    Attributes:
        source: From where, for the delays after failures.
    """

    ticket: str
    username: str
    password: str
    denied: bool
    source: str


class Redirect(Value):
    """The answer to the OAuth client: a code, or why there is none."""

    location: str


class Form(Value):
    """What to ask the user.

    Attributes:
        scopes: What the OAuth client will be granted.
        consent: Whether the user is asked to agree: nobody is, for a client of our own.
        cookie: What binds the form to the browser.
        retry_after: Seconds to wait before the next attempt.
    """

    request: AuthorizationRequest
    scopes: frozenset[str]
    consent: bool
    ticket: str
    cookie: str
    username: str = ""
    alert: str = ""
    status: int = 200
    retry_after: str = ""


class _Examined(NamedTuple):
    client: OAuthClient
    request: AuthorizationRequest
    audiences: frozenset[str]
    scopes: frozenset[str]


class AuthorizationService:
    """Answers authorization requests of `issuer`."""

    def __init__(
        self,
        transactions: Transactions,
        authenticator: Authenticator,
        targets: Targets,
        tickets: Tickets,
        issuer: str,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._transactions = transactions
        self._authenticator = authenticator
        self._targets = targets
        self._tickets = tickets
        self._issuer = issuer
        self._now = now

    async def begin(self, members: Members, cookie: str) -> Redirect | Form:
        """Show the form for a request, or tell the OAuth client what is wrong with it.

        Raises:
            OAuthError: it is not known who asks, or whether the address is theirs; the user is told, and nobody else.
        """
        examined = await self._examine(members)
        return examined if isinstance(examined, Redirect) else self._form(members, cookie, examined)

    async def submit(self, submission: Submission, cookie: str) -> Redirect | Form:
        """Give a code to whoever logged in, or show the form again.

        Raises:
            OAuthError: the form was not made here, or its OAuth client is no more.
        """
        ticket = self._tickets.read(submission.ticket)
        if ticket is None:
            raise OAuthError("The form that was sent is not one of ours.")
        examined = await self._examine(ticket.members)
        if isinstance(examined, Redirect):
            return examined
        request, form = examined.request, self._form(ticket.members, cookie, examined)
        if not self._tickets.fits(ticket, cookie):
            return form.model_copy(update={"alert": STALE, "status": 400})
        if submission.denied:
            return self._answer(request.redirect_uri, request.state, error="access_denied")
        try:
            user = await self._authenticator.authenticate(submission.username, submission.password, submission.source)
            code = await self._code(examined, user)
        except OAuthError as error:
            retry_after = error.headers.get("Retry-After", "")
            told = {"username": submission.username, "alert": _reason(error, retry_after), "retry_after": retry_after}
            return form.model_copy(update={**told, "status": error.status})
        return self._answer(request.redirect_uri, request.state, code=code)

    async def _examine(self, members: Members) -> _Examined | Redirect:
        client_id, redirect_uri = single(members, "client_id"), single(members, "redirect_uri")
        async with self._transactions() as store:
            client = await store.clients.named(client_id or "")
        if client is None:
            raise OAuthError("No such application is registered here.")
        if redirect_uri is None or not is_registered(redirect_uri, client.registration):
            raise OAuthError("The application did not register the address to which it wants the answer.")
        found = examine(members, client.registration, redirect_uri)
        if isinstance(found, AuthorizationRequest):
            try:
                chosen = self._targets.choose(client, audiences=found.audiences, scope=found.scope)
                return _Examined(client, found, *chosen)
            except OAuthError as error:
                found = Refusal(error=error.error, description=error.detail)
        state = single(members, "state")
        return self._answer(redirect_uri, state, error=found.error, error_description=found.description)

    def _form(self, members: Members, cookie: str, examined: _Examined) -> Form:
        cookie = cookie or secrets.token_urlsafe(32)
        return Form(
            request=examined.request,
            scopes=examined.scopes,
            consent=not examined.client.registration.first_party,
            ticket=self._tickets.issue(members, cookie),
            cookie=cookie,
            username=examined.request.login_hint,
        )

    async def _code(self, examined: _Examined, user: User) -> str:
        code, now, request = new_secret(), self._now(), examined.request
        kept = AuthorizationCode(
            digest=digest_of(code),
            login_id=uuid7(),
            user_id=user.id,
            client_id=request.client_id,
            redirect_uri=request.redirect_uri,
            challenge=request.challenge,
            nonce=request.nonce,
            scopes=examined.scopes,
            audiences=examined.audiences,
            authenticated_at=now,
            expires_at=now + timedelta(seconds=CODE_SECONDS),
        )
        async with self._transactions() as store:
            await lock_client(store, examined.client)
            await lock_unchanged(store, user)
            await store.grants.add_code(kept)
        return code

    def _answer(self, redirect_uri: str, state: str | None, **members: str) -> Redirect:
        told = {**members, **({} if state is None else {"state": state}), "iss": self._issuer}
        separator = "&" if "?" in redirect_uri else "?"
        return Redirect(location=f"{redirect_uri}{separator}{urlencode(told, quote_via=quote)}")


def _reason(error: OAuthError, retry_after: str) -> str:
    if isinstance(error, SlowDown):
        return f"Too many logins failed. Please wait {retry_after or 'some'} seconds before the next."
    if isinstance(error, LoginsBusy):
        return BUSY
    return WRONG if isinstance(error, InvalidGrant) else error.detail
