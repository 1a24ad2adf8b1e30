"""Two services that share nothing but an edge: a menu that everybody reads, and orders in a database of their own."""

from arnia.ecosystem import Broker, Database, Ecosystem, Environment, Route, Service

menu = Service(name="menu", owner="kitchen", exposes=(Route(path="/api/v1/pizzas"),))
orders = Service(
    name="orders",
    owner="counter",
    uses=("events", "orders-db"),
    emits=("order.placed",),
    exposes=(Route(path="/api/v1/orders"),),
)

ecosystem = Ecosystem(
    name="pizzeria",
    services=(menu, orders),
    resources=(Broker(name="events"), Database(name="orders-db")),
    environments=(Environment(name="local"),),
)
