"""What the edge of a cluster does with a request before it routes it: forged headers out, floods back, tokens verified.

These kinds are Envoy Gateway's own (gateway.envoyproxy.io/v1alpha1, from 1.7 on), where the Gateway API has none. The
structs have the fields that are used here and refuse all others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec
from lightkube.models.meta_v1 import ObjectMeta

from arnia.conventions import EDGE_KEYS_SECONDS, IDENTITY_HEADERS, IDENTITY_PREFIXES
from arnia.ecosystem import Service
from arnia.synth.gateway import GATEWAY
from arnia.synth.objects import NAME, OWNER, Closed, describe

EVERYBODY: Final = ("0.0.0.0/0", "::/0")


class Target(Closed):
    kind: Literal["Gateway", "HTTPRoute"]
    name: str
    group: Literal["gateway.networking.k8s.io"] = "gateway.networking.k8s.io"


class RemoteKeys(Closed):
    """Where keys are published, and for how long they are kept: unless it is said, for 300 s."""

    uri: str
    cache_duration: str


class Provider(Closed):
    name: str
    issuer: str
    audiences: Sequence[str]
    remote_keys: RemoteKeys = msgspec.field(name="remoteJWKS")


class Jwt(Closed):
    providers: Sequence[Provider]


class SecuritySpec(Closed):
    target_refs: Sequence[Target]
    jwt: Jwt


class SecurityPolicy(Closed):
    """Which routes take a token, whose, and for whom."""

    metadata: ObjectMeta
    spec: SecuritySpec
    api_version: Literal["gateway.envoyproxy.io/v1alpha1"] = "gateway.envoyproxy.io/v1alpha1"
    kind: Literal["SecurityPolicy"] = "SecurityPolicy"


class Addresses(Closed):
    value: str
    type: Literal["Distinct"] = "Distinct"


class Selector(Closed):
    addresses: Addresses = msgspec.field(name="sourceCIDR")


class Limit(Closed):
    requests: int
    unit: Literal["Second"] = "Second"


class LimitRule(Closed):
    client_selectors: Sequence[Selector]
    limit: Limit


class LocalLimits(Closed):
    rules: Sequence[LimitRule]


class RateLimits(Closed):
    local: LocalLimits
    type: Literal["Local"] = "Local"


class TrafficSpec(Closed):
    target_refs: Sequence[Target]
    rate_limit: RateLimits


class BackendTrafficPolicy(Closed):
    """How much one address may send."""

    metadata: ObjectMeta
    spec: TrafficSpec
    api_version: Literal["gateway.envoyproxy.io/v1alpha1"] = "gateway.envoyproxy.io/v1alpha1"
    kind: Literal["BackendTrafficPolicy"] = "BackendTrafficPolicy"


class Matched(Closed):
    value: str
    type: Literal["Prefix"] = "Prefix"


class Removal(Closed):
    remove: Sequence[str]
    remove_on_match: Sequence[Matched]


class HeaderSettings(Closed):
    early_request_headers: Removal


class ClientSpec(Closed):
    target_refs: Sequence[Target]
    headers: HeaderSettings


class ClientTrafficPolicy(Closed):
    """What is done with every request of a client, whatever route it takes; a Gateway has one."""

    metadata: ObjectMeta
    spec: ClientSpec
    api_version: Literal["gateway.envoyproxy.io/v1alpha1"] = "gateway.envoyproxy.io/v1alpha1"
    kind: Literal["ClientTrafficPolicy"] = "ClientTrafficPolicy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Whose tokens the edge believes: their `iss`, where the keys are, and how many seconds these are kept."""

    issuer: str
    keys: str
    keys_seconds: int = EDGE_KEYS_SECONDS


def ask_for_tokens(namespace: str, service: Service, trust: Trust) -> SecurityPolicy:
    """Return the policy by which the guarded routes of `service` take a token for it; its public ones are another."""
    keys = RemoteKeys(uri=trust.keys, cache_duration=f"{trust.keys_seconds}s")
    provider = Provider(name="issuer", issuer=trust.issuer, audiences=[service.name], remote_keys=keys)
    return SecurityPolicy(
        metadata=describe(namespace, service.name, {NAME: service.name}, {OWNER: service.owner}),
        spec=SecuritySpec(target_refs=[Target(kind="HTTPRoute", name=service.name)], jwt=Jwt(providers=[provider])),
    )


def hold_back(namespace: str, requests: int) -> BackendTrafficPolicy:
    """Return the policy by which one address sends at most `requests` a second, to each route of each proxy."""
    rules = [
        LimitRule(client_selectors=[Selector(addresses=Addresses(value=network))], limit=Limit(requests=requests))
        for network in EVERYBODY
    ]
    return BackendTrafficPolicy(
        metadata=describe(namespace, GATEWAY),
        spec=TrafficSpec(
            target_refs=[Target(kind="Gateway", name=GATEWAY)], rate_limit=RateLimits(local=LocalLimits(rules=rules))
        ),
    )


def strip_identity(namespace: str) -> ClientTrafficPolicy:
    """Return the policy that takes out of a request everything by which a client may pretend to be somebody.

    A filter of a route (RequestHeaderModifier) is portable, but knows no prefixes, and would have to be in every rule.
    This one comes before Envoy adds what it knows itself (`x-forwarded-for`, `x-forwarded-proto`).
    """
    removal = Removal(
        remove=list(IDENTITY_HEADERS), remove_on_match=[Matched(value=prefix) for prefix in IDENTITY_PREFIXES]
    )
    return ClientTrafficPolicy(
        metadata=describe(namespace, GATEWAY),
        spec=ClientSpec(
            target_refs=[Target(kind="Gateway", name=GATEWAY)], headers=HeaderSettings(early_request_headers=removal)
        ),
    )
