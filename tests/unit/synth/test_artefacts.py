"""Synthesis as a pure function: the same declaration, the same bytes, and nothing that was not declared."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.synth.meadow import MEADOW, PRODUCTION, SECRET, contracts_of, join
from tests.unit.synth.objects import Objects

from arnia.ecosystem import Database, Ecosystem, Environment, Route, Service
from arnia.errors import DeclarationError
from arnia.synth.artefacts import synth

ROOT = Path(__file__).resolve().parents[3]
SNAPSHOT = ROOT / "tests/snapshots/synth/meadow.yaml"
TEXT = join(synth(MEADOW, PRODUCTION, contracts_of(MEADOW)))


def test_artefacts_are_the_committed_ones() -> None:
    """An ecosystem with one of everything becomes exactly what its snapshot shows."""
    # To accept a change: `python -m tests.unit.synth.meadow > tests/snapshots/synth/meadow.yaml`.
    assert SNAPSHOT.read_text(encoding="utf-8") == TEXT


@pytest.mark.parametrize("seed", ["0", "1", "4711"])
def test_the_bytes_depend_on_nothing_but_the_arguments(seed: str, tmp_path: Path) -> None:
    """Another hash seed, folder, locale and time zone change no byte."""
    environment = {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT), "LC_ALL": "C", "TZ": "Asia/Tokyo"}
    command = [sys.executable, "-m", "tests.unit.synth.meadow"]
    done = subprocess.run(command, capture_output=True, check=True, cwd=tmp_path, env={**os.environ, **environment})
    assert done.stdout == SNAPSHOT.read_bytes()


NAMES = [f"s{number}" for number in range(6)]


@st.composite
def ecosystems(draw: st.DrawFn) -> tuple[Ecosystem, Ecosystem]:
    """Draw an ecosystem without cycles, and the same one declared in another order."""
    names = NAMES[: draw(st.integers(1, len(NAMES)))]
    services = [
        Service(
            name=name,
            owner=draw(st.sampled_from(["us", "1e3", "no", ""])) or "nobody",
            uses=(f"{name}-db",),
            calls=dict.fromkeys(draw(st.sets(st.sampled_from(names[place + 1 :]))) if names[place + 1 :] else (), 1),
            exposes=tuple(Route(path=f"/api/v{major}/{name}") for major in draw(st.sets(st.integers(1, 2)))),
        )
        for place, name in enumerate(names)
    ]
    resources = [Database(name=f"{name}-db") for name in names]
    shuffled = [
        Service(
            name=one.name,
            owner=one.owner,
            uses=one.uses,
            calls={called: one.calls[called] for called in reversed(tuple(one.calls))},
            exposes=one.exposes[::-1],
        )
        for one in draw(st.permutations(services))
    ]
    issuer = draw(st.sampled_from(["", *names]))
    return (
        Ecosystem(name="x", services=tuple(services), resources=tuple(resources), issuer=issuer),
        Ecosystem(name="x", services=tuple(shuffled), resources=tuple(reversed(resources)), issuer=issuer),
    )


def environment_of(ecosystem: Ecosystem) -> Environment:
    """Return an environment of the cluster where every service with two versions runs them apart."""
    apart = tuple(service.name for service in ecosystem.services if len(service.versions) > 1)
    return Environment(name="e", host="x.example", registry="r.example/x", split_versions=apart)


@given(both=ecosystems())
@settings(max_examples=25, deadline=None)
def test_the_order_of_declaration_is_irrelevant(both: tuple[Ecosystem, Ecosystem]) -> None:
    """However the declaration and its contracts are ordered, the artefacts are the same to the byte."""
    one, other = both
    turned = dict(reversed(contracts_of(other).items()))
    assert synth(one, environment_of(one), contracts_of(one)) == synth(other, environment_of(other), turned)


@given(both=ecosystems())
@settings(max_examples=40, deadline=None)
def test_the_network_allows_exactly_the_declared_calls(both: tuple[Ecosystem, Ecosystem]) -> None:
    """Each `calls` has one rule at either end, the edge one at each exposed service, all ask the issuer: no more."""
    ecosystem, _ = both
    found = Objects.read(synth(ecosystem, environment_of(ecosystem), contracts_of(ecosystem)))
    issuer = ecosystem.issuer
    calls = {(service.name, called) for service in ecosystem.services for called in service.calls}
    declared = sorted(calls | {(one.name, issuer) for one in ecosystem.services if issuer not in ("", one.name)})
    reached = {service.name for service in ecosystem.services if service.exposes}
    exposed = sorted(reached | ({issuer} - {""} if reached else set()))  # whose keys the edge asks for
    assert sorted(found.ingress()) == declared
    assert sorted(found.egress()) == declared
    assert sorted(found.open_to_the_edge()) == exposed
    assert found.denies_by_default()


@given(both=ecosystems())
@settings(max_examples=25, deadline=None)
def test_the_edge_serves_exactly_what_is_exposed(both: tuple[Ecosystem, Ecosystem]) -> None:
    """Each exposed path leads to the pods of its version, and no other path of the API leads anywhere."""
    ecosystem, _ = both
    environment = environment_of(ecosystem)
    found = Objects.read(synth(ecosystem, environment, contracts_of(ecosystem)))
    expected = {
        route.path: f"{one.name}-v{route.version}" if one.name in environment.split_versions else one.name
        for one in ecosystem.services
        for route in one.exposes
    }
    assert {path: name for path, name in found.routes().items() if not path.startswith("/problems")} == expected
    assert bool(found.of("Gateway")) == bool(expected)


def test_no_secret_is_anywhere() -> None:
    """What a contract marks as secret is named as a file; its value, even one that should not exist, is nowhere."""
    assert SECRET not in TEXT
    assert "nectar_database_url" in TEXT
    assert "NECTAR_DATABASE_URL" not in TEXT
    assert not Objects.read(synth(MEADOW, PRODUCTION, contracts_of(MEADOW))).of("Secret")


def faults(environment: Environment, ecosystem: Ecosystem = MEADOW) -> tuple[str, ...]:
    """Return what synthesis finds wrong."""
    with pytest.raises(DeclarationError) as caught:
        synth(ecosystem, environment, contracts_of(ecosystem))
    return caught.value.faults


def test_every_fault_of_an_environment_is_told_at_once() -> None:
    """What an environment lacks, and what it says that no contract knows, comes in one answer."""
    environment = Environment(
        name="staging",
        releases={"wasp": "1"},
        settings={
            "NECTAR_DATABASE_URL": "postgresql://x",
            "GATE_LOG_LEVL": "info",
            "GATE_PORT": "1",
            "GATE_STOP_SECONDS": "soon",
            "GATE_LOG_LEVEL": "loud",
        },
    )
    thing = "environment 'staging': "
    assert sorted(fault.removeprefix(thing) for fault in faults(environment)) == [
        "GATE_LOG_LEVEL is no Literal['debug', 'info', 'warning', 'error']: correct it in `settings`.",
        "GATE_PORT is decided by synthesis: remove it from `settings`.",
        "GATE_STOP_SECONDS is no int: correct it in `settings`.",
        "NECTAR_DATABASE_URL is a secret: keep it out of `settings`; it belongs into the file nectar_database_url.",
        "`host` is empty, and routes are exposed: give the public name, such as 'shop.example'.",
        "`registry` is empty: say where the images are, such as 'registry.example/shop'.",
        "`releases` names 'wasp', which no service is called: remove it.",
        "`settings` names 'GATE_LOG_LEVL', which no contract knows: did you mean 'GATE_LOG_LEVEL'.",
    ]


@pytest.mark.parametrize(
    "argument",
    [
        {"host": "https://x.example"},
        {"host": "x.example:8443"},
        {"host": "X.example"},
        {"registry": "https://r.example/x"},
        {"registry": "r.example/x/"},
        {"registry": "r.example/x:1"},
        {"releases": {"gate": "v 1"}},
        {"releases": {"gate": "sha256:abc"}},
        {"releases": {"gate": ""}},
    ],
    ids=str,
)
def test_what_no_cluster_accepts_is_a_fault(argument: dict[str, object]) -> None:
    """A host, a registry or a release that is spelled wrongly is told here, not by the cluster."""
    (fault,) = faults(PRODUCTION.model_copy(update=argument))
    assert f"`{next(iter(argument))}`" in fault


def test_a_service_without_contract_is_a_fault() -> None:
    """Without a contract nobody knows what a service must be told."""
    contracts = contracts_of(MEADOW)
    del contracts["gate"]
    with pytest.raises(DeclarationError, match="'gate': it has no contract: write it with `arnia contract gate`"):
        synth(MEADOW, Environment(name="e", host="x.example", registry="r"), contracts)


def test_two_objects_of_one_name_are_a_fault() -> None:
    """A version that runs apart may get the name that another service has: the cluster would take both for one."""
    routes = (Route(path="/api/v1/hive"), Route(path="/api/v2/hive"))
    services = (Service(name="hive", owner="us", exposes=routes), Service(name="hive-v1", owner="us"))
    ecosystem = Ecosystem(name="x", services=services)
    assert "environment 'e': 2 objects Deployment would be called 'hive-v1': rename a service." in faults(
        environment_of(ecosystem), ecosystem
    )


def test_a_name_that_gets_too_long_is_a_fault() -> None:
    """The namespace is called after ecosystem and environment; what together is too long is said here."""
    ecosystem = Ecosystem(name="x" * 63, services=(Service(name="hive", owner="us"),))
    (fault,) = faults(environment_of(ecosystem), ecosystem)
    assert fault.endswith("is longer than 63 characters: shorten the name.")


def test_a_required_setting_without_value_is_a_fault() -> None:
    """What a service must be told, and synthesis cannot know, has to be in the environment."""
    contracts = contracts_of(MEADOW)
    asked = {"variable": "GATE_TITLE", "type": "str", "required": True, "secret": False, "default": None}
    contracts["gate"].settings["settings"].append(asked)
    with pytest.raises(DeclarationError, match="GATE_TITLE has no value: give it one in `settings`"):
        synth(MEADOW, PRODUCTION, contracts)
    told = PRODUCTION.model_copy(update={"settings": {**PRODUCTION.settings, "GATE_TITLE": "Meadow"}})
    assert "GATE_TITLE: Meadow" in synth(MEADOW, told, contracts)["production/gate/config-map.yaml"]


def test_services_are_told_whose_tokens_to_believe() -> None:
    """The issuer is the public name; keys and tokens come from its service inside; only who calls asks for tokens."""
    found = Objects.read(synth(MEADOW, PRODUCTION, contracts_of(MEADOW)))
    told = {name: text for one in found.of("ConfigMap") for name, text in one["data"].items()}
    for prefix in ("GATE", "NECTAR", "BEE_LINE", "QUEEN"):
        assert told[f"{prefix}_ISSUER"] == "https://meadow.example"
        assert told[f"{prefix}_JWKS_URL"] == "http://queen/.well-known/jwks.json"
    assert (told["GATE_TOKEN_URL"], told["GATE_CLIENT_ID"]) == ("http://queen/token", "gate")
    assert told["GATE_NECTAR__URL"] == "http://nectar-v2"
    assert "BEE_LINE_TOKEN_URL" not in told
