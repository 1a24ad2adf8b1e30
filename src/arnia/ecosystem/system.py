"""The ecosystem: the whole declaration as one value."""

from collections.abc import Callable, Iterable
from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field
from typing_extensions import override

from arnia.ecosystem.absences import find_issuer
from arnia.ecosystem.collection import is_complete
from arnia.ecosystem.environments import LOCAL, Environment
from arnia.ecosystem.resources import AnyResource, Resource
from arnia.ecosystem.services import Service
from arnia.ecosystem.shapes import NAME, Shape
from arnia.ecosystem.validation import find_faults
from arnia.ecosystem.values import Declared
from arnia.errors import UsageError

T = TypeVar("T", Service, Environment, AnyResource)


def _by_name(things: tuple[T, ...]) -> tuple[T, ...]:
    return tuple(sorted(things, key=lambda thing: (thing.name, thing.model_dump_json())))


def _several(kind: type[Declared], takes: str, example: str) -> Shape:
    def guess(given: object) -> object:
        return (given,) if isinstance(given, kind) else None

    return Shape(takes, example, guess)


_SERVICES = _several(Service, "a tuple of services", '(Service(name="...", owner="..."),)')
_RESOURCES = _several(Resource, "a tuple of resources", '(Database(name="..."),)')
_ENVIRONMENTS = _several(Environment, "a tuple of environments", '(Environment(name="..."),)')


class Ecosystem(Declared):
    """Services, the resources they use and the environments they run in.

    Two declarations of the same things are equal, in whatever order they were written.

    Attributes:
        name: A DNS label.
        services: Sorted by name.
        resources: Sorted by name.
        environments: Sorted by name; `local` alone where none is declared.
        issuer: The service that issues access tokens; empty where none does. Where an environment has no issuer
            either, the edge asks for no token.

    Raises:
        DeclarationError: The declaration does not add up; it carries every fault.
    """

    name: str
    services: Annotated[tuple[Service, ...], AfterValidator(_by_name), _SERVICES]
    resources: Annotated[
        tuple[Annotated[AnyResource, Field(discriminator="kind")], ...], AfterValidator(_by_name), _RESOURCES
    ] = ()
    environments: Annotated[tuple[Environment, ...], AfterValidator(_by_name), _ENVIRONMENTS] = (
        Environment(name=LOCAL),
    )
    issuer: Annotated[str, NAME] = ""

    @override
    def _find_faults(self) -> list[str]:
        faults = find_faults(self.name, self.services, self.resources, self.environments, complete=is_complete())
        if is_complete():
            faults += find_issuer(self.issuer, self.services, self.environments)
        return faults

    def including(self, *parts: Service | AnyResource) -> "Ecosystem":
        """Return the same with more services and resources: what `arnia new service` says is such a line."""
        return Ecosystem(
            name=self.name,
            services=(*self.services, *(part for part in parts if isinstance(part, Service))),
            resources=(*self.resources, *(part for part in parts if not isinstance(part, Service))),
            environments=self.environments,
            issuer=self.issuer,
        )

    def splitting(self, name: str, *parts: Service | AnyResource) -> "Ecosystem":
        """Return the same with `parts` taken out of the service `name`: it exposes and emits what they do no more.

        Raises:
            UsageError: There is no such service.
        """
        exposed = {route for part in parts if isinstance(part, Service) for route in part.exposes}
        emitted = {event for part in parts if isinstance(part, Service) for event in part.emits}
        whole = self.service(name)
        rest = whole.model_copy(
            update={
                "exposes": tuple(route for route in whole.exposes if route not in exposed),
                "emits": tuple(event for event in whole.emits if event not in emitted),
            }
        )
        others = tuple(service for service in self.services if service.name != name)
        return self.model_copy(update={"services": (*others, rest)}).including(*parts)

    def service(self, name: str) -> Service:
        """Return the service with this name, or raise `UsageError`."""
        return _find("service", name, self.services)

    def resource(self, name: str) -> Resource:
        """Return the resource with this name, or raise `UsageError`."""
        return _find("resource", name, self.resources)

    def environment(self, name: str) -> Environment:
        """Return the environment with this name, or raise `UsageError`."""
        return _find("environment", name, self.environments)

    def callers(self, name: str) -> tuple[Service, ...]:
        """Return the services that call the service `name`."""
        return self._services(lambda service: name in service.calls)

    def hearers(self, event: str) -> tuple[Service, ...]:
        """Return the services that hear events of the type `event`."""
        return self._services(lambda service: event in service.hears)

    def users(self, resource: str) -> tuple[Service, ...]:
        """Return the services that use the resource with this name."""
        return self._services(lambda service: resource in service.uses)

    def _services(self, chosen: Callable[[Service], bool]) -> tuple[Service, ...]:
        return tuple(service for service in self.services if chosen(service))


Named = TypeVar("Named", Service, Resource, Environment)


def _find(kind: str, name: str, things: Iterable[Named]) -> Named:
    known = {thing.name: thing for thing in things}
    if name not in known:
        raise UsageError(f"{name!r} is no {kind} of this ecosystem: it has {', '.join(known) or 'none'}.")
    return known[name]
