"""What the delivery service hears of the scheduler: which drone takes a delivery, or why none does."""

from datetime import datetime
from typing import Final
from uuid import UUID

from arnia.chassis.hearers import Heard, Hearer, Reception
from arnia.chassis.ownership import Ownership
from delivery.models.deliveries import Action, Delivery
from delivery.repositories.sql import SqlDeliveries
from delivery.services.deliveries import DeliveryService

EVERYBODYS: Final = Ownership(subject="delivery", everything=True)

facts = Hearer()


class AssignmentReserved(Heard):
    """A drone is promised to a delivery."""

    topic = "assignment.reserved"

    drone_id: UUID


class AssignmentReleased(Heard):
    """The drone that was promised is not any more."""

    topic = "assignment.released"

    drone_id: UUID


class AssignmentRefused(Heard):
    """No drone is found for a delivery."""

    topic = "assignment.refused"

    refusal: str


def deliveries(reception: Reception) -> DeliveryService:
    """Return the use cases, within the transaction in which the event is remembered."""
    return DeliveryService(SqlDeliveries(reception.session, EVERYBODYS), reception.session)


@facts.on(AssignmentReserved)
async def schedule(event: AssignmentReserved, reception: Reception) -> None:
    """Give the delivery to the drone, unless it is on its way or over: then the scheduler hears that it is."""

    def step(delivery: Delivery, now: datetime) -> Delivery:
        return delivery.assign(event.drone_id, now) if delivery.allows(Action.ASSIGN) else delivery

    await deliveries(reception).hear(event.aggregate_id, step)


@facts.on(AssignmentReleased)
async def take_back(event: AssignmentReleased, reception: Reception) -> None:
    """Let the delivery wait for another drone."""
    await deliveries(reception).hear(event.aggregate_id, lambda each, now: each.unassign(event.drone_id, now))


@facts.on(AssignmentRefused)
async def refuse(event: AssignmentRefused, reception: Reception) -> None:
    """Show why the delivery waits."""
    await deliveries(reception).hear(event.aggregate_id, lambda each, now: each.refuse(event.refusal, now))
