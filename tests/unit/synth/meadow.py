"""An ecosystem with one of everything that synthesis knows. `python -m tests.unit.synth.meadow` prints its snapshot."""

import sys
from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue

from arnia.contracts import Contract
from arnia.conventions import variable
from arnia.ecosystem import Broker, Cache, Database, Ecosystem, Environment, Route, Secrets, Service
from arnia.synth.artefacts import synth

SECRET: Final = "honey-for-nobody"
"""Stands as a default where no secret should have one, to see that it goes nowhere."""

gate = Service(
    name="gate",
    owner="Team Façade: web & mobile",
    calls={"bee-line": 1, "nectar": 2},
    exposes=(Route(path="/bff/web"), Route(path="/bff/mobile")),
)
nectar = Service(
    name="nectar",
    owner="flora",
    uses=("nectar-db", "meadow-bus"),
    calls={"bee-line": 1},
    emits=("nectar.found",),
    exposes=(Route(path="/api/v1/nectar"), Route(path="/api/v2/nectar"), Route(path="/flowers")),
)
bee_line = Service(
    name="bee-line",
    owner="on",
    uses=("wax", "meadow-bus", "keys", "bee-line-db"),
    hears=("nectar.found",),
)
queen = Service(name="queen", owner="flora", uses=("queen-db",), exposes=(Route(path="/token", public=True),))
MEADOW: Final = Ecosystem(
    name="meadow",
    services=(gate, nectar, bee_line, queen),
    issuer="queen",
    resources=(
        Database(name="bee-line-db"),
        Database(name="nectar-db"),
        Database(name="queen-db"),
        Broker(name="meadow-bus"),
        Cache(name="wax"),
        Secrets(name="keys"),
    ),
    environments=(Environment(name="local"),),
)
PRODUCTION: Final = Environment(
    name="production",
    host="meadow.example",
    registry="registry.example:5000/meadow",
    split_versions=("nectar",),
    replicas={"nectar": 3},
    releases={"nectar": "1234e56", "gate": "sha256:" + "ab" * 32},
    settings={"BEE_LINE_DRAIN_SECONDS": "0.5", "BEE_LINE_STOP_SECONDS": "300", "GATE_LOG_LEVEL": "debug"},
)


def contract_of(service: Service, ecosystem: Ecosystem = MEADOW) -> Contract:
    """Return the contract that a service of the chassis would have."""
    databases = {one.name for one in ecosystem.resources if isinstance(one, Database)}
    settings = [
        _setting(service, "environment", "Literal['local', 'test', 'production']", "local"),
        _setting(service, "host", "str", "127.0.0.1"),
        _setting(service, "port", "int", None),
        _setting(service, "api_versions", "tuple[int, ...]", "()"),
        _setting(service, "log_level", "Literal['debug', 'info', 'warning', 'error']", "info"),
        _setting(service, "drain_seconds", "float", "1.0"),
        _setting(service, "stop_seconds", "int", "30"),
        _setting(service, "issuer", "str", ""),
        _setting(service, "jwks_url", "str", ""),
        _setting(service, "revocation_url", "SecretStr | None", SECRET, secret=True),
        *(_setting(service, f"{called.replace('-', '_')}__url", "str", None) for called in service.calls),
        *(_setting(service, name, "str", "") for name in ("token_url", "client_id") if service.calls),
    ]
    if databases & set(service.uses):
        settings.append(_setting(service, "migrate_on_start", "bool", "True"))
        settings.append(_setting(service, "database_url", "str", SECRET, secret=True))
    if {one.name for one in ecosystem.resources if isinstance(one, Broker)} & set(service.uses):
        settings.append(_setting(service, "broker_url", "SecretStr | None", SECRET, secret=True))
        settings.append(_setting(service, "role", "Literal['all', 'api', 'relay', 'consumer']", "all"))
    return Contract(service=service.name, settings={"settings": settings})


def _setting(service: Service, name: str, kind: str, default: str | None, *, secret: bool = False) -> JsonValue:
    return {
        "variable": variable(service.name, name),
        "type": kind,
        "required": default is None,
        "secret": secret,
        "default": default,
        "description": None,
    }


def contracts_of(ecosystem: Ecosystem) -> dict[str, Contract]:
    """Return a contract for each service."""
    return {service.name: contract_of(service, ecosystem) for service in ecosystem.services}


def join(artefacts: Mapping[str, str]) -> str:
    """Return all artefacts as one text."""
    return "".join(f"--- # {path}\n{text}" for path, text in artefacts.items())


if __name__ == "__main__":
    sys.stdout.write(join(synth(MEADOW, PRODUCTION, contracts_of(MEADOW))))
