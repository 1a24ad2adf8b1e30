"""The reference ecosystem: drones deliver parcels. Everything that runs is on this page."""

from arnia.ecosystem import Database, Ecosystem, Environment, Route, Service

delivery = Service(
    name="delivery",
    owner="logistics",
    uses=("delivery-db",),
    emits=("delivery.created", "delivery.rescheduled", "delivery.completed", "delivery.cancelled"),
    exposes=(Route(path="/api/v1/deliveries"), Route(path="/api/v2/deliveries")),
)

drone = Service(
    name="drone",
    owner="fleet",
    uses=("drone-db",),
    emits=("drone.registered", "drone.changed", "drone.removed", "drone.reserved", "drone.released"),
    exposes=(Route(path="/api/v1/drones"),),
)

ecosystem = Ecosystem(
    name="drone-delivery",
    services=(delivery, drone),
    resources=(Database(name="delivery-db"), Database(name="drone-db")),
    environments=(
        Environment(name="local"),
        Environment(
            name="production",
            host="drones.example",
            registry="registry.example/drone-delivery",
            replicas={"delivery": 2, "drone": 2},
        ),
    ),
)
