"""What there is to see of an ecosystem: its declaration, filled in from the committed contracts."""

from collections.abc import Iterable, Iterator, Mapping

from pydantic import BaseModel, ConfigDict

from arnia.contracts import Contract, Interaction, Router, read_events, read_interactions, tell
from arnia.ecosystem import Ecosystem, Service

EDGE = "edge"
"""How the consumers outside of the ecosystem are called: they come through the edge."""


class Seen(BaseModel):
    """A frozen part of the view."""

    model_config = ConfigDict(frozen=True)


class VersionView(Seen):
    """One major version of a service's API.

    Attributes:
        version: The number in its paths.
        exposed: The paths that the edge lets through.
        deprecated: Whether clients are asked to move on.
        consumers: Names of the services that call it, and `edge` where it is exposed.
    """

    version: int
    exposed: tuple[str, ...]
    deprecated: bool
    consumers: tuple[str, ...]


class DomainView(Seen):
    """A bounded context of a service, and the routers that belong to it."""

    name: str
    routers: tuple[str, ...]


class ServiceView(Seen):
    """One service with all its edges."""

    name: str
    owner: str
    uses: tuple[str, ...]
    calls: dict[str, int]
    emits: tuple[str, ...]
    hears: tuple[str, ...]
    exposes: tuple[str, ...]
    public: tuple[str, ...]
    versions: tuple[VersionView, ...]
    domains: tuple[DomainView, ...]
    protocols: dict[str, tuple[str, ...]] = {}


class ResourceView(Seen):
    """One resource, and the services that use it."""

    name: str
    kind: str
    users: tuple[str, ...]


class EventVersionView(Seen):
    """One major version of an event, and the services whose contracts say that they hear it."""

    version: int
    hearers: tuple[str, ...]


class EventView(Seen):
    """One type of event: who emits it, in which major versions, and who hears it.

    Attributes:
        type: Its topic.
        emitter: The service that owns it.
        hearers: The services that are declared to hear it.
        versions: As the contracts tell; none where no service has one.
    """

    type: str
    emitter: str
    hearers: tuple[str, ...]
    versions: tuple[EventVersionView, ...] = ()

    def heard(self, hearer: str) -> tuple[int, ...]:
        """Return the versions that `hearer` hears."""
        return tuple(one.version for one in self.versions if hearer in one.hearers)

    def told(self, hearer: str | None = None) -> str:
        """Return its topic with its versions, or those that `hearer` hears: `delivery.created v1+v2`."""
        majors = [one.version for one in self.versions] if hearer is None else self.heard(hearer)
        return " ".join([self.type, *([spell(majors)] if majors else [])])


class View(Seen):
    """A whole ecosystem; every list is sorted, so that equal ecosystems look the same to the byte."""

    name: str
    services: tuple[ServiceView, ...]
    resources: tuple[ResourceView, ...]
    events: tuple[EventView, ...]
    interactions: tuple[Interaction, ...] = ()

    def emitted_by(self, service: str) -> list[str]:
        """Return the events that `service` emits, with their versions."""
        return [event.told() for event in self.events if event.emitter == service]

    def heard_by(self, service: str) -> list[str]:
        """Return the events that `service` hears, each with the versions that it hears."""
        return [event.told(service) for event in self.events if service in event.hearers]


def spell(majors: Iterable[int]) -> str:
    """Return major versions as they are written: `v1+v2`."""
    return "+".join(f"v{major}" for major in sorted(set(majors)))


def look(ecosystem: Ecosystem, contracts: Mapping[str, Contract]) -> View:
    """Return the view of `ecosystem`; a service without a contract shows what is declared of it."""
    return View(
        name=ecosystem.name,
        services=tuple(_service(service, ecosystem, contracts.get(service.name)) for service in ecosystem.services),
        resources=tuple(
            ResourceView(
                name=resource.name,
                kind=resource.kind,
                users=tuple(service.name for service in ecosystem.users(resource.name)),
            )
            for resource in ecosystem.resources
        ),
        events=tuple(
            _event(event, service, ecosystem, contracts)
            for event, service in sorted((event, service) for service in ecosystem.services for event in service.emits)
        ),
        interactions=tuple(_interactions(ecosystem, contracts)),
    )


def _event(topic: str, emitter: Service, ecosystem: Ecosystem, contracts: Mapping[str, Contract]) -> EventView:
    hearers = tuple(hearer.name for hearer in ecosystem.hearers(topic))
    heard = {name: _majors(topic, contracts.get(name), "receive") for name in hearers}
    majors = _majors(topic, contracts.get(emitter.name), "send").union(*heard.values())
    versions = tuple(
        EventVersionView(version=major, hearers=tuple(name for name in hearers if major in heard[name]))
        for major in sorted(majors)
    )
    return EventView(type=topic, emitter=emitter.name, hearers=hearers, versions=versions)


def _majors(topic: str, contract: Contract | None, action: str) -> set[int]:
    found = read_events(contract, action) if contract else {}
    return {major for name, major in found if name == topic}


def _interactions(ecosystem: Ecosystem, contracts: Mapping[str, Contract]) -> Iterator[Interaction]:
    for service in ecosystem.services:
        for called in service.calls:
            if service.name in contracts and called in contracts:
                yield from read_interactions(contracts[service.name], contracts[called])
        for event in service.emits:
            yield from (tell(event, service.name, hearer.name) for hearer in ecosystem.hearers(event))


def _service(service: Service, ecosystem: Ecosystem, contract: Contract | None) -> ServiceView:
    coded = set(contract.openapi) if contract else set()
    called = {caller.calls[service.name] for caller in ecosystem.callers(service.name)}
    majors = sorted({*service.versions, *coded, *called})
    return ServiceView(
        name=service.name,
        owner=service.owner,
        uses=service.uses,
        calls=dict(service.calls),
        emits=service.emits,
        hears=service.hears,
        exposes=tuple(route.path for route in service.exposes),
        public=tuple(route.path for route in service.exposes if route.public),
        versions=tuple(_version(major, majors[0], service, ecosystem, contract) for major in majors),
        domains=_domains(contract.routers if contract else ()),
        protocols=contract.spoken if contract else {},
    )


def _version(major: int, first: int, service: Service, ecosystem: Ecosystem, contract: Contract | None) -> VersionView:
    exposed = tuple(route.path for route in service.exposes if route.version == major)
    # The contract of the first version has the paths without one, too.
    unversioned = major == first and any(route.version is None for route in service.exposes)
    callers = ecosystem.callers(service.name)
    return VersionView(
        version=major,
        exposed=exposed,
        deprecated=contract is not None and contract.is_deprecated(major),
        consumers=(
            *([EDGE] if exposed or unversioned else []),
            *(caller.name for caller in callers if caller.calls[service.name] == major),
        ),
    )


def _domains(routers: tuple[Router, ...]) -> tuple[DomainView, ...]:
    names = sorted({domain for router in routers for domain in router.domains})
    return tuple(
        DomainView(name=name, routers=tuple(router.prefix for router in routers if name in router.domains))
        for name in names
    )
