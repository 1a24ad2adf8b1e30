"""Tokens with which a service calls others: its own by client credentials, a user's by token exchange (RFC 8693).

A token is fetched once for all who wait for it, kept until it ends, and replaced ahead of that: the service's own
whether anybody calls or not. While the issuer is down, what there is goes on being used. A user's token never leaves
for another audience: what leaves is an exchanged one, narrower, with this service as its actor.
"""

import asyncio
import base64
import hashlib
import logging
import random
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

from pydantic import BaseModel, SecretStr, ValidationError

from arnia.chassis.transports import Outgoing, Transport, TransportFailure
from arnia.conventions import FORM_MEDIA_TYPE
from arnia.errors import DeadlineExceeded, NotAuthenticated, ServiceError, Unavailable, UpstreamFailed

__all__ = ["OAuthClient", "ServiceTokens"]

CLIENT_CREDENTIALS: Final = "client_credentials"
TOKEN_EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - a name of RFC 8693
ACCESS_TOKEN: Final = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - see above
FETCH_SECONDS: Final = 3.0
MOST_KEPT: Final = 2_000
ENDED: Final = 2.0
"""Seconds before its end from which on a token is not sent any more: it must still be good when it arrives."""
AHEAD: Final = (0.7, 0.85)
"""The share of its life after which a token is replaced, drawn anew for each: replicas do not ask all at once."""
PATIENCE: Final = (1.0, 2.0)
"""Seconds after which an issuer that failed is asked again, drawn anew each time."""
SHORTEST_SECONDS: Final = 1.0
"""Between two tokens that nobody asked for, whatever the issuer says of their life."""
RENEW_AGAIN_SECONDS: Final = 10.0
"""After which a token of the service's own that could not be replaced is tried again."""

log: Final = logging.getLogger("arnia.calls")


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthClient:
    """Who this service is to the issuer.

    Attributes:
        token_url: The issuer's token endpoint.
        client_id: Its name there.
        client_secret: Its secret there.
    """

    token_url: str
    client_id: str
    client_secret: SecretStr

    @property
    def authorization(self) -> str:
        """The Authorization field of HTTP Basic, as RFC 6749 (2.3.1) spells it."""
        pair = f"{quote(self.client_id, safe='')}:{quote(self.client_secret.get_secret_value(), safe='')}"
        return "Basic " + base64.b64encode(pair.encode()).decode()


class TokenAnswer(BaseModel):
    """What a token endpoint answers (RFC 6749, 5.1)."""

    access_token: SecretStr
    expires_in: float = 60.0


class Refusal(BaseModel):
    """Why it does not (RFC 6749, 5.2)."""

    error: str = ""


@dataclass(slots=True)
class Held:
    """A token, when it ends, and from when on another one is fetched ahead."""

    token: str
    ends: float
    renew_from: float


Key = tuple[str, str, str]
"""The digest of the user's token (empty for the service's own), the audience, the scopes."""


class ServiceTokens:
    """Fetches and keeps the tokens of one service."""

    def __init__(
        self,
        client: OAuthClient,
        transport: Transport,
        *,
        clock: Callable[[], float] = time.monotonic,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        address = urlsplit(client.token_url)
        self._target = address.path or "/"
        self._client = client
        self._transport = transport
        self._clock = clock
        self._uniform = uniform
        self._held: OrderedDict[Key, Held] = OrderedDict()
        self._fetching: dict[Key, asyncio.Task[str]] = {}
        self._renewals: dict[Key, asyncio.TimerHandle] = {}
        self._failing = False
        self._down_until = 0.0

    async def own(self, audience: str, scopes: tuple[str, ...], *, deadline: float) -> str:
        """Return a token of this service for `audience`.

        Raises:
            Unavailable: the issuer does not answer, and there is no token that is still good.
            UpstreamFailed: the issuer refuses.
            DeadlineExceeded: the deadline passed meanwhile.
        """
        return await self._token(("", audience, " ".join(scopes)), "", deadline)

    async def of_user(self, token: str, audience: str, scopes: tuple[str, ...], *, deadline: float) -> str:
        """Return a token for `audience` with which this service acts for the user of `token`.

        Raises:
            NotAuthenticated: there is no user, or the issuer no longer takes the user's token.
            Unavailable: as `own`, and so are the others.
        """
        if not token:
            detail = "This is done on behalf of a user, and nobody says who that is."
            raise NotAuthenticated(detail)
        digest = hashlib.sha256(token.encode()).hexdigest()
        return await self._token((digest, audience, " ".join(scopes)), token, deadline)

    def forget(self, token: str) -> None:
        """Drop `token`, which somebody refused: the next call fetches another."""
        self._held = OrderedDict((key, held) for key, held in self._held.items() if held.token != token)

    async def close(self) -> None:
        """End what is being fetched, and the connections."""
        for renewal in self._renewals.values():
            renewal.cancel()
        tasks = list(self._fetching.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._transport.close()

    async def _token(self, key: Key, subject: str, deadline: float) -> str:
        now = self._clock()
        held = self._held.get(key)
        if held is not None and now < held.ends:
            self._held.move_to_end(key)
            if now >= held.renew_from and now >= self._down_until:
                self._fetch(key, subject)
            return held.token
        if now < self._down_until and key not in self._fetching:
            detail = "The issuer of tokens does not answer."
            raise Unavailable(detail)
        if self._failing:  # one finds out whether it is there again, and nobody else waits for the answer
            self._down_until = now + FETCH_SECONDS
        try:
            return await asyncio.wait_for(asyncio.shield(self._fetch(key, subject)), max(0.0, deadline - now))
        except TimeoutError:
            detail = "The issuer of tokens did not answer before the deadline."
            raise DeadlineExceeded(detail) from None

    def _fetch(self, key: Key, subject: str) -> asyncio.Task[str]:
        """Return the one fetch that is under way for `key`, beginning it where there is none."""
        task = self._fetching.get(key)
        if task is None:
            task = self._fetching[key] = asyncio.create_task(self._fetch_and_keep(key, subject))
            task.add_done_callback(lambda done: self._fetched(key, done))
        return task

    def _fetched(self, key: Key, task: asyncio.Task[str]) -> None:
        del self._fetching[key]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("no token for %s: %s", key[1], error)
            if isinstance(error, Unavailable) and key in self._held:
                self._renew_later(key, RENEW_AGAIN_SECONDS)

    def _renew_later(self, key: Key, seconds: float) -> None:
        """Replace a token of the service's own in a while; a user's is only wanted as long as they call."""
        if key[0]:
            return
        if (planned := self._renewals.get(key)) is not None:
            planned.cancel()
        self._renewals[key] = asyncio.get_running_loop().call_later(seconds, self._renew, key)

    def _renew(self, key: Key) -> None:
        if key in self._held:  # else somebody refused it, and the next call fetches another
            self._fetch(key, "")

    async def _fetch_and_keep(self, key: Key, subject: str) -> str:
        asked = self._clock()
        try:
            answer = await self._ask(key, subject)
        except Unavailable:
            self._failing, self._down_until = True, self._clock() + self._uniform(*PATIENCE)
            raise
        except ServiceError:
            self._failing, self._down_until = False, 0.0
            raise
        self._failing, self._down_until = False, 0.0
        token = answer.access_token.get_secret_value()
        life = answer.expires_in
        held = self._held[key] = Held(token, asked + life - ENDED, asked + life * self._uniform(*AHEAD))
        self._renew_later(key, max(SHORTEST_SECONDS, held.renew_from - self._clock()))
        while len(self._held) > MOST_KEPT:
            self._held.popitem(last=False)
        return token

    async def _ask(self, key: Key, subject: str) -> TokenAnswer:
        _, audience, scopes = key
        form = {"grant_type": TOKEN_EXCHANGE if subject else CLIENT_CREDENTIALS, "audience": audience}
        form |= {"scope": scopes} if scopes else {}
        form |= {"subject_token": subject, "subject_token_type": ACCESS_TOKEN} if subject else {}
        headers = {
            "authorization": self._client.authorization,
            "content-type": FORM_MEDIA_TYPE,
            "accept": "application/json",
        }
        request = Outgoing("POST", self._target, headers, urlencode(form).encode())
        try:
            answer = await self._transport.send(request, seconds=FETCH_SECONDS)
        except TransportFailure as failure:
            detail = f"The issuer of tokens {failure}."
            raise Unavailable(detail) from None
        if answer.status >= 500 or answer.status == 429:
            detail = f"The issuer of tokens answered {answer.status}."
            raise Unavailable(detail)
        if answer.status != 200:
            raise _refused(answer.body, of_user=bool(subject))
        try:
            return TokenAnswer.model_validate_json(answer.body)
        except ValidationError:
            detail = "The issuer of tokens answered without a token."
            raise UpstreamFailed(detail) from None


def _refused(body: bytes, *, of_user: bool) -> ServiceError:
    try:
        error = Refusal.model_validate_json(body).error
    except ValidationError:
        error = ""
    if of_user and error in {"invalid_grant", "invalid_request"}:
        return NotAuthenticated("The access token is no longer good.")
    code = error if error.isidentifier() and len(error) < 64 else "an error"
    return UpstreamFailed(f"The issuer of tokens refused this service: {code}.")
