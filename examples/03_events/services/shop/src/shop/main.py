"""Takes orders, and tells of each: the event is stored in the request's transaction, and sent whoever is away."""

from typing import ClassVar
from uuid import UUID

from arnia.chassis.application import Application, create_app
from arnia.chassis.context import CurrentSession
from arnia.chassis.event_settings import EventSettings
from arnia.chassis.events import Event
from arnia.chassis.models import service_registry
from arnia.chassis.process import run
from arnia.chassis.replies import Reply, created
from arnia.chassis.routing import Router
from arnia.chassis.schemas import View
from arnia.chassis.security import anyone
from arnia.chassis.settings import service_settings
from arnia.chassis.uuids import uuid7


class Settings(EventSettings):
    model_config = service_settings("shop")


class OrderPlaced(Event):
    topic: ClassVar[str] = "order.placed"
    aggregate_type: ClassVar[str] = "order"
    pizza: str


class Order(View):
    id: UUID


TABLES = service_registry().metadata
router = Router(version=1, prefix="/orders", dependencies=[anyone])


@router.post("/{pizza}")
async def place(pizza: str, session: CurrentSession) -> Reply[Order]:
    order = Order(id=uuid7())
    session.emit(OrderPlaced(aggregate_id=order.id, pizza=pizza))
    return created(order, location=f"/api/v1/dishes/{order.id}")


def create() -> Application:
    return create_app(service="shop", settings=Settings, routers=[router], models=TABLES, events=[OrderPlaced])


if __name__ == "__main__":
    run(create)
