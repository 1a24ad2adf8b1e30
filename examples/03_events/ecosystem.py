"""A shop that tells of its orders, and a kitchen that hears of them: neither calls the other, or waits for it."""

from arnia.ecosystem import Broker, Database, Ecosystem, Environment, Route, Service

shop = Service(
    name="shop",
    owner="counter",
    uses=("events", "shop-db"),
    emits=("order.placed",),
    exposes=(Route(path="/api/v1/orders"),),
)
kitchen = Service(
    name="kitchen",
    owner="cooks",
    uses=("events", "kitchen-db"),
    hears=("order.placed",),
    exposes=(Route(path="/api/v1/dishes"),),
)

ecosystem = Ecosystem(
    name="pizzeria",
    services=(kitchen, shop),
    resources=(Broker(name="events"), Database(name="kitchen-db"), Database(name="shop-db")),
    environments=(Environment(name="local"),),
)
