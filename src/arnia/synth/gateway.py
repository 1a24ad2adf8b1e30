"""The edge of a cluster: the Gateway API (gateway.networking.k8s.io/v1), and from it exactly what `exposes` says.

The models of Kubernetes do not know these kinds. The structs below have the fields that are used here and refuse all
others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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


class Match(Closed, omit_defaults=True):
    path: PathMatch
    method: Literal["OPTIONS"] | None = None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Doorway:
    """What the edge lets through to one service.

    Attributes:
        namespace: Where the service and the Gateway are.
        host: The public name.
        service: Whose routes.
        versions: The major versions that run in pods of their own; one None where all share them.
        guarded: Whether somebody issues tokens: routes that are not public then take one.
        describes_problems: Whether the pages of the problems that every service knows are this one's too.
    """

    namespace: str
    host: str
    service: Service
    versions: Sequence[int | None]
    guarded: bool
    describes_problems: bool

    @property
    def asks(self) -> bool:
        """Whether any route takes a token."""
        return self.guarded and not all(route.public for route in self.service.exposes)

    def make_guarded(self) -> HTTPRoute:
        """Return the paths that take a token."""
        return self._make(self.service.name, self._matches(public=False))

    def make_public(self) -> HTTPRoute:
        """Return all other paths, and the pages of the service's problems.

        Which methods a path has is no secret, and a browser asks for it without a token (CORS): of two routes with the
        same path the one that names the method is taken.
        """
        matches = self._matches(public=True)
        if self.guarded:
            for version, guarded in self._matches(public=False).items():
                matches[version] += [Match(path=one.path, method="OPTIONS") for one in guarded]
        # A prefix of the Gateway API ends where a segment does; the names of a service's problems begin with its own.
        own = PathMatch(type="RegularExpression", value=f"{PROBLEM_PREFIX}/{self.service.name}-[^/]+")
        matches[self.versions[-1]].append(Match(path=own))
        if self.describes_problems:
            matches[self.versions[-1]].append(Match(path=PathMatch(type="PathPrefix", value=PROBLEM_PREFIX)))
        return self._make(f"{self.service.name}-public" if self.asks else self.service.name, matches)

    def _matches(self, *, public: bool) -> dict[int | None, list[Match]]:
        matches: dict[int | None, list[Match]] = {version: [] for version in self.versions}
        for route in self.service.exposes:
            if public == (route.public or not self.guarded):
                version = route.version if route.version in matches else self.versions[-1]
                matches[version].append(Match(path=PathMatch(type="PathPrefix", value=route.path)))
        return matches

    def _make(self, name: str, matches: Mapping[int | None, Sequence[Match]]) -> HTTPRoute:
        rules = [
            Rule(
                matches=matched,
                backend_refs=[Backend(name=group_name(self.service.name, version), port=SERVICE_PORT)],
                timeouts=Timeouts(request=f"{_REQUEST_SECONDS}s"),
            )
            for version, matched in matches.items()
            if matched
        ]
        labels, annotations = {NAME: self.service.name}, {OWNER: self.service.owner}
        return HTTPRoute(
            metadata=describe(self.namespace, name, labels, annotations),
            spec=HTTPRouteSpec(parent_refs=[Parent(name=GATEWAY)], hostnames=[self.host], rules=rules),
        )
