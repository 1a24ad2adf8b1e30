"""Signing keys as the API shows them: when each signs, and never the private part."""

from datetime import datetime
from enum import StrEnum
from typing import Self

from arnia.chassis.links import Links, Resource
from identity.models.keys import Algorithm, KeyRing, SigningKey


class Turn(StrEnum):
    """Where a key stands in its life."""

    NEXT = "next"
    SIGNING = "signing"
    RETIRED = "retired"
    REMOVED = "removed"


class SigningKeyView(Resource):
    """A signing key."""

    kid: str
    algorithm: Algorithm
    turn: Turn
    published_at: datetime
    signs_from: datetime
    signs_until: datetime | None
    removed_at: datetime | None

    @classmethod
    def of(cls, key: SigningKey, ring: KeyRing, now: datetime, links: Links) -> Self:
        """Show a key of `ring` as it stands `now`."""
        return cls(
            kid=key.kid,
            algorithm=key.algorithm,
            turn=_turn(key, ring, now),
            published_at=key.published_at,
            signs_from=key.signs_from,
            signs_until=key.signs_until,
            removed_at=key.removed_at,
            links=links,
        )


class SigningKeyList(Resource):
    """Every key that is kept, in the order in which they sign: a handful."""

    items: tuple[SigningKeyView, ...]


def _turn(key: SigningKey, ring: KeyRing, now: datetime) -> Turn:
    if not key.published(now):
        return Turn.REMOVED
    if now < key.signs_from:
        return Turn.NEXT
    return Turn.SIGNING if key == ring.signer(now) else Turn.RETIRED
