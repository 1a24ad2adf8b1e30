"""A service mesh is one word in an environment: pods ask for its proxy, and nothing else of them changes (R105)."""

import json

import jsonschema
import pytest
from tests.unit.synth.meadow import MEADOW, PRODUCTION, contracts_of
from tests.unit.synth.objects import Object, Objects
from tests.unit.synth.test_manifests import SCHEMAS

from arnia.ecosystem import Environment
from arnia.errors import DeclarationError
from arnia.synth.artefacts import synth

ASKED = {
    "linkerd": ("annotations", "linkerd.io/inject", "enabled", "linkerd"),
    "istio": ("labels", "sidecar.istio.io/inject", "true", "istio-system"),
}


def made(mesh: str) -> Objects:
    """Return what a cluster with `mesh` would see."""
    environment = PRODUCTION.model_copy(update={"mesh": mesh})
    return Objects.read(synth(MEADOW, environment, contracts_of(MEADOW)))


@pytest.mark.parametrize("mesh", ASKED)
def test_every_pod_asks_for_the_proxy(mesh: str) -> None:
    """Each pod has the word that the mesh looks for, and every object still fits Kubernetes' schema."""
    part, name, value, _ = ASKED[mesh]
    found = made(mesh)
    pods = found.pods()
    assert pods
    assert {pod["metadata"][part][name] for pod in pods} == {value}
    for thing in (*found.of("Deployment"), *found.of("NetworkPolicy")):
        reference = {"$ref": f"#/definitions/{SCHEMAS['kinds'][thing['kind']]}", "definitions": SCHEMAS["definitions"]}
        assert not list(jsonschema.Draft7Validator(reference).iter_errors(thing))


@pytest.mark.parametrize("mesh", ASKED)
def test_the_proxy_reaches_its_control_plane_and_nothing_else(mesh: str) -> None:
    """Every service that may send may send to the namespace of the mesh, and to nothing more than without it."""
    namespace = ASKED[mesh][3]
    with_mesh, without = _ways_out(made(mesh)), _ways_out(made(""))
    for name, rules in without.items():
        added = [rule for rule in with_mesh[name] if rule not in rules]
        assert [rule["to"][0]["namespaceSelector"]["matchLabels"] for rule in added] == [
            {"kubernetes.io/metadata.name": namespace}
        ]
        assert all(rule in with_mesh[name] for rule in rules)


@pytest.mark.parametrize("mesh", ASKED)
def test_services_go_on_speaking_plain_http(mesh: str) -> None:
    """Containers, settings and addresses are the same with and without: a service knows of no mesh."""
    plain, meshed = made(""), made(mesh)
    assert [pod["spec"] for pod in meshed.pods()] == [pod["spec"] for pod in plain.pods()]
    assert meshed.of("ConfigMap") == plain.of("ConfigMap")
    assert meshed.of("Service") == plain.of("Service")
    assert {port["appProtocol"] for service in meshed.of("Service") for port in service["spec"]["ports"]} == {"http"}


def test_without_a_word_there_is_no_mesh() -> None:
    """No object names a mesh where none is declared."""
    shown = json.dumps([*made("").by_path.values()])
    assert not any(word in shown for word in ASKED)


def test_an_unknown_mesh_is_a_fault() -> None:
    """A name that is none is reported with those that are."""
    with pytest.raises(DeclarationError, match="no mesh is called 'consul': use 'istio' or 'linkerd', or none"):
        MEADOW.model_validate({**dict(MEADOW), "environments": (Environment(name="production", mesh="consul"),)})


def _ways_out(found: Objects) -> dict[str, list[Object]]:
    policies = [one for one in found.of("NetworkPolicy") if one["metadata"]["name"] != "default-deny"]
    return {one["metadata"]["name"]: one["spec"]["egress"] for one in policies}
