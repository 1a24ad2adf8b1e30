"""The edge of a cluster: the Gateway API (gateway.networking.k8s.io/v1), and from it exactly what `exposes` says.

The models of Kubernetes do not know these kinds. The structs below have the fields that are used here and refuse all
others.
"""

from collections.abc import Sequence
from typing import Final, Literal

from lightkube.models.meta_v1 import ObjectMeta

from arnia.conventions import PROBLEM_PREFIX
from arnia.ecosystem import Service
from arnia.ecosystem.groups import group_name
from arnia.synth.objects import NAME, OWNER, Closed, describe
from arnia.synth.workloads import SERVICE_PORT

GATEWAY: Final = "edge"
GATEWAY_CLASS: Final = "envoy"
GATEWAY_NAMESPACE: Final = "envoy-gateway-system"
"""Where Envoy Gateway, unless told otherwise, keeps its proxies."""
CERTIFICATE: Final = "edge-tls"
_REQUEST_SECONDS: Final = 35
"""Above the services' own ceiling (30 s), so that the service answers 504 first and rolls back."""


class SecretReference(Closed):
    name: str
    kind: Literal["Secret"] = "Secret"


class Tls(Closed):
    certificate_refs: Sequence[SecretReference]
    mode: Literal["Terminate"] = "Terminate"


class AllowedRoutes(Closed):
    namespaces: dict[str, Literal["Same"]]


class Listener(Closed):
    name: str
    hostname: str
    port: int
    protocol: Literal["HTTPS"]
    tls: Tls
    allowed_routes: AllowedRoutes


class GatewaySpec(Closed):
    gateway_class_name: str
    listeners: Sequence[Listener]


class Gateway(Closed):
    """The public door: where it listens, and with which certificate."""

    metadata: ObjectMeta
    spec: GatewaySpec
    api_version: Literal["gateway.networking.k8s.io/v1"] = "gateway.networking.k8s.io/v1"
    kind: Literal["Gateway"] = "Gateway"


class PathMatch(Closed):
    type: Literal["PathPrefix", "RegularExpression"]
    value: str


class Match(Closed):
    path: PathMatch


class Backend(Closed):
    name: str
    port: int


class Timeouts(Closed):
    request: str


class Rule(Closed):
    matches: Sequence[Match]
    backend_refs: Sequence[Backend]
    timeouts: Timeouts


class Parent(Closed):
    name: str


class HTTPRouteSpec(Closed):
    parent_refs: Sequence[Parent]
    hostnames: Sequence[str]
    rules: Sequence[Rule]


class HTTPRoute(Closed):
    """Which paths lead to which pods."""

    metadata: ObjectMeta
    spec: HTTPRouteSpec
    api_version: Literal["gateway.networking.k8s.io/v1"] = "gateway.networking.k8s.io/v1"
    kind: Literal["HTTPRoute"] = "HTTPRoute"


def make_gateway(namespace: str, host: str) -> Gateway:
    """Return the one public door of the namespace: HTTPS at `host`, routes from this namespace only."""
    listener = Listener(
        name="https",
        hostname=host,
        port=443,
        protocol="HTTPS",
        tls=Tls(certificate_refs=[SecretReference(name=CERTIFICATE)]),
        allowed_routes=AllowedRoutes(namespaces={"from": "Same"}),
    )
    return Gateway(
        metadata=describe(namespace, GATEWAY),
        spec=GatewaySpec(gateway_class_name=GATEWAY_CLASS, listeners=[listener]),
    )


def make_route(
    namespace: str, host: str, service: Service, versions: Sequence[int | None], *, describes_problems: bool
) -> HTTPRoute:
    """Return what the edge lets through to `service`: the paths that it exposes, and the pages of its problems.

    Args:
        namespace: Where the service and the Gateway are.
        host: The public name.
        service: Whose routes.
        versions: The major versions that run in pods of their own; one None where all share them.
        describes_problems: Whether the pages of the problems that every service knows are this one's too.
    """
    last = versions[-1]
    paths: dict[int | None, list[PathMatch]] = {version: [] for version in versions}
    for route in service.exposes:
        version = route.version if route.version in paths else last
        paths[version].append(PathMatch(type="PathPrefix", value=route.path))
    # A prefix of the Gateway API ends where a segment does, and the names of a service's problems begin with its own.
    paths[last].append(PathMatch(type="RegularExpression", value=f"{PROBLEM_PREFIX}/{service.name}-[^/]+"))
    if describes_problems:
        paths[last].append(PathMatch(type="PathPrefix", value=PROBLEM_PREFIX))
    rules = [
        Rule(
            matches=[Match(path=path) for path in matched],
            backend_refs=[Backend(name=group_name(service.name, version), port=SERVICE_PORT)],
            timeouts=Timeouts(request=f"{_REQUEST_SECONDS}s"),
        )
        for version, matched in paths.items()
        if matched
    ]
    return HTTPRoute(
        metadata=describe(namespace, service.name, {NAME: service.name}, {OWNER: service.owner}),
        spec=HTTPRouteSpec(parent_refs=[Parent(name=GATEWAY)], hostnames=[host], rules=rules),
    )
