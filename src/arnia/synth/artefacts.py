"""Synthesis: ecosystem x environment -> artefacts."""

from collections.abc import Iterator, Mapping

from arnia.contracts import Contract
from arnia.conventions import EDGE_OUTSIDE_KEYS_SECONDS, KEYS_PATH
from arnia.ecosystem import Ecosystem, Environment, Service
from arnia.ecosystem.groups import group_name, groups
from arnia.errors import DeclarationError
from arnia.synth import admission, gateway, network, workloads
from arnia.synth.collector import let_tell
from arnia.synth.configuration import configure
from arnia.synth.faults import find_faults, find_rivals
from arnia.synth.kustomization import make_kustomization
from arnia.synth.mesh import MESHES
from arnia.synth.objects import make_namespace, render
from arnia.synth.workloads import Workload

UNRELEASED = "unreleased"
"""The tag of an image that no release has named: nothing has it, so nothing that nobody chose can start."""
KUSTOMIZATION = "kustomization.yaml"


def synth(ecosystem: Ecosystem, environment: Environment, contracts: Mapping[str, Contract]) -> dict[str, str]:
    """Return the artefacts of `ecosystem` in `environment`: a text by path, which begins with the environment's name.

    The same arguments give the same bytes, in whatever order they were declared. No secret value is in them.

    Args:
        ecosystem: What runs.
        environment: Where.
        contracts: The committed contract of each service, by name.

    Raises:
        DeclarationError: The environment lacks something, or says what no contract knows; every such fault at once.
    """
    namespace = f"{ecosystem.name}-{environment.name}"
    built = {
        service.name: _build_workloads(ecosystem, environment, service, contracts, namespace)
        for service in ecosystem.services
        if service.name in contracts
    }
    faults = [*find_faults(ecosystem, environment, contracts)]
    faults += [fault for pods in built.values() for one in pods for fault in one.configuration.faults]
    if faults:
        raise DeclarationError(list(dict.fromkeys(faults)))
    things = dict(_make_shared(ecosystem, environment, namespace))
    for service in ecosystem.services:
        things |= _make_own(ecosystem, environment, service, built[service.name], namespace)
    if faults := [*find_rivals(environment, things.values())]:
        raise DeclarationError(faults)
    versions = {_image(environment, service.name): UNRELEASED for service in ecosystem.services}
    versions |= {_image(environment, name): version for name, version in environment.releases.items()}
    things[KUSTOMIZATION] = make_kustomization(things, versions)
    return {f"{environment.name}/{path}": render(things[path]) for path in sorted(things)}


def _make_shared(ecosystem: Ecosystem, environment: Environment, namespace: str) -> Iterator[tuple[str, object]]:
    yield "namespace.yaml", make_namespace(namespace)
    yield "default-deny.yaml", network.deny_all(namespace)
    if any(service.exposes for service in ecosystem.services):
        yield "gateway.yaml", gateway.make_gateway(namespace, environment.host)
        yield "client-policy.yaml", admission.strip_identity(namespace)
        yield "traffic-policy.yaml", admission.hold_back(namespace, environment.edge_requests_per_second)


def _make_own(
    ecosystem: Ecosystem, environment: Environment, service: Service, pods: list[Workload], namespace: str
) -> dict[str, object]:
    things: dict[str, object] = {
        "service-account": workloads.make_service_account(namespace, service),
        "network-policy": let_tell(
            network.allow_declared(ecosystem, service, namespace, MESHES[environment.mesh], environment.issuer), pods
        ),
    }
    if service.exposes:
        things |= _make_door(ecosystem, environment, service, namespace)
    for workload in pods:
        suffix = workload.name.removeprefix(service.name)
        things |= {
            f"config-map{suffix}": workloads.make_config_map(workload),
            f"deployment{suffix}": workloads.make_deployment(workload),
            f"service{suffix}": workloads.make_service(workload),
            f"disruption-budget{suffix}": workloads.make_disruption_budget(workload),
        }
    return {f"{service.name}/{kind}.yaml": thing for kind, thing in things.items()}


def _make_door(ecosystem: Ecosystem, environment: Environment, service: Service, namespace: str) -> dict[str, object]:
    trust = _trust(ecosystem, environment, namespace)
    door = gateway.Doorway(
        namespace=namespace,
        host=environment.host,
        service=service,
        versions=groups(service, environment),
        guarded=trust is not None,
        describes_problems=service.name == next(one.name for one in ecosystem.services if one.exposes),
    )
    if trust is None or not door.asks:
        return {"http-route": door.make_public()}
    return {
        "http-route": door.make_guarded(),
        "http-route-public": door.make_public(),
        "security-policy": admission.ask_for_tokens(namespace, service, trust),
    }


def _trust(ecosystem: Ecosystem, environment: Environment, namespace: str) -> admission.Trust | None:
    """Return whose tokens the edge believes; its proxies ask from a namespace of their own."""
    if environment.issuer is not None:
        outside = environment.issuer
        return admission.Trust(issuer=outside.url, keys=outside.keys, keys_seconds=EDGE_OUTSIDE_KEYS_SECONDS)
    if not ecosystem.issuer:
        return None
    newest = _newest(ecosystem.service(ecosystem.issuer), environment)
    keys = f"http://{newest}.{namespace}.svc.cluster.local{KEYS_PATH}"
    return admission.Trust(issuer=f"https://{environment.host}", keys=keys)


def _build_workloads(
    ecosystem: Ecosystem,
    environment: Environment,
    service: Service,
    contracts: Mapping[str, Contract],
    namespace: str,
) -> list[Workload]:
    addresses = {
        called: f"http://{_group_called(ecosystem.service(called), environment, version)}"
        for called, version in service.calls.items()
    }
    issuer = f"http://{_newest(ecosystem.service(ecosystem.issuer), environment)}" if ecosystem.issuer else ""
    return [
        Workload(
            namespace=namespace,
            name=group_name(service.name, version),
            service=service,
            replicas=environment.replicas_of(service.name),
            image=f"{_image(environment, service.name)}:{UNRELEASED}",
            configuration=configure(
                service.name,
                contracts[service.name],
                environment,
                addresses,
                version,
                issuer,
                exposed=bool(service.exposes),
            ),
            mesh=MESHES[environment.mesh],
        )
        for version in groups(service, environment)
    ]


def _group_called(called: Service, environment: Environment, version: int) -> str:
    apart = groups(called, environment)
    return group_name(called.name, version if version in apart else apart[-1])


def _newest(service: Service, environment: Environment) -> str:
    return group_name(service.name, groups(service, environment)[-1])


def _image(environment: Environment, service: str) -> str:
    return f"{environment.registry}/{service}"
