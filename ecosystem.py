"""The reference ecosystem: drones deliver parcels. Everything that runs is on this page."""

from arnia.ecosystem import Broker, Database, Ecosystem, Environment, Route, Service

delivery = Service(
    name="delivery",
    owner="logistics",
    uses=("delivery-db", "events"),
    emits=("delivery.cancelled", "delivery.changed", "delivery.completed", "delivery.created", "delivery.rescheduled"),
    hears=("assignment.refused", "assignment.released", "assignment.reserved"),
    exposes=(Route(path="/api/v1/deliveries"), Route(path="/api/v2/deliveries")),
)

drone = Service(
    name="drone",
    owner="fleet",
    uses=("drone-db", "events"),
    emits=("drone.registered", "drone.changed", "drone.removed", "drone.reserved", "drone.released"),
    exposes=(Route(path="/api/v1/drones"),),
)

scheduler = Service(
    name="scheduler",
    owner="logistics",
    uses=("events", "scheduler-db"),
    calls={"drone": 1},
    emits=("assignment.refused", "assignment.released", "assignment.reserved"),
    hears=("delivery.cancelled", "delivery.changed", "delivery.completed", "delivery.created", "delivery.rescheduled"),
    exposes=(Route(path="/api/v1/assignments"),),
)

notification = Service(
    name="notification",
    owner="frontends",
    uses=("events", "notification-db"),
    hears=(*delivery.emits, *drone.emits, *scheduler.emits),
    exposes=(Route(path="/api/v1/notifications"),),
)

bff = Service(
    name="bff",
    owner="frontends",
    calls={"delivery": 2, "drone": 1},
    exposes=(Route(path="/bff/mobile"), Route(path="/bff/web")),
)

identity = Service(
    name="identity",
    owner="security",
    uses=("identity-db",),
    exposes=(
        Route(path="/.well-known", public=True),
        Route(path="/authorize", public=True),
        Route(path="/introspect", public=True),
        Route(path="/revoke", public=True),
        Route(path="/token", public=True),
        Route(path="/userinfo"),
        Route(path="/users/me"),
        Route(path="/api/v1/oauth-clients"),
        Route(path="/api/v1/signing-keys"),
        Route(path="/api/v1/users"),
    ),
)

telemetry = Service(
    name="telemetry",
    owner="fleet",
    uses=("events", "telemetry-db"),
    emits=("telemetry.recorded",),
    hears=("telemetry.recorded",),
    exposes=(Route(path="/api/v1/telemetry"),),
)

ecosystem = Ecosystem(
    name="drone-delivery",
    services=(bff, delivery, drone, identity, notification, scheduler, telemetry),
    issuer="identity",
    resources=(
        Broker(name="events"),
        Database(name="delivery-db"),
        Database(name="drone-db"),
        Database(name="identity-db"),
        Database(name="notification-db"),
        Database(name="scheduler-db"),
        Database(name="telemetry-db"),
    ),
    environments=(
        Environment(name="local"),
        Environment(
            name="production",
            host="drones.example",
            registry="registry.example/drone-delivery",
            # The pods' network of kind, of flannel and of kubeadm's examples; write that of your cluster.
            proxies=("10.244.0.0/16",),
            replicas={
                "bff": 2,
                "delivery": 2,
                "drone": 2,
                "identity": 2,
                "notification": 2,
                "scheduler": 2,
                "telemetry": 2,
            },
        ),
    ),
)
