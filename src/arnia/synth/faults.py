"""Why an ecosystem cannot be synthesised in an environment: each fault one sentence, with what to do."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Final

from arnia.contracts import Contract
from arnia.conventions import SHARED_KEY, variable
from arnia.ecosystem import Ecosystem, Environment
from arnia.synth.configuration import PROXIES, read_settings
from arnia.synth.objects import identify

_HOST: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+")
_REGISTRY: Final = re.compile(r"[a-z0-9.-]+(?::[0-9]+)?(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*")
_RELEASE: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}|sha256:[0-9a-f]{64}")
"""A tag or a digest, as the OCI distribution specification has them."""
_ISSUERS: Final = ("issuer", "jwks_url", "token_keys")
"""Settings by which a service says itself whose tokens it believes."""


def find_faults(ecosystem: Ecosystem, environment: Environment, contracts: Mapping[str, Contract]) -> Iterator[str]:
    """Yield what `environment` lacks, or says that no service and no contract knows."""
    where = f"environment {environment.name!r}"
    if not environment.registry:
        yield f"{where}: `registry` is empty: say where the images are, such as 'registry.example/shop'."
    elif not _REGISTRY.fullmatch(environment.registry):
        yield f"{where}: `registry` {environment.registry!r} begins no image: write it like 'registry.example/shop'."
    if environment.host and not _HOST.fullmatch(environment.host):
        yield f"{where}: `host` {environment.host!r} is no name of a host: write it like 'shop.example'."
    elif not environment.host and any(service.exposes for service in ecosystem.services):
        yield f"{where}: `host` is empty, and routes are exposed: give the public name, such as 'shop.example'."
    if environment.issuer is not None and not environment.issuer.secure:
        yield f"{where}: `issuer` publishes its keys at {environment.issuer.keys!r}, which no pod reaches: use https."
    for service in ecosystem.services:
        if service.name not in contracts:
            yield f"service {service.name!r}: it has no contract: write it with `arnia contract {service.name}`."
    yield from _find_strangers(where, environment, contracts)
    yield from _find_shared_keys(where, ecosystem, environment, contracts)
    yield from _find_unknown_proxies(where, ecosystem, environment, contracts)
    for name, release in environment.releases.items():
        if name not in {service.name for service in ecosystem.services}:
            yield f"{where}: `releases` names {name!r}, which no service is called: remove it."
        if not _RELEASE.fullmatch(release):
            yield f"{where}: `releases` of {name!r}: {release!r} is neither a tag nor a digest (`sha256:...`)."


def _find_strangers(where: str, environment: Environment, contracts: Mapping[str, Contract]) -> Iterator[str]:
    known = sorted(name for contract in contracts.values() for name in read_settings(contract))
    for name in environment.settings:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            advice = f"did you mean {close[0]!r}" if close else "remove it"
            yield f"{where}: `settings` names {name!r}, which no contract knows: {advice}."


def _find_shared_keys(
    where: str, ecosystem: Ecosystem, environment: Environment, contracts: Mapping[str, Contract]
) -> Iterator[str]:
    """Yield that a key that both verifies tokens and makes them is left to one of several services that take tokens."""
    if ecosystem.issuer or environment.issuer is not None:
        return
    guarded = sum(contract.is_guarded for contract in contracts.values())
    left = [name for name, contract in sorted(contracts.items()) if _needs_shared_key(name, contract, environment)]
    if left and guarded > 1:
        files = ", ".join(variable(name, SHARED_KEY).lower() for name in left)
        yield (
            f"{where}: {guarded} services take tokens, and nobody issues any for {', '.join(left)}: a shared key "
            f"({files}) is for an ecosystem of one service, since whoever verifies with it can make tokens: "
            "name an `issuer`."
        )


def _needs_shared_key(service: str, contract: Contract, environment: Environment) -> bool:
    key = read_settings(contract).get(variable(service, SHARED_KEY))
    if key is None or any(environment.settings.get(variable(service, name)) for name in _ISSUERS):
        return False
    return key.required or contract.is_guarded


def _find_unknown_proxies(
    where: str, ecosystem: Ecosystem, environment: Environment, contracts: Mapping[str, Contract]
) -> Iterator[str]:
    """Yield which services count by address, and would take all callers behind one proxy for one of them."""
    for service in ecosystem.services if not environment.proxies else ():
        known = read_settings(contracts[service.name]) if service.exposes and service.name in contracts else {}
        proxies, limit = variable(service.name, PROXIES), known.get(variable(service.name, "rate_limit"))
        limited = limit is not None and environment.settings.get(limit.variable, limit.default or "")
        counts = service.name == ecosystem.issuer or limited
        if counts and proxies in known and not environment.settings.get(proxies):
            yield (
                f"{where}: {service.name!r} counts by address, and takes all callers behind one proxy of the edge for "
                'one: say in `proxies` which networks these are in, such as `proxies=("10.244.0.0/16",)`.'
            )


def find_rivals(environment: Environment, things: Iterable[object]) -> Iterator[str]:
    """Yield which names the cluster would refuse, or take for one: with versions apart, two services may meet."""
    where = f"environment {environment.name!r}"
    for (kind, name), count in sorted(Counter(map(identify, things)).items()):
        if count > 1:
            yield f"{where}: {count} objects {kind} would be called {name!r}: rename a service."
        if len(name) > 63:
            yield f"{where}: {kind} {name!r} is longer than 63 characters: shorten the name."
