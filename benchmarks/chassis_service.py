"""The same two routes as `bare_service.py` on the chassis, with every rule on."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from arnia.chassis.application import Application, create_app
from arnia.chassis.process import run
from arnia.chassis.replies import Reply, created, ok
from arnia.chassis.routing import Router
from arnia.chassis.schemas import Body, View
from arnia.chassis.security import anyone
from arnia.chassis.settings import ServiceSettings, service_settings

router = Router(version=1, prefix="/orders", tags=["orders"], dependencies=[anyone])


class Settings(ServiceSettings):
    """Only what every service has."""

    model_config = service_settings("bench")


class Parcel(Body):
    """What is posted."""

    name: Annotated[str, Field(min_length=3, max_length=50)]
    price: Annotated[float, Field(gt=0)]
    quantity: Annotated[int, Field(ge=0)]


class Order(Body):
    """A validated body with some nesting."""

    reference: str
    parcels: list[Parcel]


class OrderView(View):
    """What both routes answer."""

    id: UUID
    reference: str
    parcels: list[Parcel]


PARCELS = [Parcel(name=f"parcel {index}", price=1.5, quantity=index) for index in range(3)]


@router.get("/{order_id}")
async def read_order(order_id: UUID) -> Reply[OrderView]:
    """Answer from memory."""
    return ok(OrderView(id=order_id, reference="r-1", parcels=PARCELS), etag="1-a")


@router.post("")
async def post_order(body: Order) -> Reply[OrderView]:
    """Answer with what was sent."""
    view = OrderView(id=UUID(int=1), reference=body.reference, parcels=body.parcels)
    return created(view, location=f"/api/v1/orders/{view.id}", etag="1-a")


def create() -> Application:
    """Declare the service."""
    return create_app(service="bench", settings=Settings, routers=[router])


if __name__ == "__main__":
    run(create)
