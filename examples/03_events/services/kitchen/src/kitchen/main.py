"""Hears of orders, and bakes each once: the dish and the memory of the event are one transaction."""

from uuid import UUID

from sqlalchemy import Column, Table, Text, Uuid, bindparam, insert, select

from arnia.chassis.application import create_app
from arnia.chassis.context import CurrentSession
from arnia.chassis.hearers import Heard, Hearer, Reception
from arnia.chassis.models import service_registry
from arnia.chassis.process import run
from arnia.chassis.replies import Reply, ok
from arnia.chassis.routing import Router
from arnia.chassis.schemas import View
from arnia.chassis.security import anyone
from arnia.chassis.statements import Statement

TABLES = service_registry().metadata
DISHES = Table("dishes", TABLES, Column("id", Uuid, primary_key=True), Column("pizza", Text, nullable=False))
BAKE = Statement(insert(DISHES).values(id=bindparam("id"), pizza=bindparam("pizza")))
BAKED = Statement(select(DISHES.c.pizza).where(DISHES.c.id == bindparam("id")))


class OrderPlaced(Heard):
    topic = "order.placed"
    pizza: str


class Dishes(View):
    pizzas: list[str]


facts = Hearer()
router = Router(version=1, prefix="/dishes", dependencies=[anyone])


@facts.on(OrderPlaced)
async def bake(event: OrderPlaced, reception: Reception) -> None:
    await reception.session.execute(BAKE, id=event.aggregate_id, pizza=event.pizza)


@router.get("/{order_id}")
async def read_dishes(order_id: UUID, session: CurrentSession) -> Reply[Dishes]:
    return ok(Dishes(pizzas=[row["pizza"] for row in await session.fetch_all(BAKED, id=order_id)]))


kitchen = create_app(service="kitchen", routers=[router], models=TABLES, hearers=[facts])

if __name__ == "__main__":
    run(lambda: kitchen)
