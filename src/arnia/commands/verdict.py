"""The verb `check`: whether declaration, contracts and code say the same."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from typing_extensions import override

from arnia.commands.agreement import hold
from arnia.commands.declaration import SERVICES_DIRECTORY, Declaration, load
from arnia.commands.promises import ask, committed, read_texts
from arnia.commands.result import Result, count
from arnia.contracts import Contract, Edges, Finding, judge
from arnia.ecosystem import Broker, Database, Ecosystem, Resource, Service
from arnia.errors import DeclarationError, OutsideError


class CheckResult(Result):
    """Every fault that `check` found.

    Attributes:
        services: Names of the services that were looked at.
        findings: The faults, each with the service that it concerns; empty when all is well.
    """

    services: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()

    @override
    def text(self) -> str:
        if self.ok:
            return f"All is well: {count(len(self.services), 'service')}, as declared, as committed and as coded."
        return "\n".join([*(finding.sentence for finding in self.findings), f"{count(len(self.findings), 'fault')}."])


def check(*, file: Path | None = None) -> CheckResult:
    """Check the declaration, every edge of it against the committed contracts, and these against the code.

    Args:
        file: The `ecosystem.py`; the nearest one upward when None.

    Raises:
        UsageError: There is no declaration, or a committed document cannot be read.
    """
    try:
        declaration = load(file)
    except DeclarationError as error:
        faults = tuple(Finding(service="", edge="declaration", sentence=fault) for fault in error.faults)
        return CheckResult(ok=False, findings=faults)
    contracts = committed(declaration)
    findings = [
        *_find_strays(declaration),
        *_find_unused(declaration.ecosystem),
        *judge(read_edges(declaration.ecosystem), contracts),
        *_find_drift(declaration, contracts),
    ]
    names = tuple(service.name for service in declaration.ecosystem.services)
    return CheckResult(ok=not findings, services=names, findings=tuple(findings))


def read_edges(ecosystem: Ecosystem) -> dict[str, Edges]:
    """Return the declared edges of each service."""
    kinds = {resource.name: type(resource) for resource in ecosystem.resources}
    guarded = bool(ecosystem.issuer) or any(one.issuer is not None for one in ecosystem.environments)
    return {service.name: _edges(service, kinds, guarded=guarded) for service in ecosystem.services}


def _edges(service: Service, kinds: Mapping[str, type[Resource]], *, guarded: bool) -> Edges:
    used = {kinds[name] for name in service.uses}
    return Edges(
        service=service.name,
        exposes=tuple(route.path for route in service.exposes),
        public=tuple(route.path for route in service.exposes if route.public) if guarded else None,
        emits=service.emits,
        hears=service.hears,
        calls=dict(service.calls),
        uses_database=Database in used,
        uses_broker=Broker in used,
    )


def _find_strays(declaration: Declaration) -> Iterator[Finding]:
    known = {service.name for service in declaration.ecosystem.services}
    for folder in sorted((declaration.root / SERVICES_DIRECTORY).glob("*/pyproject.toml")):
        name = folder.parent.name
        if name not in known:
            sentence = f"{SERVICES_DIRECTORY}/{name} is a service that is not declared: declare it or remove it."
            yield Finding(service=name, edge="declaration", sentence=sentence)


def _find_unused(ecosystem: Ecosystem) -> Iterator[Finding]:
    for resource in ecosystem.resources:
        if not ecosystem.users(resource.name):
            sentence = f"{resource.kind} {resource.name!r} is used by no service: add it to a `uses` or remove it."
            yield Finding(service="", edge="uses", sentence=sentence)


def _find_drift(declaration: Declaration, contracts: Mapping[str, Contract]) -> Iterator[Finding]:
    for service in declaration.ecosystem.services:
        folder = declaration.service_folder(service.name)
        try:
            made = ask(service.name, folder)
        except OutsideError as error:
            yield Finding(service=service.name, edge="contract", sentence=str(error))
            continue
        texts = read_texts(declaration.contract_folder(service.name))
        if texts:  # where there are none, the judge has said so
            for sentence in hold(made, texts, contracts).sentences():
                yield Finding(service=service.name, edge="contract", sentence=sentence)
