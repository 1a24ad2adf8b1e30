"""What is written is checked once more, and is what a service reads."""

from pathlib import Path
from typing import Final

import msgspec
import pytest
from lightkube.models.core_v1 import ContainerPort
from tests.unit.synth.meadow import MEADOW, PRODUCTION, contracts_of
from tests.unit.synth.objects import Objects

from arnia.chassis.settings import load
from arnia.commands.declaration import load as load_declaration
from arnia.commands.promises import committed
from arnia.synth.artefacts import synth
from arnia.synth.gateway import Backend, HTTPRoute
from arnia.synth.objects import render
from arnia.synth.workloads import SECRETS_FOLDER
from delivery.config import Settings

ROOT: Final = Path(__file__).resolve().parents[3]
FOUND: Final = Objects.read(synth(MEADOW, PRODUCTION, contracts_of(MEADOW)))


def test_a_setting_reaches_the_pods_when_it_changes() -> None:
    """Pods with other settings are other pods: the template carries a fingerprint of what they are told."""
    quiet = PRODUCTION.model_copy(update={"settings": {"GATE_LOG_LEVEL": "error"}})
    other = Objects.read(synth(MEADOW, quiet, contracts_of(MEADOW)))
    prints = [
        {one["metadata"]["name"]: one["spec"]["template"]["metadata"]["annotations"]["arnia/settings"] for one in pods}
        for pods in (FOUND.of("Deployment"), other.of("Deployment"))
    ]
    changed = {name for name in prints[0] if prints[0][name] != prints[1][name]}
    assert changed == {"gate", "bee-line"}


def test_the_models_are_checked_again_when_they_are_written() -> None:
    """What the library's constructors accept in silence, a text for a number, does not get into a file."""
    with pytest.raises(msgspec.ValidationError, match="containerPort"):
        render(ContainerPort(containerPort="http"))  # type: ignore[arg-type]  # this is what the test is about
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.convert({"name": "a", "port": 1, "wait": 2}, Backend)
    (route, *_) = FOUND.of("HTTPRoute")
    with pytest.raises(msgspec.ValidationError, match="apiVersion"):
        msgspec.convert({**route, "apiVersion": "gateway.networking.k8s.io/v2"}, HTTPRoute)


def test_a_service_starts_with_what_the_cluster_tells_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told the ConfigMap of production and given its secrets as files, the delivery service's settings are whole."""
    declared = load_declaration(ROOT)
    production = declared.ecosystem.environment("production")
    found = Objects.read(synth(declared.ecosystem, production, committed(declared)))
    for name, text in found.by_path["production/delivery/config-map.yaml"]["data"].items():
        monkeypatch.setenv(name, text)
    (container,) = found.by_path["production/delivery/deployment.yaml"]["spec"]["template"]["spec"]["containers"]
    assert container["env"] == [{"name": "DELIVERY_SECRETS_DIR", "value": SECRETS_FOLDER}]
    annotations = found.by_path["production/delivery/deployment.yaml"]["metadata"]["annotations"]
    for name in annotations["arnia/secret-files"].split(","):
        scheme = "nats" if name.endswith("broker_url") else "postgresql"
        (tmp_path / name).write_text(f"{scheme}://role:password@db/delivery", encoding="utf-8")
    monkeypatch.setenv("DELIVERY_SECRETS_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    settings = load(Settings, "delivery")
    assert (settings.environment, settings.host, settings.port) == ("production", "0.0.0.0", 8000)  # noqa: S104 - of its pod
    assert settings.migrate_on_start is False
    assert settings.api_versions == ()
