"""What a cluster is told is valid, closed, restricted, and what the services themselves expect."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import jsonschema
import pytest
from tests.unit.synth.meadow import MEADOW, PRODUCTION, contracts_of
from tests.unit.synth.objects import NAME, Object, Objects

from arnia.commands.declaration import load
from arnia.commands.promises import committed
from arnia.synth.artefacts import synth

ROOT: Final = Path(__file__).resolve().parents[3]
SCHEMAS: Final = json.loads((Path(__file__).parent / "kubernetes-1.37.json").read_text(encoding="utf-8"))
POLICIES: Final = ("BackendTrafficPolicy", "ClientTrafficPolicy", "SecurityPolicy")
OURS: Final = {*POLICIES, "Gateway", "HTTPRoute", "Kustomization"}
"""Kinds that are no part of Kubernetes itself; closed structs of Arnia stand for their schemas."""
DECLARED: Final = load(ROOT)
SYSTEMS: Final = {
    "meadow": Objects.read(synth(MEADOW, PRODUCTION, contracts_of(MEADOW))),
    "reference": Objects.read(
        synth(DECLARED.ecosystem, DECLARED.ecosystem.environment("production"), committed(DECLARED))
    ),
}

pytestmark = pytest.mark.parametrize("found", SYSTEMS.values(), ids=SYSTEMS)


def complaints(thing: Object) -> Iterator[str]:
    """Yield what the schema of Kubernetes, in which no field may be unknown, has against an object."""
    reference = {"$ref": f"#/definitions/{SCHEMAS['kinds'][thing['kind']]}", "definitions": SCHEMAS["definitions"]}
    for error in jsonschema.Draft7Validator(reference).iter_errors(thing):
        yield f"{thing['kind']}: {error.json_path}: {error.message}"


def test_every_object_fits_the_schema_of_kubernetes(found: Objects) -> None:
    """Every kind of Kubernetes fits its own strict schema; only the six that it does not know have none."""
    known = [one for one in found.by_path.values() if one["kind"] not in OURS]
    assert [complaint for one in known for complaint in complaints(one)] == []
    assert {one["kind"] for one in found.by_path.values()} == OURS | SCHEMAS["kinds"].keys()


def test_the_schema_would_see_a_fault(found: Objects) -> None:
    """A field that does not exist, or a text where a number belongs, is seen."""
    (service, *_) = found.of("Service")
    spec = service["spec"]
    assert list(complaints({**service, "spec": {**spec, "selektor": {}}}))
    assert list(complaints({**service, "spec": {**spec, "ports": [{"port": "80"}]}}))


def test_every_reference_leads_to_something(found: Objects) -> None:
    """Every name that an object gives of another one is the name of one that is there."""
    listed = found.of("Kustomization")[0]["resources"]
    below = {path.partition("/")[2] for path in found.by_path}
    assert {*listed, "kustomization.yaml"} == below
    for pod in found.pods():
        assert pod["spec"]["serviceAccountName"] in found.names("ServiceAccount")
    for _, container in found.containers():
        assert {one["configMapRef"]["name"] for one in container["envFrom"]} <= found.names("ConfigMap")
    assert set(found.routes().values()) <= found.names("Service")
    for policy in (one for kind in POLICIES for one in found.of(kind)):
        for target in policy["spec"]["targetRefs"]:
            assert target["name"] in found.names(target["kind"])
    parents = {parent["name"] for route in found.of("HTTPRoute") for parent in route["spec"]["parentRefs"]}
    assert parents <= found.names("Gateway")
    images = {container["image"].rpartition(":")[0] for _, container in found.containers()}
    assert images == {image["name"] for image in found.of("Kustomization")[0]["images"]}


def test_selectors_choose_the_pods_of_their_own_service_only(found: Objects) -> None:
    """Service, disruption budget and deployment of a name choose the pods of that deployment, and no others."""
    pods = {one["metadata"]["name"]: one["spec"]["template"]["metadata"]["labels"] for one in found.of("Deployment")}
    selectors = [(one["metadata"]["name"], one["spec"]["selector"]) for one in found.of("Service")]
    for kind in ("Deployment", "PodDisruptionBudget"):
        selectors += [(one["metadata"]["name"], one["spec"]["selector"]["matchLabels"]) for one in found.of(kind)]
    for name, selector in selectors:
        assert [pod for pod, labels in pods.items() if selector.items() <= labels.items()] == [name]


def test_pods_keep_to_the_strictest_level(found: Objects) -> None:
    """No root, no capability, no writable file system, no escalation, the default seccomp profile, enforced."""
    for pod, container in found.containers():
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "privileged": False,
            "readOnlyRootFilesystem": True,
        }
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        assert "memory" in container["resources"]["limits"]
    (namespace,) = found.of("Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_every_service_has_an_identity_of_its_own_and_no_token(found: Objects) -> None:
    """There is one ServiceAccount a service, only its own pods run under it, and the cluster's token is nowhere."""
    for pod in found.pods():
        assert pod["spec"]["serviceAccountName"] == pod["metadata"]["labels"][NAME]
        assert pod["spec"]["automountServiceAccountToken"] is False
    assert all(one["automountServiceAccountToken"] is False for one in found.of("ServiceAccount"))
    assert len(found.of("ServiceAccount")) == len(found.of("NetworkPolicy")) - 1


def test_a_pod_is_given_the_time_that_its_service_takes_to_stop(found: Objects) -> None:
    """The cluster waits longer than draining and finishing together; three probes look at three paths."""
    told = {one["metadata"]["name"]: one["data"] for one in found.of("ConfigMap")}
    for deployment in found.of("Deployment"):
        pod = deployment["spec"]["template"]["spec"]
        values = told[deployment["metadata"]["name"]]
        stopping = sum(
            float(text) for name, text in values.items() if name.endswith(("_DRAIN_SECONDS", "_STOP_SECONDS"))
        )
        assert pod["terminationGracePeriodSeconds"] > stopping
        (serving,) = pod["containers"]
        paths = [serving[f"{probe}Probe"]["httpGet"]["path"] for probe in ("startup", "liveness", "readiness")]
        assert paths == ["/startupz", "/livez", "/readyz"]
        assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


def test_the_schema_is_brought_up_to_date_before_the_service_starts(found: Objects) -> None:
    """Where a service has a database, an init container migrates it, and the service itself does not."""
    told = {one["metadata"]["name"]: one["data"] for one in found.of("ConfigMap")}
    for deployment in found.of("Deployment"):
        asked = [
            text for name, text in told[deployment["metadata"]["name"]].items() if name.endswith("_MIGRATE_ON_START")
        ]
        commands = [one["command"][-1] for one in deployment["spec"]["template"]["spec"].get("initContainers", [])]
        assert (commands, asked) in [(["migrate"], ["False"]), ([], [])]
