"""Drones as the API shows them: masses in kilograms, whatever the domain counts in."""

from datetime import datetime
from typing import Annotated, Final, Self
from uuid import UUID

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from arnia.chassis.cursors import CollectionQuery
from arnia.chassis.links import Links, Resource
from arnia.chassis.schemas import Body
from drone.models import drones, values
from drone.models.drones import Status
from drone.models.values import (
    MAX_MASS_KG,
    Battery,
    DroneName,
    Latitude,
    Longitude,
    ModelName,
    kilograms,
    whole_grams_covering,
    whole_grams_within,
)
from drone.repositories.drones import Filters, Sort

GRAM: Final = 0.001
MOST_DELIVERIES: Final = 100
"""As many as a page of deliveries has: whoever shows one asks for all its drones at once."""
EXAMPLE: Final[JsonDict] = {
    "name": "Maia",
    "model": "Carrier 5",
    "capacity_kg": 5.0,
    "battery": 80,
    "position": {"latitude": 45.4642, "longitude": 9.19},
}

Capacity = Annotated[
    float,
    Field(
        strict=True,
        ge=GRAM,
        le=MAX_MASS_KG,
        allow_inf_nan=False,
        description="What it carries, in kilograms; counted in whole grams, a fraction of one is dropped.",
    ),
]


class Position(Body):
    """A point on the Earth's surface (WGS 84)."""

    latitude: Latitude
    longitude: Longitude

    @classmethod
    def of(cls, position: values.Position) -> Self:
        """Show a position of the domain."""
        return cls(latitude=position.latitude, longitude=position.longitude)

    def position(self) -> values.Position:
        """Return what this means in the domain."""
        return values.Position(latitude=self.latitude, longitude=self.longitude)


class StatusBody(Body):
    """What a drone does, or is to do."""

    status: Status = Field(description="`launch` leads to flying, `charge` to charging, `retire` to retired.")


class DroneBody(Body):
    """What whoever runs the fleet decides about a drone."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    name: DroneName
    model: ModelName
    capacity_kg: Capacity
    battery: Battery
    position: Position

    @classmethod
    def of(cls, specification: values.Specification) -> Self:
        """Show a specification of the domain, as it could have been sent."""
        return cls(
            name=specification.name,
            model=specification.model,
            capacity_kg=kilograms(specification.capacity_grams),
            battery=specification.battery,
            position=Position.of(specification.position),
        )

    def specification(self) -> values.Specification:
        """Return what this means in the domain."""
        return values.Specification(
            name=self.name,
            model=self.model,
            capacity_grams=whole_grams_within(self.capacity_kg),
            battery=self.battery,
            position=self.position.position(),
        )


class DroneReplacement(DroneBody):
    """A whole drone; it may repeat its identity, which then has to be that of the URL."""

    id: UUID | None = None


class DroneView(Resource):
    """A drone, and what can be done with it now."""

    id: UUID
    name: str
    model: str
    capacity_kg: float
    free_kg: float = Field(description="What of the capacity is not reserved.")
    battery: int
    position: Position
    status: Status
    carries: tuple[UUID, ...] = Field(default=(), description="Those of the deliveries asked for that it carries.")
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, drone: drones.Drone, links: Links, carries: tuple[UUID, ...] = ()) -> Self:
        """Show a drone of the domain, and which of the deliveries that the caller named it carries."""
        return cls(
            id=drone.id,
            **dict(DroneBody.of(drone.specification)),
            free_kg=kilograms(drone.free_grams),
            status=drone.status,
            carries=carries,
            created_at=drone.created_at,
            updated_at=drone.updated_at,
            links=links,
        )


class DronePage(Resource):
    """Some drones, in order, and the way to the next ones."""

    items: tuple[DroneView, ...]


class DroneQuery(CollectionQuery):
    """Which drones to list, and in which order."""

    sort: Sort = Field(default=Sort.CREATED_AT, description="Order; a leading - means the last first.")
    status: Status | None = Field(default=None, description="What they are doing.")
    model: ModelName | None = Field(default=None, description="What their maker calls them.")
    min_free_kg: float | None = Field(
        default=None, ge=0, le=MAX_MASS_KG, allow_inf_nan=False, description="At least so much is not reserved."
    )
    min_battery: int | None = Field(default=None, ge=0, le=100, description="Charged to at least so many percent.")

    delivery_id: list[UUID] | None = Field(
        default=None, min_length=1, max_length=MOST_DELIVERIES, description="They carry one of these deliveries."
    )

    def filters(self) -> Filters:
        """Return what this means in the domain."""
        free = None if self.min_free_kg is None else whole_grams_covering(self.min_free_kg)
        return Filters(
            status=self.status, model=self.model, free_grams=free, battery=self.min_battery, deliveries=self.deliveries
        )

    @property
    def deliveries(self) -> tuple[UUID, ...] | None:
        """The deliveries asked for, each once; None where any drone will do."""
        return None if self.delivery_id is None else tuple(dict.fromkeys(self.delivery_id))
