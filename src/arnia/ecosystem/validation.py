"""Everything that can be wrong with a declaration, each fault one sentence that names the thing and what to do."""

import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import ip_network
from keyword import iskeyword

from arnia.conventions import API_PREFIX, PLATFORM_PATHS, package
from arnia.ecosystem.absences import find_absences
from arnia.ecosystem.announcements import find_carriers, find_event_faults
from arnia.ecosystem.cycles import find_cycles
from arnia.ecosystem.environments import MESHES, Environment
from arnia.ecosystem.resources import Database, Resource
from arnia.ecosystem.services import Route, Service

MOST_REQUESTS = 1_000_000
_LABEL = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
_PATH = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+|/\.well-known(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*")
_TAKEN = sys.stdlib_module_names | {"arnia"}


def find_faults(
    name: str,
    services: Sequence[Service],
    resources: Sequence[Resource],
    environments: Sequence[Environment],
    *,
    complete: bool = True,
) -> list[str]:
    """Return every fault of a declaration, in an order that does not depend on how it was written.

    Where a part of it could not be read it is not `complete`: what is missing may stand in that part, and is no fault.
    """
    faults = [
        *_name_faults([("ecosystem", name)]),
        *_name_faults([("service", service.name) for service in services]),
        *_name_faults([("resource", resource.name) for resource in resources]),
        *_name_faults([("environment", environment.name) for environment in environments]),
        *_shared_name_faults(services, resources),
        *_service_faults(services),
        *_use_faults(services, resources),
        *_call_faults(services),
        *find_event_faults(services),
        *_route_faults(services),
        *(find_absences(services, resources, environments) if complete else ()),
        *(find_carriers(services, resources) if complete else ()),
    ]
    for environment in environments:
        faults.extend(_environment_faults(environment))
    return list(dict.fromkeys(faults))


def _name_faults(names: Sequence[tuple[str, str]]) -> Iterator[str]:
    for (kind, name), count in sorted(Counter(names).items()):
        if not _LABEL.fullmatch(name):
            yield (
                f"{kind} {name!r}: the name is no DNS label: use 1 to 63 lower-case letters, digits and hyphens, "
                "with a letter first and no hyphen last."
            )
        if count > 1:
            yield f"{kind} {name!r}: declared {count} times: keep one, or give the others names of their own."


def _shared_name_faults(services: Sequence[Service], resources: Sequence[Resource]) -> Iterator[str]:
    for name in sorted({service.name for service in services} & {resource.name for resource in resources}):
        yield f"service {name!r}: a resource has the same name: rename the resource, for example to '{name}-db'."


def _service_faults(services: Sequence[Service]) -> Iterator[str]:
    for service in services:
        module = package(service.name)
        if module in _TAKEN or iskeyword(module):
            yield (
                f"service {service.name!r}: its package would be {module!r}, which Python or Arnia already has: "
                "choose another name."
            )
        if not service.owner.strip():
            yield f"service {service.name!r}: `owner` is empty: say which team or person answers for it."
        for edge, names in (("uses", service.uses), ("emits", service.emits), ("hears", service.hears)):
            yield from _repetitions(service, edge, names)
        yield from _repetitions(service, "exposes", [route.path for route in service.exposes])


def _repetitions(service: Service, edge: str, names: Iterable[str]) -> Iterator[str]:
    for name, count in sorted(Counter(names).items()):
        if count > 1:
            yield f"service {service.name!r}: `{edge}` names {name!r} {count} times: once is enough."


def _use_faults(services: Sequence[Service], resources: Sequence[Resource]) -> Iterator[str]:
    databases = {resource.name for resource in resources if isinstance(resource, Database)}
    for service in services:
        own = sorted(databases & set(service.uses))
        if len(own) > 1:
            yield f"service {service.name!r}: uses {len(own)} databases ({_list(own)}): a service has one at most."
    for name in sorted(databases):
        users = sorted({service.name for service in services if name in service.uses})
        if len(users) > 1:
            yield (
                f"resource {name!r}: a database belongs to one service, and {_list(users)} use it: "
                "give each of them a database of its own."
            )


def _call_faults(services: Sequence[Service]) -> Iterator[str]:
    for service in services:
        for name, version in service.calls.items():
            if name == service.name:
                yield f"service {service.name!r}: calls itself: remove the call, a function does the same."
            if version < 1:
                yield f"service {service.name!r}: calls version {version} of {name!r}: major versions start at 1."
    for cycle in find_cycles({service.name: set(service.calls) - {service.name} for service in services}):
        yield (
            f"service {cycle[0]!r}: {' calls '.join((*cycle, cycle[0]))}, which is a cycle: "
            "let one of them hear an event instead of being called."
        )


def _route_faults(services: Sequence[Service]) -> Iterator[str]:
    routes = sorted({(route.path, service.name) for service in services for route in service.exposes})
    for path, name in routes:
        if not _PATH.fullmatch(path):
            yield (
                f"service {name!r}: exposes {path!r}, which is no plain path: start with a slash, end without one, "
                "and leave parameters out (a route covers everything below it)."
            )
        elif path == API_PREFIX or any(Route(path=taken.split("/{")[0]).covers(path) for taken in PLATFORM_PATHS):
            yield f"service {name!r}: exposes {path!r}, which belongs to the platform: choose another path."
    for position, (path, name) in enumerate(routes):
        for other, rival in routes[position + 1 :]:
            if rival != name and Route(path=path).covers(other):
                yield _ambiguity(path, name, other, rival)


def _ambiguity(path: str, name: str, other: str, rival: str) -> str:
    if path == other:
        return f"route {path!r}: exposed by {name!r} and {rival!r}: a path leads to one service, so remove one of them."
    return (
        f"route {other!r}: exposed by {rival!r}, and {name!r} exposes {path!r} with everything below it: "
        "give one of them another path."
    )


def _environment_faults(environment: Environment) -> Iterator[str]:
    for name, count in environment.replicas.items():
        if count < 1:
            yield (
                f"environment {environment.name!r}: {count} replicas of {name!r}: "
                "a service that is declared runs at least once."
            )
    if not 1 <= environment.edge_requests_per_second <= MOST_REQUESTS:
        yield (
            f"environment {environment.name!r}: `edge_requests_per_second` is {environment.edge_requests_per_second}: "
            f"let an address send from 1 to {MOST_REQUESTS} requests."
        )
    if environment.mesh not in {"", *MESHES}:
        known = " or ".join(repr(mesh) for mesh in MESHES)
        yield f"environment {environment.name!r}: no mesh is called {environment.mesh!r}: use {known}, or none."
    yield from _proxy_faults(environment)


def _proxy_faults(environment: Environment) -> Iterator[str]:
    for given in environment.proxies:
        try:
            everywhere = ip_network(given).prefixlen == 0
        except ValueError:
            yield (
                f"environment {environment.name!r}: `proxies` names {given!r}, which is no network: "
                "write its first address and its length, such as '10.244.0.0/16'."
            )
        else:
            if everywhere:
                yield (
                    f"environment {environment.name!r}: `proxies` names {given!r}, and then everybody could claim any "
                    "address: name the network where the edge's proxies are, such as '10.244.0.0/16'."
                )


def _list(names: Sequence[str]) -> str:
    return " and ".join(repr(name) for name in names)
