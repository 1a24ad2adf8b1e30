"""The way to a collector of OpenTelemetry: open where an environment tells a service of one, and nowhere else."""

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from lightkube.models.meta_v1 import LabelSelector
from lightkube.models.networking_v1 import (
    IPBlock,
    NetworkPolicy,
    NetworkPolicyEgressRule,
    NetworkPolicyPeer,
    NetworkPolicyPort,
    NetworkPolicySpec,
)

from arnia.conventions import variable
from arnia.synth.workloads import Workload

_SETTING: Final = "otlp_endpoint"
_PORTS: Final = {"http": 80, "https": 443}
_CLUSTER: Final = ("svc", "svc.cluster.local")


def let_tell(policy: NetworkPolicy, pods: Sequence[Workload]) -> NetworkPolicy:
    """Return `policy` with a rule out for each collector that `pods` are told of."""
    told = {pod.configuration.values.get(variable(pod.service.name, _SETTING), "") for pod in pods} - {""}
    if policy.spec is None or not told:
        return policy
    spec = NetworkPolicySpec(
        podSelector=policy.spec.podSelector,
        policyTypes=policy.spec.policyTypes,
        ingress=policy.spec.ingress,
        egress=[*(policy.spec.egress or ()), *map(_reach, sorted(told))],
    )
    return NetworkPolicy(metadata=policy.metadata, spec=spec)


def _reach(endpoint: str) -> NetworkPolicyEgressRule:
    target = urlsplit(endpoint)
    ports = [NetworkPolicyPort(port=target.port or _PORTS[target.scheme], protocol="TCP")]
    peer = _peer(target.hostname or "")
    return NetworkPolicyEgressRule(to=None if peer is None else [peer], ports=ports)


def _peer(host: str) -> NetworkPolicyPeer | None:
    """Return whom `host` means: one address, or the pods of a namespace; policies know no names outside the cluster."""
    try:
        address = ip_address(host)
    except ValueError:
        service, _, rest = host.partition(".")
        namespace, _, domain = rest.partition(".")
        if service and not namespace:
            return NetworkPolicyPeer(podSelector=LabelSelector())
        if namespace and (not domain or domain in _CLUSTER):
            labels = {"kubernetes.io/metadata.name": namespace}
            return NetworkPolicyPeer(namespaceSelector=LabelSelector(matchLabels=labels))
        return None
    return NetworkPolicyPeer(ipBlock=IPBlock(cidr=f"{address}/{address.max_prefixlen}"))
