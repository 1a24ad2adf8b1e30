"""Reservations as the backend API shows them."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field

from arnia.chassis.links import Links, Resource
from arnia.chassis.schemas import Body
from drone.models import reservations
from drone.models.values import MAX_MASS_KG, kilograms, whole_grams_covering
from drone.schemas.drones import GRAM

Weight = Annotated[
    float,
    Field(
        strict=True,
        ge=GRAM,
        le=MAX_MASS_KG,
        allow_inf_nan=False,
        description="What is to be carried, in kilograms; counted in whole grams, a fraction of one counts as one.",
    ),
]


class ReservationBody(Body):
    """What is to be carried, for which delivery."""

    delivery_id: UUID
    weight_kg: Weight

    def wish(self, reservation_id: UUID) -> reservations.Wish:
        """Return what this means in the domain."""
        grams = whole_grams_covering(self.weight_kg)
        return reservations.Wish(id=reservation_id, delivery_id=self.delivery_id, weight_grams=grams)


class ReservationReplacement(ReservationBody):
    """A whole reservation; it may repeat its identity, which then has to be that of the URL."""

    id: UUID | None = None


class ReservationView(Resource):
    """A reservation, and the drone that was chosen for it."""

    id: UUID
    delivery_id: UUID
    drone_id: UUID
    weight_kg: float
    created_at: datetime

    @classmethod
    def of(cls, reservation: reservations.Reservation, links: Links) -> Self:
        """Show a reservation of the domain."""
        return cls(
            id=reservation.id,
            delivery_id=reservation.delivery_id,
            drone_id=reservation.drone_id,
            weight_kg=kilograms(reservation.weight_grams),
            created_at=reservation.created_at,
            links=links,
        )
