"""Assignments as the API shows them: masses in kilograms, whatever the domain counts in."""

from datetime import datetime
from typing import Annotated, Final, Self
from uuid import UUID

from pydantic import ConfigDict, Field

from arnia.chassis.cursors import CollectionQuery
from arnia.chassis.links import Links, Resource
from arnia.chassis.schemas import Body
from scheduler.models.assignments import Assignment, Status
from scheduler.models.values import MAX_MASS_KG, kilograms, whole_grams_covering
from scheduler.repositories.assignments import Filters, Sort

GRAM: Final = 0.001
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


class AssignmentBody(Body):
    """What a delivery needs of a drone; it may repeat the delivery's identity, which then has to be the URL's."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"weight_kg": 1.5}]})

    weight_kg: Weight
    id: UUID | None = None

    @property
    def grams(self) -> int:
        """The mass as the domain counts it."""
        return whole_grams_covering(self.weight_kg)


class AssignmentView(Resource):
    """Which drone carries a delivery, and what can be done about it now."""

    id: UUID = Field(description="The delivery's.")
    weight_kg: float
    status: Status = Field(
        description="`requested` and `releasing`: the fleet's answer is not known; the same PUT or DELETE finds out."
    )
    drone_id: UUID | None = None
    refusal: str | None = Field(default=None, description="Why no drone carries it: the last part of a problem's type.")
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, assignment: Assignment, links: Links) -> Self:
        """Show an assignment of the domain."""
        return cls(
            id=assignment.id,
            weight_kg=kilograms(assignment.weight_grams),
            status=assignment.status,
            drone_id=assignment.drone_id,
            refusal=assignment.refusal,
            created_at=assignment.created_at,
            updated_at=assignment.updated_at,
            links=links,
        )


class AssignmentPage(Resource):
    """Some assignments, in order, and the way to the next ones."""

    items: tuple[AssignmentView, ...]


class AssignmentQuery(CollectionQuery):
    """Which assignments to list, and in which order."""

    sort: Sort = Field(default=Sort.CREATED_AT, description="Order; a leading - means the last first.")
    status: Status | None = Field(default=None, description="How far they are.")

    def filters(self) -> Filters:
        """Return what this means in the domain."""
        return Filters(status=self.status)
