"""What a cluster is told of brokers: who may reach one, and who gets an address of it, which is a secret."""

from typing import Final

from tests.unit.synth.meadow import MEADOW, PRODUCTION, SECRET, contracts_of
from tests.unit.synth.objects import NAME, Objects

from arnia.synth.artefacts import synth

TEXTS: Final = synth(MEADOW, PRODUCTION, contracts_of(MEADOW))
USERS: Final = {service.name for service in MEADOW.users("meadow-bus")}
NATS: Final = 4222


def test_only_those_who_use_a_broker_reach_one() -> None:
    """Of all policies, those of its users let pods out to the ports of brokers, and none lets anybody in for it."""
    policies = Objects.read(TEXTS).of("NetworkPolicy")
    reaching = {
        one["metadata"]["name"]
        for one in policies
        for rule in one["spec"].get("egress", [])
        for port in rule["ports"]
        if port["port"] == NATS
    }
    assert reaching == USERS == {"bee-line", "nectar"}


def test_the_address_of_a_broker_is_a_secret() -> None:
    """Its users find it in a file among their secrets, the others have none, and no text holds it."""
    told = {
        one["metadata"]["labels"][NAME]
        for one in Objects.read(TEXTS).of("Deployment")
        if "_broker_url" in one["metadata"]["annotations"]["arnia/secret-files"]
    }
    assert told == USERS
    assert not any(SECRET in text or "BROKER_URL" in text for text in TEXTS.values())
