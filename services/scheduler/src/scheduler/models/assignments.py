"""The aggregate: which drone carries a delivery, as far as the scheduler knows it.

```
(none), refused, releasing, released ──request──> requested ──grant───> reserved
                                                  requested ──refuse──> refused
requested, reserved ──release──> releasing ──> released <── refused
requested, reserved ──request another mass──> requested
```

Another service decides, so what is about to be asked of it is kept before it is asked, under an identity that is never
used for anything else: `requested` and `releasing` mean that the answer is not known yet. After a crash, a timeout or a
lost answer the same question is asked again, and asked twice it is one reservation.

A released assignment is gone for everybody outside. Its row stays, so that the identity of the last reservation is
known: whoever requests anew gives that one back first, in case a late request has made it after all. What is still to
be given back is kept as `leftovers`, so that a change of mind is kept at once, whether or not drones can be asked.

A delivery that is over closes its assignment: then nobody requests a drone for it any more.
"""

from datetime import datetime
from enum import StrEnum
from typing import Self
from uuid import UUID

from scheduler.models.values import Grams, Value


class Status(StrEnum):
    """How far an assignment is."""

    REQUESTED = "requested"
    RESERVED = "reserved"
    REFUSED = "refused"
    RELEASING = "releasing"
    RELEASED = "released"


class Assignment(Value):
    """One delivery's place on a drone.

    Attributes:
        id: The delivery's.
        reservation_id: Under which the drone service keeps, or would keep, the place.
        drone_id: The drone; None while none is promised.
        refusal: The slug of why there is none; None where it was not refused.
        leftovers: Earlier reservations that may exist, and have to be given back.
        closed: Whether the delivery is over.
        version: Grows by one with every change.
    """

    id: UUID
    weight_grams: Grams
    reservation_id: UUID
    status: Status = Status.REQUESTED
    drone_id: UUID | None = None
    refusal: str | None = None
    leftovers: tuple[UUID, ...] = ()
    closed: bool = False
    version: int = 1
    created_at: datetime
    updated_at: datetime

    @classmethod
    def request(cls, delivery_id: UUID, weight_grams: int, reservation_id: UUID, now: datetime) -> Self:
        """Return the assignment of a delivery that has none."""
        return cls(
            id=delivery_id, weight_grams=weight_grams, reservation_id=reservation_id, created_at=now, updated_at=now
        )

    @property
    def is_wanted(self) -> bool:
        """Whether a drone is reserved, or about to be."""
        return self.status in {Status.REQUESTED, Status.RESERVED}

    @property
    def is_driven(self) -> bool:
        """Whether something is still to be asked of the drone service."""
        return self.status in {Status.REQUESTED, Status.RELEASING} or bool(self.leftovers)

    def again(self, weight_grams: int, reservation_id: UUID, now: datetime) -> Self:
        """Request a drone anew; whatever became of the last reservation is given back first."""
        return self._next(
            now,
            status=Status.REQUESTED,
            weight_grams=weight_grams,
            reservation_id=reservation_id,
            drone_id=None,
            refusal=None,
            leftovers=(*self.leftovers, self.reservation_id),
            closed=False,
        )

    def grant(self, drone_id: UUID, now: datetime) -> Self:
        """Keep which drone it is."""
        return self._next(now, status=Status.RESERVED, drone_id=drone_id, leftovers=())

    def refuse(self, refusal: str, now: datetime) -> Self:
        """Keep that there is none, and why."""
        return self._next(now, status=Status.REFUSED, refusal=refusal, leftovers=())

    def give_up(self, refusal: str, now: datetime) -> Self:
        """Keep that it took too long: what was asked for may be there, or come, and is given back."""
        leftovers = (*self.leftovers, self.reservation_id)
        return self._next(now, status=Status.REFUSED, refusal=refusal, leftovers=leftovers)

    def release(self, now: datetime) -> Self:
        """Keep that the drone is about to be given back; where none was promised, that it is."""
        if self.status is Status.RELEASING:
            return self
        if self.status is Status.REFUSED:
            return self.released(now)
        return self._next(now, status=Status.RELEASING)

    def released(self, now: datetime) -> Self:
        """Keep that no drone carries it any more; where that was asked for, everything was given back."""
        leftovers = () if self.status is Status.RELEASING else self.leftovers
        return self._next(now, status=Status.RELEASED, drone_id=None, refusal=None, leftovers=leftovers)

    def close(self, now: datetime) -> Self:
        """Keep that the delivery is over: what is promised is about to be given back, and nothing is requested."""
        if self.closed:
            return self
        over = self if self.status is Status.RELEASED else self.release(now)
        return over.model_copy(update={"closed": True, "version": self.version + 1, "updated_at": now})

    def tidied(self) -> Self:
        """Keep that nothing is left to give back; nobody outside can tell."""
        return self.model_copy(update={"leftovers": (), "version": self.version + 1})

    def _next(self, now: datetime, **parts: object) -> Self:
        return self.model_copy(update={**parts, "version": self.version + 1, "updated_at": now})
