"""An application that stands for the drone service: the two operations that the scheduler calls, over a dictionary."""

from typing import Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from starlette.types import ASGIApp

from arnia.chassis.application import create_app
from arnia.chassis.preconditions import Precondition
from arnia.chassis.replies import Reply, created, no_content, ok
from arnia.chassis.routing import Router
from arnia.chassis.security import anyone
from arnia.chassis.settings import ServiceSettings, service_settings
from arnia.errors import Conflict, NotFound

DRONE: Final = UUID(int=1)


class Wish(BaseModel):
    """What is asked for."""

    model_config = ConfigDict(extra="forbid")

    delivery_id: UUID
    weight_kg: float


class Promise(BaseModel):
    """What is answered."""

    id: UUID
    drone_id: UUID
    delivery_id: UUID


class CapacityExhausted(Conflict):
    """Nothing is left."""

    slug = "drone-capacity-exhausted"


class DeliveryAlreadyReserved(Conflict):
    """Another reservation holds."""

    slug = "drone-delivery-already-reserved"


class ReservationReleased(Conflict):
    """It was given back."""

    slug = "drone-reservation-released"


class Settings(ServiceSettings):
    """Read from `DRONE_...`."""

    model_config = service_settings("drone")


class Fleet:
    """A fleet of one drone.

    Attributes:
        free: How many kilograms it carries besides what it does.
        promised: The delivery and the mass of each reservation.
        late: How many requests come after their reservation was given back.
        fault: Raised instead of any answer.
    """

    def __init__(self, free: float = 1e9) -> None:
        self.free = free
        self.promised: dict[UUID, Wish] = {}
        self.late = 0
        self.asked: list[str] = []
        self.fault: Exception | None = None

    def asgi(self) -> ASGIApp:
        """Return the service; who calls is not looked at here, and the deadline and problems are the chassis'."""
        router = Router(version=1, prefix="/drone-reservations", dependencies=[anyone])

        @router.put("/{reservation_id}")
        async def reserve(reservation_id: UUID, body: Wish, precondition: Precondition) -> Reply[Promise]:
            self._note("PUT")
            promise = Promise(id=reservation_id, drone_id=DRONE, delivery_id=body.delivery_id)
            if reservation_id in self.promised:
                return ok(promise)
            if self.late:
                self.late -= 1
                raise ReservationReleased
            if any(other.delivery_id == body.delivery_id for other in self.promised.values()):
                raise DeliveryAlreadyReserved
            if body.weight_kg > self.free:
                raise CapacityExhausted
            self.free -= body.weight_kg
            self.promised[reservation_id] = body
            return created(promise, location=f"/api/v1/drone-reservations/{reservation_id}")

        @router.delete("/{reservation_id}")
        async def release(reservation_id: UUID, precondition: Precondition) -> Reply[None]:
            self._note("DELETE")
            gone = self.promised.pop(reservation_id, None)
            if gone is None:
                raise NotFound
            self.free += gone.weight_kg
            return no_content()

        return create_app(service="drone", settings=Settings, routers=[router]).asgi(Settings(port=0))

    def _note(self, method: str) -> None:
        self.asked.append(method)
        if self.fault is not None:
            raise self.fault
