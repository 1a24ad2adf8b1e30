"""What a declaration names and does not declare, each with the nearest name that it does declare."""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from arnia.ecosystem.environments import Environment
from arnia.ecosystem.resources import Resource
from arnia.ecosystem.services import Service


def find_absences(
    services: Sequence[Service], resources: Sequence[Resource], environments: Sequence[Environment]
) -> Iterator[str]:
    """Return a fault for everything that is not there."""
    if not services:
        yield "ecosystem: no service is declared: add one to `services`."
    names = [service.name for service in services]
    emitted = sorted({event for service in services for event in service.emits})
    for service in services:
        thing = f"service {service.name!r}"
        used = [resource.name for resource in resources]
        yield from _unknown(f"{thing}: uses", service.uses, used, "resource is called", "declare it in `resources`")
        called = [name for name in service.calls if name != service.name]
        yield from _unknown(f"{thing}: calls", called, names, "service is called", "declare it in `services`")
        advice = "add it to the `emits` of its owner"
        yield from _unknown(f"{thing}: hears", service.hears, emitted, "service emits", advice)
    for environment in environments:
        thing = f"environment {environment.name!r}"
        for edge, listed in (("split_versions", environment.split_versions), ("replicas", tuple(environment.replicas))):
            yield from _unknown(f"{thing}: `{edge}` names", listed, names, "service is called", "remove it")
        for service in services:
            if service.name in environment.split_versions and len(service.versions) < 2:
                yield (
                    f"{thing}: `split_versions` names {service.name!r}, "
                    "which exposes fewer than two API versions: remove it."
                )


def find_issuer(issuer: str, services: Sequence[Service], environments: Sequence[Environment]) -> Iterator[str]:
    """Return a fault where `issuer` names no service, or where an environment has one besides."""
    if issuer.startswith(("https:", "http:")):
        yield (
            f"ecosystem: issuer is {issuer!r}, which is no service: give the environments that believe it "
            f'`issuer=Issuer(url="{issuer}", keys="...")`.'
        )
    elif issuer:
        names = [service.name for service in services]
        yield from _unknown("ecosystem: issuer is", [issuer], names, "service is called", "declare it in `services`")
        for environment in environments:
            if environment.issuer is not None:
                yield (
                    f"environment {environment.name!r}: believes {environment.issuer.url!r}, and {issuer!r} issues "
                    "tokens too: keep one of them."
                )


def _unknown(says: str, names: Sequence[str], known: Sequence[str], verb: str, otherwise: str) -> Iterator[str]:
    for name in names:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            advice = f"did you mean {close[0]!r}, or else {otherwise}" if close else otherwise
            yield f"{says} {name!r}, which no {verb}: {advice}."
