"""The keys that verify tokens, kept while they are fresh, and longer while the issuer is down."""

import asyncio
import logging
import time
from base64 import urlsafe_b64decode
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry
from pydantic import JsonValue

from arnia.chassis.bodies import parse_json
from arnia.chassis.issuers import KeySet, NoKeys
from arnia.chassis.tokens import Refusal, SignedToken
from arnia.errors import MalformedRequest, Unavailable

__all__ = ["KeyCache", "Keys", "SharedKey", "ToldKeys", "VerifyingKey", "read_keys", "read_told_keys"]

RSA_BYTES: Final = 256
RETRY_SECONDS: Final = 1.0
PATIENT_RETRY_SECONDS: Final = 5.0
LONGEST_PAUSE_SECONDS: Final = 30.0
"""Between two attempts that no token waits for."""
AHEAD: Final = 0.8
"""The share of their life after which keys are fetched again."""
STALE_SECONDS: Final = 1.0
"""How long a token whose key is known, but has been stale for long, waits for the issuer at most."""
_BY_KIND: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("OKP", "Ed25519"): ("Ed25519", "EdDSA"),
    ("RSA", ""): ("RS256", "PS256", "RS384", "PS384", "RS512", "PS512"),
}
"""Which algorithms a key is good for: the key says so, never the token."""
_MODELS: Final = {"EdDSA": "Ed25519"}
"""RFC 9864 renames it; the signature is the same."""
_SIGNATURE_BYTES: Final = {"ES256": 64, "ES384": 96, "Ed25519": 64, "EdDSA": 64, "HS256": 32}

log: Final = logging.getLogger("arnia.keys")


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A key, and the algorithms that it may be used with."""

    key: Key
    algorithms: tuple[str, ...]

    def verify(self, token: SignedToken) -> None:
        """Let a token pass that this key signed.

        Raises:
            Refusal: the token names an algorithm that is not this key's, or its signature is another's.
        """
        algorithm = token.algorithm
        if algorithm not in self.algorithms:
            raise Refusal("algorithm")
        if len(token.signature) != _SIGNATURE_BYTES.get(algorithm, len(token.signature)):
            raise Refusal("signature")
        model = JWSRegistry.algorithms[_MODELS.get(algorithm, algorithm)]
        try:
            good = model.verify(token.signed, token.signature, self.key)
        except (JoseError, ValueError):
            good = False
        if not good:
            raise Refusal("signature")


class Keys(Protocol):
    """Where a verifier finds the key of a token."""

    @property
    def generation(self) -> int:
        """Counts how often a key was withdrawn; what an older one verified is in doubt."""

    async def find(self, key_id: str) -> VerifyingKey:
        """Return the key with this id.

        Raises:
            Refusal: the issuer has none.
            Unavailable: it cannot be known whether it has.
        """


class KeyCache:
    """The issuer's keys. Requests that need them at the same time share one fetch, and none holds a lock over it.

    Args:
        fetch: Gets the present keys, or raises `NoKeys`.
        algorithms: Which algorithms are accepted.
        refetch_seconds: How often unknown key ids may cause a fetch at most.
        clock: Seconds that never go back.
        sleep: Waits for so many seconds.
    """

    def __init__(
        self,
        fetch: Callable[[], Awaitable[KeySet]],
        algorithms: Collection[str],
        *,
        refetch_seconds: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._fetch = fetch
        self._sleep = sleep
        self._algorithms = algorithms
        self._refetch_seconds = refetch_seconds
        self._clock = clock
        self._keys: dict[str, VerifyingKey] = {}
        self._fetched_at: float | None = None
        self._max_age = 0.0
        self._next_try = self._next_unknown = self._tried_at = float("-inf")
        self._task: asyncio.Task[None] | None = None
        self.generation = 0

    @property
    def age(self) -> float | None:
        """Seconds since the issuer last told its keys; None while it never has."""
        return None if self._fetched_at is None else self._clock() - self._fetched_at

    async def find(self, key_id: str) -> VerifyingKey:
        """Return the key with this id; fresh ones at once, stale ones while the issuer is asked again."""
        key, age = self._keys.get(key_id), self.age
        if age is None or age >= self._max_age:
            fetching = self._refresh()
            if fetching is not None and key is None:
                await asyncio.shield(fetching)
            # Nobody waits for an issuer that was asked lately. A process that was suspended for long shall not trust
            # what was withdrawn meanwhile, unless the issuer cannot say.
            elif fetching is not None and self._clock() - self._tried_at >= 2 * self._max_age:
                await asyncio.wait([fetching], timeout=STALE_SECONDS)
        elif key is None:
            fetching = self._refresh_for_unknown()
            if fetching is not None:
                await asyncio.shield(fetching)
        key = self._keys.get(key_id)
        if key is None and self._fetched_at is None:
            detail = "The issuer of tokens cannot be asked for its keys, and has not told them yet."
            raise Unavailable(detail, retry_after=2)
        if key is None:
            raise Refusal("key")
        return key

    async def keep(self) -> None:
        """Fetch the keys before the first token needs them, and again before they are stale, until cancelled."""
        pause = RETRY_SECONDS
        while True:
            fetching = self._refresh()
            if fetching is not None:
                await asyncio.shield(fetching)
            left = 0.0 if self.age is None else AHEAD * self._max_age - self.age
            if left > 0:
                pause = RETRY_SECONDS
                await self._sleep(left)
            else:
                await self._sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def close(self) -> None:
        """End a fetch that is under way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def _refresh(self) -> asyncio.Task[None] | None:
        now = self._clock()
        if self._task is None and now >= self._next_try:
            self._next_try = now + (RETRY_SECONDS if self._fetched_at is None else PATIENT_RETRY_SECONDS)
            self._task = asyncio.create_task(self._load())
        return self._task

    def _refresh_for_unknown(self) -> asyncio.Task[None] | None:
        now = self._clock()
        if self._task is None and now >= self._next_unknown:
            self._next_unknown = now + self._refetch_seconds
            self._task = asyncio.create_task(self._load())
        return self._task

    async def _load(self) -> None:
        try:
            found = await self._fetch()
        except NoKeys as error:
            log.warning("the keys of the issuer were not refreshed, those known are kept: %s", error)
            return
        finally:
            self._task, self._tried_at = None, self._clock()
        keys = read_keys(found.keys, self._algorithms)
        if any(_differs(key, keys.get(key_id)) for key_id, key in self._keys.items()):
            self.generation += 1
        self._keys, self._max_age, self._fetched_at = keys, found.max_age, self._clock()


class ToldKeys:
    """Public keys that the settings hold: nobody is asked for others, and none of them is withdrawn while we run.

    Args:
        text: A JWK set, as `read_told_keys` takes it.
        algorithms: Which algorithms are accepted.
    """

    generation = 0

    def __init__(self, text: str, algorithms: Collection[str]) -> None:
        self._keys = read_told_keys(text, algorithms)

    async def find(self, key_id: str) -> VerifyingKey:
        """Return the key with this id."""
        key = self._keys.get(key_id)
        if key is None:
            raise Refusal("key")
        return key


class SharedKey:
    """A secret that issuer and service share (HS256): whoever verifies could issue as well, so nobody else may."""

    generation = 0
    age = None

    def __init__(self, secret: str) -> None:
        self._key = VerifyingKey(OctKey.import_key(secret), ("HS256",))

    async def find(self, key_id: str) -> VerifyingKey:  # noqa: ARG002 - there is one
        """Return the key."""
        return self._key


def read_keys(keys: Sequence[JsonValue], algorithms: Collection[str]) -> dict[str, VerifyingKey]:
    """Return, by id, those of the `keys` of an issuer's JWK set that can sign with one of `algorithms`."""
    found: dict[str, VerifyingKey] = {}
    for given in keys:
        try:
            found |= _read_key(given, algorithms)
        except _BadKey as error:
            log.warning("a key of the issuer is not trusted: it %s", error)
    return found


def read_told_keys(text: str, algorithms: Collection[str]) -> dict[str, VerifyingKey]:
    """Return, by id, the keys of a JWK set (RFC 7517, 5) that somebody wrote down: each must be good for something.

    Raises:
        ValueError: it is no JWK set, or one of its keys is secret or malformed, has no id or another's, or verifies
            nothing here.
    """
    try:
        document = parse_json(text.encode())
    except MalformedRequest:
        document = None
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list) or not keys:
        message = 'it must be a JWK set: {"keys": [...]} with at least one key'
        raise ValueError(message)
    found: dict[str, VerifyingKey] = {}
    for number, given in enumerate(keys, start=1):
        if isinstance(given, dict) and (secret := _SECRET_MEMBERS & given.keys()):
            message = f"its key {number} is a secret one: give public keys only, without {', '.join(sorted(secret))}"
            raise ValueError(message)
        try:
            read = _read_key(given, algorithms)
        except _BadKey as error:
            message = f"its key {number} {error}"
            raise ValueError(message) from None
        if not read:
            message = f"its key {number} verifies nothing: it must have a kid, and be for {', '.join(algorithms)}"
            raise ValueError(message)
        if not found.keys().isdisjoint(read):
            message = f"its key {number} has the kid of another one"
            raise ValueError(message)
        found |= read
    return found


class _BadKey(Exception):
    """A key that should verify tokens, and must not or cannot; why, as what is said of it."""


def _read_key(given: JsonValue, algorithms: Collection[str]) -> dict[str, VerifyingKey]:
    """Return a key by its id; nothing where it is for something else, or has no id.

    Raises:
        _BadKey: It is private or malformed.
    """
    if not isinstance(given, dict):
        return {}
    uses = given.get("key_ops", ["verify"])
    if given.get("use", "sig") != "sig" or not isinstance(uses, list) or "verify" not in uses:
        return {}
    if "d" in given:
        message = "is private"
        raise _BadKey(message)
    members = {name: value for name, value in given.items() if name in _MEMBERS and isinstance(value, str)}
    kind, curve = members.get("kty", ""), members.get("crv", "")
    own = given.get("alg")
    names = _BY_KIND.get((kind, curve), ())
    # A key of Ed25519 has one algorithm under two names, and says either.
    named = names if kind == "OKP" and own in names else (own,)
    fit = tuple(name for name in names if name in algorithms and (own is None or name in named))
    if not fit:
        return {}
    try:
        key = VerifyingKey(_import(kind, members), fit)
    except (JoseError, ValueError, KeyError, TypeError) as error:
        message = f"cannot be read ({type(error).__name__})"
        raise _BadKey(message) from None
    key_id = given.get("kid")
    return {key_id: key} if isinstance(key_id, str) and key_id else {}


_MEMBERS: Final = frozenset({"kty", "crv", "x", "y", "n", "e"})
_SECRET_MEMBERS: Final = frozenset({"k", "d", "p", "q", "dp", "dq", "qi", "oth"})
"""Symmetric and private keys (RFC 7518, 6)."""


def _import(kind: str, members: Mapping[str, str]) -> Key:
    if kind == "EC":
        return ECKey.import_key(dict(members))
    if kind == "OKP":
        return OKPKey.import_key(dict(members))
    modulus = members["n"]
    if len(urlsafe_b64decode(modulus + "=" * (-len(modulus) % 4))) < RSA_BYTES:
        message = "an RSA key has at least 2048 bits"
        raise ValueError(message)
    return RSAKey.import_key(dict(members))


def _differs(before: VerifyingKey, after: VerifyingKey | None) -> bool:
    return after is None or before.algorithms != after.algorithms or before.key.as_dict() != after.key.as_dict()
