"""Tokens into principals: verified once, then remembered until they end, a minute at the longest."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

from arnia.chassis.keys import Keys
from arnia.chassis.principals import Principal
from arnia.chassis.revocations import Revocations
from arnia.chassis.tokens import Expected, Refusal, believe, dissect, issued_at

__all__ = ["Verifier"]

LONGEST_SECONDS: Final = 60.0
CAPACITY: Final = 4_096


@dataclass(slots=True)
class _Remembered:
    principal: Principal
    issued_at: int
    until: float


@dataclass(slots=True, kw_only=True)
class Verifier:
    """Says who calls.

    Attributes:
        capacity: How many tokens are remembered; the one that was used longest ago goes first.
        clock: Seconds since 1970.
        refusals: How many tokens were refused, by reason.
    """

    keys: Keys
    expected: Expected
    revocations: Revocations
    capacity: int = CAPACITY
    clock: Callable[[], float] = time.time
    refusals: dict[str, int] = field(default_factory=dict)
    _remembered: OrderedDict[bytes, _Remembered] = field(default_factory=OrderedDict)
    _generation: int = 0

    def remembered(self, token: bytes) -> Principal | None:
        """Return who calls with `token` if that is known already; costs one digest and one look-up.

        Raises:
            Unavailable: revocations cannot be known, and the service was told to refuse then.
        """
        if self._generation != self.keys.generation:
            self._remembered.clear()
            self._generation = self.keys.generation
            return None
        digest = blake2b(token, digest_size=16).digest()
        found = self._remembered.get(digest)
        if found is None:
            return None
        if found.until <= self.clock():
            del self._remembered[digest]
            return None
        if self._revoked(found.principal, found.issued_at):
            del self._remembered[digest]
            return None
        self._remembered.move_to_end(digest)
        return found.principal

    async def verify(self, token: bytes) -> Principal:
        """Return who calls with `token`.

        Raises:
            Refusal: the token is not believed.
            Unavailable: the issuer's keys, or revocations, cannot be known.
        """
        try:
            return self.remembered(token) or await self._verify(token)
        except Refusal as refusal:
            self.refusals[refusal.reason] = self.refusals.get(refusal.reason, 0) + 1
            raise

    async def _verify(self, token: bytes) -> Principal:
        signed = dissect(token, self.expected.types)
        key = await self.keys.find(signed.key_id)
        generation = self.keys.generation
        key.verify(signed)
        now = self.clock()
        principal = believe(signed.claims, self.expected, now)
        issued = issued_at(signed.claims)
        if self._revoked(principal, issued):
            raise Refusal("revoked")
        if generation == self._generation:
            until = min(principal.expires_at + self.expected.leeway, now + LONGEST_SECONDS)
            self._remembered[blake2b(token, digest_size=16).digest()] = _Remembered(principal, issued, until)
            if len(self._remembered) > self.capacity:
                self._remembered.popitem(last=False)
        return principal

    def _revoked(self, principal: Principal, issued: int) -> bool:
        revocations = self.revocations
        if revocations.demanding:
            revocations.check_current()
        return not revocations.empty and revocations.holds(principal, issued)
