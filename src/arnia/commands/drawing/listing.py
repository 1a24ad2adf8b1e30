"""An ecosystem as plain text."""

from collections.abc import Iterator

from arnia.commands.drawing.view import EventView, ServiceView, VersionView, View
from arnia.contracts import Interaction


def list_ecosystem(view: View) -> str:
    """Return `view` as indented lines, without a newline at the end."""
    lines = [f"{view.name}"]
    for service in view.services:
        lines += ["", *_service(service, view)]
    lines += ["", "resources"]
    lines += [f"  {one.name} ({one.kind}) used by {_names(one.users)}" for one in view.resources] or ["  none"]
    lines += ["", "events"]
    lines += [line for event in view.events for line in _event(event)] or ["  none"]
    if view.interactions:
        lines += ["", "interactions", *(_interaction(one) for one in view.interactions)]
    return "\n".join(lines)


def _service(service: ServiceView, view: View) -> Iterator[str]:
    yield f"{service.name} (owner: {service.owner})"
    for version in service.versions:
        yield f"  api v{version.version}{_life(version)}, consumers: {_names(version.consumers)}"
        for path in version.exposed:
            yield f"    exposes {path}{_openness(path, service)}"
    for path in service.exposes:
        if not any(path in version.exposed for version in service.versions):
            yield f"  exposes {path}{_openness(path, service)}"
    for domain in service.domains:
        yield f"  domain {domain.name}: routers {', '.join(domain.routers)}"
    for name, paths in service.protocols.items():
        yield f"  protocol {name}: {', '.join(paths)}"
    kinds = {resource.name: resource.kind for resource in view.resources}
    for name in service.uses:
        yield f"  uses {name} ({kinds[name]})"
    for name, major in service.calls.items():
        yield f"  calls {name} v{major}"
    for edge, events in (("emits", view.emitted_by(service.name)), ("hears", view.heard_by(service.name))):
        if events:
            yield f"  {edge} {', '.join(events)}"


def _event(event: EventView) -> Iterator[str]:
    for one in event.versions:
        yield f"  {event.type} v{one.version} from {event.emitter} to {_names(one.hearers)}"
    unsaid = tuple(name for name in event.hearers if not event.heard(name))
    if not event.versions:
        yield f"  {event.type} from {event.emitter} to {_names(unsaid)}"
    elif unsaid:
        yield f"  {event.type} from {event.emitter} to {_names(unsaid)}, whose contract does not say which version"


def _interaction(one: Interaction) -> str:
    return f"  {one.source} to {one.target}: {one.what} is a {one.use_case}: {one.pattern}"


def _openness(path: str, service: ServiceView) -> str:
    return " (public)" if path in service.public else ""


def _life(version: VersionView) -> str:
    return " (deprecated)" if version.deprecated else ""


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "nobody"
