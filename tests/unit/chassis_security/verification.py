"""What the tests of tokens share: a clock that stands still, and a verifier that knows an issuer's keys."""

import time
from collections.abc import Collection
from dataclasses import dataclass, field

from arnia.chassis.issuers import Issuer, KeySet
from arnia.chassis.keys import KeyCache
from arnia.chassis.revocations import Revocations
from arnia.chassis.tokens import Expected
from arnia.chassis.verifier import Verifier
from arnia.testing.issuer import TestIssuer

AUDIENCE = "delivery"
ALGORITHMS = ("ES256", "Ed25519", "EdDSA")


@dataclass
class Clock:
    """Moves when a test says so."""

    now: float = field(default_factory=time.time)

    def __call__(self) -> float:
        return self.now


def cache_of(issuer: TestIssuer, clock: Clock, algorithms: Collection[str] = ALGORITHMS) -> KeyCache:
    """Return a cache of the keys that `issuer` publishes over HTTP."""
    source = Issuer(issuer.url)
    return KeyCache(source.key_set, algorithms, clock=clock)


def verifier_of(issuer: TestIssuer, clock: Clock, revocations: Revocations | None = None) -> Verifier:
    """Return a verifier of the tokens that `issuer` makes for `AUDIENCE`."""
    return Verifier(
        keys=cache_of(issuer, clock),
        expected=Expected(issuer=issuer.url, audience=AUDIENCE),
        revocations=revocations or Revocations(clock=clock),
        clock=clock,
    )


@dataclass
class Published:
    """A source of keys without a network: what it gives, and how often it was asked."""

    issuer: TestIssuer
    asked: int = 0

    async def __call__(self) -> KeySet:
        self.asked += 1
        keys = self.issuer.key_set()["keys"]
        assert isinstance(keys, list)
        return KeySet(keys, 60.0)
