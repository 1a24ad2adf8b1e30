"""Hears of orders, and bakes each once: the dish and the memory of the event are one transaction."""

from uuid import UUID

from sqlalchemy import Column, Table, Text, Uuid, bindparam, insert, select

from arnia.chassis.application import Application, create_app
from arnia.chassis.context import CurrentSession
from arnia.chassis.event_settings import EventSettings
from arnia.chassis.hearers import Heard, Hearer, Reception
from arnia.chassis.models import service_registry
from arnia.chassis.process import run
from arnia.chassis.replies import Reply, ok
from arnia.chassis.routing import Router
from arnia.chassis.schemas import View
from arnia.chassis.security import anyone
from arnia.chassis.settings import service_settings
from arnia.chassis.statements import Statement
from arnia.errors import NotFound


class Settings(EventSettings):
    model_config = service_settings("kitchen")


TABLES = service_registry().metadata
DISHES = Table("dishes", TABLES, Column("id", Uuid, primary_key=True), Column("pizza", Text, nullable=False))
BAKE = Statement(insert(DISHES).values(id=bindparam("id"), pizza=bindparam("pizza")))
GET = Statement(select(DISHES).where(DISHES.c.id == bindparam("id")))


class OrderPlaced(Heard):
    topic = "order.placed"
    pizza: str


class Dish(View):
    pizza: str


facts = Hearer()
router = Router(version=1, prefix="/dishes", dependencies=[anyone])


@facts.on(OrderPlaced)
async def bake(event: OrderPlaced, reception: Reception) -> None:
    await reception.session.execute(BAKE, id=event.aggregate_id, pizza=event.pizza)


@router.get("/{order_id}")
async def read_dish(order_id: UUID, session: CurrentSession) -> Reply[Dish]:
    row = await session.fetch_one(GET, id=order_id)
    if row is None:
        raise NotFound("It is not baked yet.")
    return ok(Dish(pizza=row["pizza"]), etag="1")


def create() -> Application:
    return create_app(service="kitchen", settings=Settings, routers=[router], models=TABLES, hearers=[facts])


if __name__ == "__main__":
    run(create)
