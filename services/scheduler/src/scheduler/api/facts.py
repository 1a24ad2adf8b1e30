"""What the scheduler hears of deliveries. Only what is wanted is kept here; the driver asks for it."""

from typing import Final

from arnia.chassis.hearers import Heard, Hearer, Reception
from scheduler.api.driving import Driving
from scheduler.repositories.assignments import Work
from scheduler.repositories.sql import SqlAssignments
from scheduler.services.saga import Saga

UNWEIGHED_GRAMS: Final = 5000
"""What a delivery is taken to weigh whose event is from before they told their weight."""

facts = Hearer()


class DeliveryCreated(Heard):
    """A customer has ordered a delivery."""

    topic = "delivery.created"

    weight_grams: int = UNWEIGHED_GRAMS


class DeliveryChanged(Heard):
    """It goes elsewhere, or carries something else."""

    topic = "delivery.changed"

    weight_grams: int


class DeliveryRescheduled(Heard):
    """It takes place at another time."""

    topic = "delivery.rescheduled"


class DeliveryCompleted(Heard):
    """Somebody has received the items."""

    topic = "delivery.completed"


class DeliveryCancelled(Heard):
    """It will not take place."""

    topic = "delivery.cancelled"


def saga(reception: Reception) -> Saga:
    """Return the use cases, within the transaction in which the event is remembered."""
    if isinstance(reception.kept, Driving):
        reception.kept.wake()
    return Saga(Work(SqlAssignments(reception.session), reception.session))


@facts.on(DeliveryCreated)
async def want(event: DeliveryCreated, reception: Reception) -> None:
    """Want a drone for it."""
    await saga(reception).want(event.aggregate_id, event.weight_grams)


@facts.on(DeliveryChanged)
async def weigh(event: DeliveryChanged, reception: Reception) -> None:
    """Want one that carries what it weighs now."""
    await saga(reception).weigh(event.aggregate_id, event.weight_grams)


@facts.on(DeliveryRescheduled)
async def retry(event: DeliveryRescheduled, reception: Reception) -> None:
    """Want one again, where there was none."""
    await saga(reception).retry(event.aggregate_id)


@facts.on(DeliveryCompleted)
async def finish(event: DeliveryCompleted, reception: Reception) -> None:
    """Give its drone back."""
    await saga(reception).close(event.aggregate_id)


@facts.on(DeliveryCancelled)
async def close(event: DeliveryCancelled, reception: Reception) -> None:
    """Want none any more."""
    await saga(reception).close(event.aggregate_id)
