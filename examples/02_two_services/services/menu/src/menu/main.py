"""What there is to eat, and how to order it."""

from arnia.chassis.application import Application, create_app
from arnia.chassis.links import Link, Resource
from arnia.chassis.process import run
from arnia.chassis.replies import Reply, ok
from arnia.chassis.routing import Router
from arnia.chassis.security import anyone
from arnia.chassis.settings import ServiceSettings, service_settings
from arnia.errors import NotFound

PIZZAS = {"margherita": 750, "marinara": 650}


class Settings(ServiceSettings):
    model_config = service_settings("menu")


class Pizza(Resource):
    name: str
    cents: int


router = Router(version=1, prefix="/pizzas", tags=["menu"], dependencies=[anyone])


@router.get("/{name}")
async def read_pizza(name: str) -> Reply[Pizza]:
    if name not in PIZZAS:
        raise NotFound("This pizza is not on the menu.")
    links = {"self": Link(href=f"/api/v1/pizzas/{name}"), "order": Link(href="/api/v1/orders", method="POST")}
    return ok(Pizza(name=name, cents=PIZZAS[name], links=links), etag=f"{name}-{PIZZAS[name]}")


def create() -> Application:
    return create_app(service="menu", settings=Settings, routers=[router])


if __name__ == "__main__":
    run(create)
