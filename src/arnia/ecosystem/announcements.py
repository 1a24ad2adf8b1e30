"""What can be wrong with events in a declaration: their names, their owners, and how they travel."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from arnia.ecosystem.resources import Broker, Database, Resource
from arnia.ecosystem.services import Service

_EVENT = re.compile(r"[a-z][a-z0-9_-]*(?:\.[a-z][a-z0-9_-]*)+")


def find_event_faults(services: Sequence[Service]) -> Iterator[str]:
    """Return a fault for every event without a proper name or with several owners."""
    for service in services:
        for event in (*service.emits, *service.hears):
            if not _EVENT.fullmatch(event):
                yield (
                    f"service {service.name!r}: {event!r} is no type of event: "
                    "write lower-case words with dots between them, such as 'delivery.created'."
                )
    told: set[str] = set()
    for event, names in _emitters(services, str).items():
        if len(names) > 1:
            told.update(names)
            yield (
                f"event {event!r}: emitted by {_list(names)}: an event has one owner, "
                "so rename it in all of them but one."
            )
    for kind, names in _emitters(services, _aggregate).items():
        if len(names) > 1 and not told.issuperset(names):
            yield (
                f"events {kind + '.*'!r}: emitted by {_list(names)}: all that is said about {kind!r} is in one order, "
                "which one service keeps, so let the others name theirs after what they own."
            )


def find_carriers(services: Sequence[Service], resources: Sequence[Resource]) -> Iterator[str]:
    """Return a fault for every service that speaks or hears without a broker or a database, or through a wrong one."""
    brokers = {resource.name for resource in resources if isinstance(resource, Broker)}
    databases = {resource.name for resource in resources if isinstance(resource, Database)}
    known = {resource.name for resource in resources}
    used = {service.name: sorted(brokers & set(service.uses)) for service in services}
    for service in services:
        if len(used[service.name]) > 1:
            count, names = len(used[service.name]), _list(used[service.name])
            yield f"service {service.name!r}: uses {count} brokers ({names}): a service has one at most."
        does = _does(service)
        if does and set(service.uses) <= known:  # or else one of the unknown names may have been meant
            if not used[service.name]:
                yield (
                    f"service {service.name!r}: {does} events and uses no broker: "
                    'add a `Broker(name="events")` to `resources`, and its name to `uses`.'
                )
            if not databases & set(service.uses):
                yield (
                    f"service {service.name!r}: {does} events and uses no database, which remembers them: "
                    f'add a `Database(name="{service.name}-db")` to `resources`, and its name to `uses`.'
                )
    yield from _find_deaf(services, used)


def _find_deaf(services: Sequence[Service], used: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for service in services:
        for other in services:
            heard = sorted({*service.hears} & {*other.emits})
            ours, theirs = used[service.name], used[other.name]
            if heard and len(ours) == len(theirs) == 1 and ours != theirs:
                yield (
                    f"service {service.name!r}: hears {heard[0]!r} through {ours[0]!r}, and {other.name!r} emits it "
                    f"through {theirs[0]!r}: let both use the same broker."
                )


def _does(service: Service) -> str:
    return " and ".join(verb for verb, events in (("emits", service.emits), ("hears", service.hears)) if events)


def _emitters(services: Sequence[Service], key: Callable[[str], str]) -> dict[str, list[str]]:
    found: dict[str, set[str]] = {}
    for service in services:
        for event in service.emits:
            found.setdefault(key(event), set()).add(service.name)
    return {name: sorted(found[name]) for name in sorted(found)}


def _aggregate(event: str) -> str:
    return event.rpartition(".")[0]


def _list(names: Sequence[str]) -> str:
    return " and ".join(repr(name) for name in names)
