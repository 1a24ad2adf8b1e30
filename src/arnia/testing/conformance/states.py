"""How a resource gets into the state that a rule needs: along the links that it offers, found out by trying them.

A member is made, its `_links` name the legal next actions, each is taken on a member of its own, and so on, until no
new set of links comes up. So a suite finds the departure of a delivery behind its assignment without being told.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from arnia.testing.conformance.service import RunningService
from arnia.testing.conformance.surface import Operation, is_member, parent
from arnia.testing.http import Call

__all__ = ["Situation", "arrive", "enter", "reach", "situations", "ways"]

MOST_STEPS: Final = 6

Way = tuple[str, ...]
"""The relations to follow, one after the other, from a new member on."""


@dataclass(frozen=True, slots=True)
class Situation:
    """A state in which an operation is legal, and the body that it is legal with.

    Attributes:
        way: How to get there.
        echo: Whether the body is the present state, for what cannot be changed but may be said again.
        present: Whether there is something to read, which the operation would replace.
    """

    way: Way
    echo: bool
    present: bool


def arrive(service: RunningService, template: str, way: Way) -> str:
    """Make a new resource, follow `way` from it, and return the path of `template` there."""
    owner = _owner(template)
    if not owner:
        return service.place(template)
    path = service.place(owner)
    for relation in way:
        link = _actions(service, path).get(relation, {})
        operation = service.surface.at(str(link.get("method")), str(link.get("href")))
        if operation is not None:
            service.send(service.matching(operation, str(link["href"]), service.body(operation)))
    return path + template.removeprefix(owner)


def reach(service: RunningService, template: str) -> str:
    """Return the path of a resource of `template`, made for this test, that can be read."""
    if template not in service.reached:
        tried = _every_way(service, template)
        there = (way for way in tried if service.get(arrive(service, template, way)).status == 200)
        service.reached[template] = next(there, None)
    way = service.reached[template]
    if way is None:
        service.give_up(f"{template}: no action that a new resource links to, and none after it, brings it about")
    return arrive(service, template, way or ())


def situations(service: RunningService, operation: Operation) -> list[Situation]:
    """Return a state in which `operation` makes something and one in which it replaces it, as far as there are any."""
    if operation not in service.situations:
        found: dict[bool, Situation] = {}
        for tried in _candidates(service, operation):
            if tried.present not in found and service.send(enter(service, operation, tried)).status < 300:
                found[tried.present] = tried
            if True in found:
                break
        service.situations[operation] = list(found.values())
    if not service.situations[operation]:
        service.give_up(f"{operation}: never allowed with the bodies that the document shows, in no state in reach")
    return list(service.situations[operation])


def enter(service: RunningService, operation: Operation, situation: Situation, **headers: str) -> Call:
    """Return the call of `operation` in `situation`, made for it, with the present If-Match unless headers say else."""
    path = arrive(service, operation.template, situation.way)
    body = _present(service, operation, path) if situation.echo else service.body(operation)
    return service.matching(operation, path, body, **headers)


def ways(service: RunningService, member: str) -> list[Way]:
    """Return a shortest way to each state of `member` that its links tell from the others; the first is no step."""
    if member not in service.ways:
        found: dict[frozenset[tuple[str, str]], Way] = {}
        waiting: deque[Way] = deque([()])
        while waiting:
            way = waiting.popleft()
            links = _actions(service, arrive(service, member, way))
            shape = frozenset((relation, link.get("method", "GET")) for relation, link in links.items())
            if shape not in found:
                found[shape] = way
                if len(way) < MOST_STEPS:
                    steps = [name for name, link in links.items() if link.get("method") in ("PUT", "PATCH", "POST")]
                    waiting.extend((*way, relation) for relation in steps)
        service.ways[member] = list(found.values())
    return list(service.ways[member])


def _candidates(service: RunningService, operation: Operation) -> Iterator[Situation]:
    echoes = (False, True) if operation.method == "PUT" and operation.body_schema is not None else (False,)
    for way in _every_way(service, operation.template):
        present = service.get(arrive(service, operation.template, way)).status == 200
        yield from (Situation(way, echo, present) for echo in echoes if present or not echo)


def _every_way(service: RunningService, template: str) -> Iterator[Way]:
    """Yield the ways to `template`; the others are looked for when no step is not enough."""
    yield ()
    owner = _owner(template)
    if owner:
        yield from ways(service, owner)[1:]


def _actions(service: RunningService, path: str) -> dict[str, dict[str, Any]]:
    answer = service.get(path)
    links: dict[str, dict[str, Any]] = answer.json().get("_links", {}) if answer.status == 200 else {}
    return links


def _present(service: RunningService, operation: Operation, path: str) -> Any:
    """Return what is at `path`, as far as `operation` reads it."""
    answer = service.get(path)
    state = answer.json() if answer.status == 200 else {}
    known = service.surface.schemas.plain(operation.body_schema or {}).get("properties", {})
    return {name: value for name, value in state.items() if name in known}


def _owner(template: str) -> str:
    """Return the template of the member that `template` is, or is a part of; empty when there is none."""
    while template and not is_member(template):
        template = parent(template)
    return template
