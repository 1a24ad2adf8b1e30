"""Pods reach the collector that their environment tells them of, and no other."""

import pytest
from pydantic import JsonValue
from ruamel.yaml import YAML
from tests.unit.synth.meadow import MEADOW, PRODUCTION, contracts_of

from arnia.contracts import Contract
from arnia.synth.artefacts import synth

VARIABLE = "GATE_OTLP_ENDPOINT"


def _contracts() -> dict[str, Contract]:
    """Return the contracts of the meadow, whose services can be told of a collector."""
    found = contracts_of(MEADOW)
    for name, contract in found.items():
        listed = contract.settings["settings"]
        assert isinstance(listed, list)
        listed.append(
            {
                "variable": f"{name.upper().replace('-', '_')}_OTLP_ENDPOINT",
                "type": "str",
                "required": False,
                "secret": False,
                "default": "",
                "description": None,
            }
        )
    return found


def _made(endpoint: str) -> dict[str, str]:
    settings = {**PRODUCTION.settings, **({VARIABLE: endpoint} if endpoint else {})}
    return synth(MEADOW, PRODUCTION.model_copy(update={"settings": settings}), _contracts())


def _egress(artefacts: dict[str, str], service: str = "gate") -> list[JsonValue]:
    text = artefacts[f"production/{service}/network-policy.yaml"]
    rules: list[JsonValue] = YAML(typ="safe").load(text)["spec"]["egress"]
    return rules


@pytest.mark.parametrize(
    ("endpoint", "to", "port"),
    [
        (
            "http://otel.observability:4318",
            [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "observability"}}}],
            4318,
        ),
        (
            "http://otel.observability.svc.cluster.local:4318/tenant",
            [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "observability"}}}],
            4318,
        ),
        ("http://10.1.2.3:4318", [{"ipBlock": {"cidr": "10.1.2.3/32"}}], 4318),
        ("http://[2001:db8::1]", [{"ipBlock": {"cidr": "2001:db8::1/128"}}], 80),
        ("http://otel:4318", [{"podSelector": {}}], 4318),
        ("https://otlp.example.com", None, 443),
    ],
)
def test_the_way_to_the_collector_is_open(endpoint: str, to: JsonValue, port: int) -> None:
    """The service that is told of a collector may reach it at that port, is told, and no other service may."""
    without, made = _made(""), _made(endpoint)
    (added,) = [rule for rule in _egress(made) if rule not in _egress(without)]
    expected: dict[str, JsonValue] = {"ports": [{"port": port, "protocol": "TCP"}]}
    assert added == expected | ({} if to is None else {"to": to})
    assert len(_egress(made)) == len(_egress(without)) + 1
    assert f"{VARIABLE}: {endpoint}" in made["production/gate/config-map.yaml"].replace('"', "")
    assert _egress(made, "nectar") == _egress(without, "nectar")


def test_no_collector_no_way() -> None:
    """Where the environment says nothing, the setting is empty, and no rule is written for it."""
    made = _made("")
    assert f'{VARIABLE}: ""' in made["production/gate/config-map.yaml"]
    assert made["production/gate/network-policy.yaml"] == synth(MEADOW, PRODUCTION, contracts_of(MEADOW)).get(
        "production/gate/network-policy.yaml"
    )
