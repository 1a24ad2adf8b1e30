"""Who may ask the issuer for tokens here: each service that calls others, and the people who use the ecosystem.

Nothing of it is written by hand: what a service may ask for is what its committed contract says that it calls.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from arnia.contracts import Contract, Document, operations
from arnia.conventions import ROLES_EXTENSION
from arnia.ecosystem import Ecosystem, Service
from arnia.local.envoy_types import Json

FIRST_PARTY: Final = "arnia"
"""The OAuth client of people at this machine: public, because a laptop keeps no secret from its owner."""
_REDIRECT: Final = "http://127.0.0.1/callback"
_FOR_SERVICES: Final = ("client_credentials", "urn:ietf:params:oauth:grant-type:token-exchange")
_FOR_PEOPLE: Final = ("authorization_code", "password", "refresh_token")


def declare_clients(
    ecosystem: Ecosystem, contracts: Mapping[str, Contract], secrets: Mapping[str, str]
) -> tuple[Json, ...]:
    """Return the OAuth clients of `ecosystem`, as its issuer reads them.

    Args:
        ecosystem: Whose `calls` and `exposes` say who asks whom.
        contracts: The committed contracts, by service; without its own, a service gets tokens without a scope.
        secrets: Of each service that calls others, by service.
    """
    callers = (service for service in ecosystem.services if service.calls)
    exposing = {service.name: exposed_scopes(service, contracts.get(service.name)) for service in ecosystem.services}
    people: Json = {
        "client_id": FIRST_PARTY,
        "grants": list(_FOR_PEOPLE),
        "audiences": {name: scopes for name, scopes in exposing.items() if scopes is not None},
        "reserved_scopes": reserved_scopes(ecosystem, contracts),
        "redirect_uris": [_REDIRECT],
        "public": True,
        "first_party": True,
    }
    return (people, *(_of_service(caller, contracts.get(caller.name), secrets[caller.name]) for caller in callers))


def _of_service(service: Service, contract: Contract | None, secret: str) -> Json:
    called: Document = {} if contract is None else contract.calls.get("calls", {})
    return {
        "client_id": service.name,
        "secret": secret,
        "grants": list(_FOR_SERVICES),
        "audiences": {name: _called_scopes(called.get(name, {})) for name in service.calls},
        "redirect_uris": [],
        "public": False,
        "first_party": True,
    }


def _called_scopes(called: Document) -> list[str]:
    return sorted({scope for operation in called.get("operations", []) for scope in operation.get("scopes", [])})


def exposed_scopes(service: Service, contract: Contract | None) -> list[str] | None:
    """Return the scopes that the operations below exposed paths ask for; None where nothing asks for a token."""
    if all(route.public for route in service.exposes):
        return None
    return sorted({scope for operation in _exposed(service, contract) for scope in _scopes(operation)})


def reserved_scopes(ecosystem: Ecosystem, contracts: Mapping[str, Contract]) -> dict[str, list[str]]:
    """Return, of each scope that nothing exposed takes without a role, the roles of which one is needed."""
    wanted: dict[str, set[str]] = {}
    free = set[str]()
    for service in ecosystem.services:
        for operation in _exposed(service, contracts.get(service.name)):
            roles = operation.get(ROLES_EXTENSION, [])
            for scope in _scopes(operation):
                wanted.setdefault(scope, set()).update(roles)
                if not roles:
                    free.add(scope)
    return {scope: sorted(roles) for scope, roles in sorted(wanted.items()) if scope not in free}


def _exposed(service: Service, contract: Contract | None) -> Iterator[Document]:
    documents = () if contract is None else (*contract.openapi.values(), contract.protocols)
    for document in documents:
        for path, _, operation in operations(document):
            if any(route.covers(path) for route in service.exposes):
                yield operation


def _scopes(operation: Document) -> Iterator[str]:
    for requirement in operation.get("security", []):
        for scopes in requirement.values():
            yield from scopes
