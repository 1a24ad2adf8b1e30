"""A shop that tells of its orders, and a kitchen that hears of them: neither calls the other, or waits for it."""

from arnia.ecosystem import Broker, Database, Ecosystem, Route, Service

orders = Route(path="/api/v1/orders")
dishes = Route(path="/api/v1/dishes")
events = Broker(name="events")

shop = Service(name="shop", owner="counter", uses=("events", "orders"), emits=("order.placed",), exposes=(orders,))
kitchen = Service(name="kitchen", owner="cooks", uses=("events", "dishes"), hears=("order.placed",), exposes=(dishes,))

ecosystem = Ecosystem(
    name="pizzeria", services=(kitchen, shop), resources=(events, Database(name="dishes"), Database(name="orders"))
)
