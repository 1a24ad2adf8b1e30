"""Takes orders, and tells of each: the event is stored in the request's transaction, and sent whoever is away."""

from arnia.chassis.application import create_app
from arnia.chassis.context import CurrentSession
from arnia.chassis.events import Event
from arnia.chassis.models import service_registry
from arnia.chassis.process import run
from arnia.chassis.replies import Reply
from arnia.chassis.routing import Router
from arnia.chassis.security import anyone
from arnia.chassis.uuids import uuid7


class OrderPlaced(Event):
    topic = "order.placed"
    pizza: str


router = Router(version=1, prefix="/orders", dependencies=[anyone])


@router.post("/{pizza}", status_code=202)
async def place(pizza: str, session: CurrentSession) -> Reply[None]:
    order = OrderPlaced(aggregate_id=uuid7(), pizza=pizza)
    session.emit(order)
    return Reply(None, status=202, location=f"/api/v1/dishes/{order.aggregate_id}")


shop = create_app(service="shop", routers=[router], models=service_registry().metadata, events=[OrderPlaced])

if __name__ == "__main__":
    run(lambda: shop)
