"""What to run: an ecosystem, narrowed and multiplied as the caller of `up` wishes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from arnia.contracts import Contract
from arnia.conventions import EDGE_PORT
from arnia.ecosystem import Broker, Cache, Database, Ecosystem, Environment, Service
from arnia.ecosystem.groups import group_name, groups
from arnia.errors import OutsideError, UsageError


@dataclass(frozen=True, slots=True)
class Group:
    """Like processes of one service.

    Attributes:
        name: The service's name, or `delivery-v1` where versions run apart.
        service: The service's name.
        versions: The major versions that they serve; none means all.
        replicas: How many there are.
    """

    name: str
    service: str
    versions: tuple[int, ...]
    replicas: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run.

    Attributes:
        ecosystem: Only with the services that shall run.
        environment: With the wishes about replicas and versions in it.
        services_folder: Where the services' folders are.
        port: Of the edge.
        durable: Whether what is written to a database survives the machine.
        contracts: The committed contracts, by service.
        broker_wish: A kind of broker, or the URL of one that somebody else runs: a secret.
    """

    ecosystem: Ecosystem
    environment: Environment
    services_folder: Path
    port: int = EDGE_PORT
    durable: bool = field(default=True)
    contracts: Mapping[str, Contract] = field(default_factory=dict)
    broker_wish: str = field(default="nats", repr=False)

    @property
    def groups(self) -> tuple[Group, ...]:
        """All groups of processes, in the order of their names."""
        return tuple(
            Group(
                name=group_name(service.name, version),
                service=service.name,
                versions=() if version is None else (version,),
                replicas=self.environment.replicas_of(service.name),
            )
            for service in self.ecosystem.services
            for version in groups(service, self.environment)
        )

    @property
    def called(self) -> tuple[str, ...]:
        """The services that others reach without going through the public door: whoever is called, and the issuer."""
        calls = {name for service in self.ecosystem.services for name in service.calls} | {self.ecosystem.issuer}
        return tuple(service.name for service in self.ecosystem.services if service.name in calls)

    @property
    def exposed(self) -> tuple[str, ...]:
        """The paths that the edge lets through."""
        return tuple(sorted(route.path for service in self.ecosystem.services for route in service.exposes))

    @property
    def guarded(self) -> tuple[tuple[str, str], ...]:
        """The paths where the edge asks for a token, each with the service that the token must be for."""
        return tuple(
            (route.path, service.name)
            for service in self.ecosystem.services
            for route in service.exposes
            if (self.ecosystem.issuer or self.environment.issuer) and not route.public
        )

    def database(self, service: Service) -> Database | None:
        """Return the database that `service` uses."""
        return next((one for one in self._used(service) if isinstance(one, Database)), None)

    def cache(self, service: Service) -> Cache | None:
        """Return the cache that `service` uses."""
        return next((one for one in self._used(service) if isinstance(one, Cache)), None)

    def broker(self, service: Service) -> Broker | None:
        """Return the broker that `service` uses."""
        return next((one for one in self._used(service) if isinstance(one, Broker)), None)

    def _used(self, service: Service) -> tuple[object, ...]:
        return tuple(self.ecosystem.resource(name) for name in service.uses)

    def folder(self, service: str) -> Path:
        """Return the folder of a service.

        Raises:
            OutsideError: There is none.
        """
        folder = self.services_folder / service
        if not folder.is_dir():
            message = f"The service {service} has no folder {folder}: make it with `arnia new service {service}`."
            raise OutsideError(message)
        return folder


def parse_replicas(wishes: Sequence[str]) -> dict[str, int]:
    """Read wishes such as `delivery=3`.

    Raises:
        UsageError: One of them is none.
    """
    wanted: dict[str, int] = {}
    for wish in wishes:
        service, _, number = wish.partition("=")
        if not service or not number.isascii() or not number.isdigit() or not 1 <= int(number) <= 50:
            message = f"--replicas {wish}: write SERVICE=NUMBER with a number from 1 to 50, such as delivery=3."
            raise UsageError(message)
        wanted[service] = int(number)
    return wanted


def narrow(ecosystem: Ecosystem, only: Sequence[str]) -> Ecosystem:
    """Return the ecosystem with the services in `only`, whatever these call, and the issuer; with all when it is empty.

    Raises:
        UsageError: One of them is no service of the ecosystem.
    """
    if not only:
        return ecosystem
    chosen = {ecosystem.issuer}
    wanted = list(only)
    while wanted:
        service = ecosystem.service(wanted.pop())
        wanted.extend(service.calls.keys() - chosen)
        chosen.add(service.name)
    services = tuple(service for service in ecosystem.services if service.name in chosen)
    return ecosystem.model_copy(update={"services": services})


def wished(ecosystem: Ecosystem, environment: Environment, *, replicas: Mapping[str, int], split: bool) -> Environment:
    """Return `environment` with the wishes of the command line.

    Args:
        ecosystem: Whose services they are about.
        environment: What is declared.
        replicas: How many processes of which service.
        split: Whether every service with several versions runs each of them apart.

    Raises:
        UsageError: A wish is about no service of the ecosystem.
    """
    for name in replicas:
        ecosystem.service(name)
    apart = {service.name for service in ecosystem.services if len(service.versions) > 1} if split else set()
    return Environment(
        name=environment.name,
        split_versions=tuple({*environment.split_versions, *apart}),
        replicas={**environment.replicas, **replicas},
        issuer=environment.issuer,
        edge_requests_per_second=environment.edge_requests_per_second,
    )
