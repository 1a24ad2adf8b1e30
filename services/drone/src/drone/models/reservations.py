"""The reservation: a part of one drone's capacity, promised to one delivery."""

from datetime import datetime
from uuid import UUID

from drone.models.values import Grams, Value


class Wish(Value):
    """What the scheduler asks for: some drone, any that fits, for a delivery of this mass."""

    id: UUID
    delivery_id: UUID
    weight_grams: Grams


class Reservation(Wish):
    """A wish granted. Never changed: it is kept, or released as a whole."""

    drone_id: UUID
    version: int = 1
    created_at: datetime
    updated_at: datetime

    @classmethod
    def grant(cls, wish: Wish, drone_id: UUID, now: datetime) -> "Reservation":
        """Return the reservation that promises a part of the drone to `wish`."""
        return cls(**wish.model_dump(), drone_id=drone_id, created_at=now, updated_at=now)

    def grants(self, wish: Wish) -> bool:
        """Tell whether this is what `wish` asks for, so that asking again is safe."""
        return (self.id, self.delivery_id, self.weight_grams) == (wish.id, wish.delivery_id, wish.weight_grams)
