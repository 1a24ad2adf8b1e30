"""The issuer of tokens, as a service knows it: its metadata document, and the keys that it publishes.

The addresses come from the settings, and from the metadata that lies at one of them; never from a token.
"""

import asyncio
import re
import ssl
from dataclasses import dataclass
from functools import cache
from typing import Final
from urllib.parse import urlsplit

import httpx2
from pydantic import JsonValue

from arnia.chassis.bodies import parse_json
from arnia.errors import ArniaError, MalformedRequest

__all__ = ["Issuer", "KeySet", "NoKeys"]

CONNECT_SECONDS: Final = 1.0
WHOLE_SECONDS: Final = 3.0
MAX_BYTES: Final = 262_144
WELL_KNOWN: Final = "/.well-known/openid-configuration"
WELL_KNOWN_OAUTH: Final = "/.well-known/oauth-authorization-server"
DEFAULT_AGE: Final = 300.0
SHORTEST_AGE: Final = 5.0
LONGEST_AGE: Final = 3_600.0

_MAX_AGE: Final = re.compile(r"(?:^|[\s,])max-age=(\d{1,9})(?:$|[\s,])", re.IGNORECASE)


class NoKeys(ArniaError):
    """The issuer's keys cannot be had at the moment; the sentence says why."""


@dataclass(frozen=True, slots=True)
class KeySet:
    """A JWK set (RFC 7517), and for how many seconds it is fresh."""

    keys: list[JsonValue]
    max_age: float


class Issuer:
    """Fetches an issuer's keys: within three seconds, 256 KiB at most, no redirect, no proxy of the environment.

    Args:
        issuer: The `iss` of its tokens, a URL.
        jwks_url: Where its keys are; if empty, its metadata document says so (OpenID Connect Discovery, RFC 8414).
        transport: What carries the requests; a test gives its own.
    """

    def __init__(self, issuer: str, jwks_url: str = "", *, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self._issuer = issuer
        self._jwks_url = jwks_url
        self._client = httpx2.AsyncClient(
            timeout=httpx2.Timeout(WHOLE_SECONDS, connect=CONNECT_SECONDS),
            limits=httpx2.Limits(max_connections=2, max_keepalive_connections=0),
            headers={"Accept": "application/json, application/jwk-set+json", "Accept-Encoding": "identity"},
            follow_redirects=False,
            trust_env=False,
            verify=_authorities(),
            transport=transport,
        )

    async def close(self) -> None:
        """Let go of what connections there are."""
        await self._client.aclose()

    async def key_set(self) -> KeySet:
        """Return the issuer's present keys.

        Raises:
            NoKeys: it did not answer in time, or with something else.
        """
        try:
            async with asyncio.timeout(WHOLE_SECONDS):
                url = self._jwks_url or await self._published_url()
                document, max_age = await self._document(url)
        except TimeoutError:
            message = f"the issuer {self._issuer} did not answer within {WHOLE_SECONDS:.0f} s"
            raise NoKeys(message) from None
        keys = document.get("keys")
        if not isinstance(keys, list):
            message = f"{url} is no JWK set"
            raise NoKeys(message)
        return KeySet(keys, max_age)

    async def _published_url(self) -> str:
        try:
            document, _ = await self._document(self._issuer.rstrip("/") + WELL_KNOWN)
        except NoKeys:
            parts = urlsplit(self._issuer)
            path = WELL_KNOWN_OAUTH + parts.path.rstrip("/")
            document, _ = await self._document(parts._replace(path=path).geturl())
        if document.get("issuer") != self._issuer:
            message = f"the metadata of {self._issuer} names another issuer"
            raise NoKeys(message)
        url = document.get("jwks_uri")
        schemes = ("https",) if self._issuer.startswith("https:") else ("https", "http")
        if not isinstance(url, str) or urlsplit(url).scheme not in schemes:
            message = f"the metadata of {self._issuer} names no jwks_uri that can be used"
            raise NoKeys(message)
        return url

    async def _document(self, url: str) -> tuple[dict[str, JsonValue], float]:
        raw = bytearray()
        try:
            async with self._client.stream("GET", url) as response:
                async for chunk in response.aiter_raw():
                    raw += chunk
                    if len(raw) > MAX_BYTES:
                        message = f"{url} answers with more than {MAX_BYTES} bytes"
                        raise NoKeys(message)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            message = f"{url} cannot be reached: {type(error).__name__}"
            raise NoKeys(message) from None
        if response.status_code != httpx2.codes.OK:
            message = f"{url} answers with {response.status_code}"
            raise NoKeys(message)
        try:
            document = parse_json(bytes(raw))
        except MalformedRequest:
            document = None
        if not isinstance(document, dict):
            message = f"{url} is no JSON object"
            raise NoKeys(message)
        return document, _max_age(response.headers.get("cache-control", ""))


def _max_age(cache_control: str) -> float:
    found = _MAX_AGE.search(cache_control)
    return min(max(float(found.group(1)), SHORTEST_AGE), LONGEST_AGE) if found else DEFAULT_AGE


@cache
def _authorities() -> ssl.SSLContext:
    # To read them takes longer than everything else that is done for an issuer at start.
    return httpx2.create_ssl_context(trust_env=False)
