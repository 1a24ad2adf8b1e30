"""Signing keys over time: when each is published, when it signs, and when it may be forgotten.

```
published_at ───lead───> signs_from ──────> signs_until ───retention───> removed_at
```

A key is published before it signs for longer than any cache of the key set lives, so that nobody meets a token whose
key they cannot know; and it stays published after it signed for longer than any token lives.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias

from pydantic import JsonValue

Algorithm: TypeAlias = Literal["ES256", "EdDSA"]

LONGEST_TOKEN_SECONDS: Final = 3600
"""No token is ever made to live longer: what a key signed can be verified this long."""
MARGIN_SECONDS: Final = 60
"""What clocks may be apart, and more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A key pair.

    Attributes:
        kid: The thumbprint of the public part (RFC 7638).
        public: The JWK that everybody may read.
        sealed: The private part, encrypted.
        signs_until: When its successor takes over; None while it has none.
        removed_at: When it is published no more; None while that is not known.
    """

    kid: str
    algorithm: Algorithm
    public: dict[str, JsonValue]
    sealed: bytes
    published_at: datetime
    signs_from: datetime
    signs_until: datetime | None = None
    removed_at: datetime | None = None

    def published(self, now: datetime) -> bool:
        """Tell whether the key set shows it."""
        return self.published_at <= now and (self.removed_at is None or now < self.removed_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """When keys change.

    Attributes:
        lead: How long a key is published before it signs.
        rotation: How long a key signs before another is made for its place.
    """

    lead: timedelta
    rotation: timedelta


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Every key that is kept, in the order in which they sign."""

    keys: tuple[SigningKey, ...] = ()

    @classmethod
    def of(cls, keys: Sequence[SigningKey]) -> "KeyRing":
        """Return the ring of `keys`, in whichever order they come."""
        return cls(tuple(sorted(keys, key=lambda key: (key.signs_from, key.kid))))

    def signer(self, now: datetime) -> SigningKey | None:
        """Return the key that signs now: the last one whose time has come and that was not taken back."""
        return next((key for key in reversed(self.keys) if key.signs_from <= now and key.published(now)), None)

    def published(self, now: datetime) -> tuple[SigningKey, ...]:
        """Return the keys that the key set shows now."""
        return tuple(key for key in self.keys if key.published(now))

    def due(self, timing: Timing, now: datetime) -> bool:
        """Tell whether it is time for another key."""
        return not self.keys or self.keys[-1].signs_from + timing.rotation - timing.lead <= now

    def begins_at(self, timing: Timing, now: datetime) -> datetime:
        """Return when a key that is made now begins to sign: the very first at once, as nobody holds a key set yet."""
        return now + timing.lead if self.keys else now

    def ended_by(self, successor: SigningKey) -> SigningKey | None:
        """Return the key from which `successor` takes over, with the end that is known from now on; None if none."""
        before = next((key for key in reversed(self.keys) if key.signs_from <= successor.signs_from), None)
        if before is None:
            return None
        until = successor.signs_from
        removed = until + timedelta(seconds=LONGEST_TOKEN_SECONDS + MARGIN_SECONDS)
        return replace(before, signs_until=until, removed_at=removed)
