"""Who may speak to whom: nobody to nobody, but for what the ecosystem declares."""

from collections.abc import Iterable
from typing import Final

from lightkube.models.meta_v1 import LabelSelector
from lightkube.models.networking_v1 import (
    NetworkPolicy,
    NetworkPolicyEgressRule,
    NetworkPolicyIngressRule,
    NetworkPolicyPeer,
    NetworkPolicyPort,
    NetworkPolicySpec,
)

from arnia.ecosystem import Cache, Ecosystem, Issuer, Resource, Service
from arnia.synth.gateway import GATEWAY, GATEWAY_NAMESPACE
from arnia.synth.mesh import NO_MESH, Mesh
from arnia.synth.objects import NAME, OWNER, describe
from arnia.synth.workloads import HTTP

_BOTH: Final = ["Ingress", "Egress"]
_CLUSTER_DNS: Final = LabelSelector(matchLabels={"kubernetes.io/metadata.name": "kube-system"})
_PORTS: Final = {
    "broker": (4222, 5671, 5672, 9092, 9093),
    "cache": (6379,),
    "database": (5432,),
    "secrets": (8200,),
}
"""Where resources listen, by kind. Where they are only the secrets say, so their addresses are left open."""


def deny_all(namespace: str) -> NetworkPolicy:
    """Return the policy that holds where no other does: no pod receives or sends anything."""
    return NetworkPolicy(
        metadata=describe(namespace, "default-deny"),
        spec=NetworkPolicySpec(podSelector=LabelSelector(), policyTypes=list(_BOTH)),
    )


def allow_declared(
    ecosystem: Ecosystem, service: Service, namespace: str, mesh: Mesh = NO_MESH, outside: Issuer | None = None
) -> NetworkPolicy:
    """Return what the pods of `service` may receive and send.

    In: one rule for each service that calls it, and one for the edge when it exposes a route. Out: one rule for each
    service that it calls, one for each resource that it uses, and one for names. Every service calls the issuer of
    tokens, and follows what is revoked at a Cache; for the keys of an issuer `outside` it may call any host at that
    port, since policies know no names. The proxy of a mesh asks its control plane.
    """
    resources = [ecosystem.resource(name) for name in service.uses]
    if ecosystem.issuer and not any(isinstance(one, Cache) for one in resources):
        resources.append(Cache(name="revocations"))
    return NetworkPolicy(
        metadata=describe(namespace, service.name, {NAME: service.name}, {OWNER: service.owner}),
        spec=NetworkPolicySpec(
            podSelector=_pods(service.name),
            policyTypes=list(_BOTH),
            ingress=list(_receive(ecosystem, service, namespace)),
            egress=[
                _send_names(),
                *map(_send, _called(ecosystem, service)),
                *_use(resources),
                *_follow(mesh),
                *_reach(outside),
            ],
        ),
    )


def _receive(ecosystem: Ecosystem, service: Service, namespace: str) -> Iterable[NetworkPolicyIngressRule]:
    ports = [NetworkPolicyPort(port=HTTP, protocol="TCP")]
    for caller in (one for one in ecosystem.services if service.name in _called(ecosystem, one)):
        yield NetworkPolicyIngressRule(from_=[NetworkPolicyPeer(podSelector=_pods(caller.name))], ports=ports)
    asked_for_keys = service.name == ecosystem.issuer and any(one.exposes for one in ecosystem.services)
    if service.exposes or asked_for_keys:
        # Envoy Gateway labels the proxies that it starts for a Gateway, and keeps them in a namespace of its own.
        edge = NetworkPolicyPeer(
            namespaceSelector=LabelSelector(matchLabels={"kubernetes.io/metadata.name": GATEWAY_NAMESPACE}),
            podSelector=LabelSelector(
                matchLabels={
                    "gateway.envoyproxy.io/owning-gateway-name": GATEWAY,
                    "gateway.envoyproxy.io/owning-gateway-namespace": namespace,
                }
            ),
        )
        yield NetworkPolicyIngressRule(from_=[edge], ports=ports)


def _called(ecosystem: Ecosystem, service: Service) -> list[str]:
    asked = {ecosystem.issuer} - {"", service.name}
    return sorted({*service.calls} | asked)


def _send_names() -> NetworkPolicyEgressRule:
    ports = [NetworkPolicyPort(port=53, protocol=protocol) for protocol in ("TCP", "UDP")]
    return NetworkPolicyEgressRule(to=[NetworkPolicyPeer(namespaceSelector=_CLUSTER_DNS)], ports=ports)


def _follow(mesh: Mesh) -> Iterable[NetworkPolicyEgressRule]:
    if mesh.namespace:
        where = NetworkPolicyPeer(
            namespaceSelector=LabelSelector(matchLabels={"kubernetes.io/metadata.name": mesh.namespace})
        )
        ports = [NetworkPolicyPort(port=port, protocol="TCP") for port in mesh.ports]
        yield NetworkPolicyEgressRule(to=[where], ports=ports)


def _reach(outside: Issuer | None) -> Iterable[NetworkPolicyEgressRule]:
    if outside is not None:
        yield NetworkPolicyEgressRule(ports=[NetworkPolicyPort(port=outside.port, protocol="TCP")])


def _send(called: str) -> NetworkPolicyEgressRule:
    return NetworkPolicyEgressRule(
        to=[NetworkPolicyPeer(podSelector=_pods(called))], ports=[NetworkPolicyPort(port=HTTP, protocol="TCP")]
    )


def _use(resources: Iterable[Resource]) -> Iterable[NetworkPolicyEgressRule]:
    for resource in resources:
        ports = _PORTS[str(getattr(resource, "kind", ""))]
        yield NetworkPolicyEgressRule(ports=[NetworkPolicyPort(port=port, protocol="TCP") for port in ports])


def _pods(service: str) -> LabelSelector:
    return LabelSelector(matchLabels={NAME: service})
