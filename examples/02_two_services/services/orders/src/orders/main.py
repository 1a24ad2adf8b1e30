"""Orders in PostgreSQL: the row and its event are one transaction, which the chassis commits before it answers."""

from typing import Annotated
from uuid import UUID

from pydantic import Field
from sqlalchemy import bindparam, insert, select
from sqlalchemy.orm import DeclarativeBase, Mapped

from arnia.chassis.application import Application, create_app
from arnia.chassis.context import CurrentSession
from arnia.chassis.events import Event
from arnia.chassis.links import Link, Resource
from arnia.chassis.models import Identified, service_registry
from arnia.chassis.process import run
from arnia.chassis.replies import Reply, created, ok
from arnia.chassis.routing import Router
from arnia.chassis.schemas import Body
from arnia.chassis.security import anyone
from arnia.chassis.statements import Statement
from arnia.chassis.uuids import uuid7
from arnia.errors import NotFound


class Base(DeclarativeBase):
    registry = service_registry()


class OrderRow(Identified, Base):
    __tablename__ = "orders"
    pizza: Mapped[str]
    quantity: Mapped[int]


TABLE = OrderRow.metadata.tables["orders"]
ADD = Statement(insert(TABLE).values({name: bindparam(name) for name in ("id", "pizza", "quantity")}))
GET = Statement(select(TABLE).where(TABLE.c.id == bindparam("id")))


class OrderBody(Body):
    pizza: Annotated[str, Field(pattern="^[a-z]+$", max_length=40)]
    quantity: Annotated[int, Field(ge=1, le=20)] = 1


class Order(Resource):
    id: UUID
    pizza: str
    quantity: int


class OrderPlaced(Event):
    topic = "order.placed"
    pizza: str
    quantity: int


router = Router(version=1, prefix="/orders", tags=["orders"], dependencies=[anyone])


def show(order_id: UUID, pizza: str, quantity: int) -> Order:
    links = {"self": Link(href=f"/api/v1/orders/{order_id}"), "pizza": Link(href=f"/api/v1/pizzas/{pizza}")}
    return Order(id=order_id, pizza=pizza, quantity=quantity, links=links)


@router.post("")
async def place(body: OrderBody, session: CurrentSession) -> Reply[Order]:
    order = show(uuid7(), body.pizza, body.quantity)
    await session.execute(ADD, id=order.id, pizza=order.pizza, quantity=order.quantity)
    session.emit(OrderPlaced(aggregate_id=order.id, pizza=order.pizza, quantity=order.quantity))
    return created(order, location=order.links["self"].href, etag="1")


@router.get("/{order_id}")
async def read_order(order_id: UUID, session: CurrentSession) -> Reply[Order]:
    row = await session.fetch_one(GET, id=order_id)
    if row is None:
        raise NotFound("There is no such order.")
    return ok(show(row["id"], row["pizza"], row["quantity"]), etag="1")


def create() -> Application:
    return create_app(service="orders", routers=[router], models=Base.metadata, events=[OrderPlaced])


if __name__ == "__main__":
    run(create)
