"""A larger ecosystem, declared only to be drawn: every kind of edge and of resource is in it."""

from arnia.ecosystem import Broker, Cache, Database, Ecosystem, Environment, Route, Secrets, Service

DELIVERY_EVENTS = ("delivery.created", "delivery.rescheduled", "delivery.completed", "delivery.cancelled")

ecosystem = Ecosystem(
    name="hive",
    services=(
        Service(
            name="bff",
            owner="apps",
            uses=("cache",),
            calls={"delivery": 2, "drone": 1, "identity": 1},
            exposes=(Route(path="/bff/mobile"), Route(path="/bff/web")),
        ),
        Service(
            name="delivery",
            owner="logistics",
            uses=("delivery-db", "broker"),
            emits=DELIVERY_EVENTS,
            exposes=(Route(path="/api/v1/deliveries"), Route(path="/api/v2/deliveries")),
        ),
        Service(
            name="drone",
            owner="fleet",
            uses=("drone-db", "broker"),
            emits=("drone.assigned",),
            exposes=(Route(path="/api/v1/drones"),),
        ),
        Service(
            name="identity",
            owner="platform",
            uses=("identity-db", "vault"),
            exposes=(Route(path="/authorize"), Route(path="/token"), Route(path="/.well-known")),
        ),
        Service(
            name="notification",
            owner="apps",
            uses=("broker", "notification-db"),
            hears=(*DELIVERY_EVENTS, "drone.assigned"),
        ),
        Service(
            name="scheduler",
            owner="fleet",
            uses=("broker", "scheduler-db"),
            calls={"drone": 1},
            hears=("delivery.created",),
        ),
    ),
    resources=(
        Broker(name="broker"),
        Cache(name="cache"),
        Database(name="delivery-db"),
        Database(name="drone-db"),
        Database(name="identity-db"),
        Database(name="notification-db"),
        Database(name="scheduler-db"),
        Secrets(name="vault"),
    ),
    environments=(Environment(name="local", split_versions=("delivery",)), Environment(name="production")),
)
