"""What a type checker says of declarations. Never run: mypy reads it, and every ignore must be needed."""

from typing import assert_type

from arnia.ecosystem import Broker, Cache, Database, Ecosystem, Environment, Issuer, Resource, Route, Secrets, Service

delivery = Service(
    name="delivery",
    owner="dispatch",
    uses=("delivery-db", "cache"),
    calls={"drone": 1},
    emits=("delivery.created",),
    exposes=(Route(path="/api/v1/deliveries"), Route(path="/api/v2/deliveries")),
)
drone = Service(name="drone", owner="fleet", hears=("delivery.created",))
ecosystem = Ecosystem(
    name="skies",
    services=(delivery, drone),
    resources=(Database(name="delivery-db"), Cache(name="cache"), Broker(name="broker"), Secrets(name="vault")),
    environments=(
        Environment(name="local"),
        Environment(name="production", issuer=Issuer(url="https://login.example", keys="https://login.example/keys")),
    ),
)

assert_type(ecosystem.services, tuple[Service, ...])
assert_type(ecosystem.service("drone"), Service)
assert_type(ecosystem.resource("cache"), Resource)
assert_type(ecosystem.environment("local"), Environment)
assert_type(ecosystem.environment("local").issuer, Issuer | None)
assert_type(ecosystem.callers("drone"), tuple[Service, ...])
assert_type(ecosystem.including(drone, Cache(name="other")), Ecosystem)
assert_type(ecosystem.splitting("delivery", drone), Ecosystem)
assert_type(delivery.calls["drone"], int)
assert_type(delivery.versions, tuple[int, ...])
assert_type(delivery.exposes[0].version, int | None)
assert_type(delivery.exposes[0].covers("/api/v1/deliveries/1"), bool)

Service(name="drone")  # type: ignore[call-arg]  # every service has an owner
Service(name="drone", owner="fleet", colour="red")  # type: ignore[call-arg]  # a misspelt word is found while typing
Service("drone", owner="fleet")  # type: ignore[call-arg]  # a declaration is read by its names
Service(name="drone", owner="fleet", calls=("delivery",))  # type: ignore[arg-type]  # a call names the major version
Service(name="drone", owner="fleet", exposes=("/api/v1",))  # type: ignore[arg-type]  # a route is a value
Service(name="drone", owner="fleet", uses="cache")  # type: ignore[arg-type]  # the comma of a tuple of one was forgotten
Ecosystem(name="skies", services=(Cache(name="cache"),))  # type: ignore[arg-type]  # a resource is no service
Environment(name="e", releases={"drone": 1})  # type: ignore[dict-item]  # a tag is a text
Environment(name="e", edge_requests_per_second="9/s")  # type: ignore[arg-type]  # a number: the name has the rest
Environment(name="e", issuer="https://login.example")  # type: ignore[arg-type]  # where its keys are must be said too
Issuer(url="https://login.example")  # type: ignore[call-arg]  # likewise
delivery.name = "other"  # type: ignore[misc]  # a declaration is frozen
delivery.calls["drone"] = 2  # type: ignore[index]  # and so is all that it holds
print(ecosystem.resource("cache").kind)  # type: ignore[attr-defined]  # which resource it is, isinstance tells
ecosystem.including(Route(path="/x"))  # type: ignore[arg-type]  # a route belongs to a service
