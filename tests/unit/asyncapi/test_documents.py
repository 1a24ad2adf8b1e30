"""The AsyncAPI documents of services: valid for the official parser, the same in any order, true to what is sent."""

import json
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest
from jsonschema import Draft7Validator, Draft202012Validator
from tests.npm import install
from tests.unit.asyncapi.zoo import EVENTS, AnimalBorn, AnimalBornAgain, Cat, Colour, Dog, Left, facts, leave

from arnia.chassis.asyncapi import describe_events
from arnia.chassis.hearers import Hearer
from arnia.chassis.messages import Message, attributes
from arnia.contracts import Contract, canonical, hold_events

LIBRARY: Final = "@asyncapi/parser@3.6.3"
ROOT: Final = Path(__file__).resolve().parents[3]
ZOO: Final = describe_events("zoo", EVENTS, (facts,))
NOW: Final = datetime(2031, 5, 17, 8, 30, tzinfo=UTC)
BORN: Final = AnimalBorn.model_validate(
    {
        "aggregate_id": UUID(int=7),
        "pet": Cat(kittens=[Cat()]),
        "weight": Decimal("3.20"),
        "age": timedelta(seconds=7),
        "born": NOW,
        "day": NOW.date(),
        "page": "https://zoo.example/7",
        "place": (3, "west"),
        "latinName": "felis catus",
    }
)


def schema(*path: str) -> dict[str, Any]:
    """Return a schema of the document, which its references lead into."""
    found: Any = ZOO
    for name in path:
        found = found[name]
    assert isinstance(found, dict)
    return {**found, "components": ZOO["components"]}


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what the official parser makes of the zoo, of a service without events and of all committed contracts."""
    folder = install(LIBRARY, tmp_path_factory.mktemp("asyncapi"))
    shutil.copy(Path(__file__).parent / "parse.mjs", folder)
    (folder / "zoo.json").write_text(canonical(ZOO), encoding="utf-8")
    (folder / "silent.json").write_text(canonical(describe_events("silent", (), ())), encoding="utf-8")
    committed = sorted(str(file) for file in ROOT.glob("services/*/contract/asyncapi.json"))
    command = ["node", "parse.mjs", "zoo.json", "silent.json", *committed]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    assert set(told) == {"zoo.json", "silent.json", *committed}
    return told


def test_the_official_parser_accepts_every_document(parsed: dict[str, Any]) -> None:
    """It has nothing against a field of any kind, a service without events, nor any committed contract."""
    assert {name: one["errors"] for name, one in parsed.items()} == {name: [] for name in parsed}


def test_the_official_parser_understands_what_is_said_and_heard(parsed: dict[str, Any]) -> None:
    """It finds each operation with its channel, its payload and the attributes of CloudEvents."""
    found = {one["id"]: one for one in parsed["zoo.json"]["operations"]}
    assert {name: (one["action"], one["addresses"]) for name, one in found.items()} == {
        "emit.animal.born.v1": ("send", ["animal.born.v1"]),
        "emit.animal.born.v2": ("send", ["animal.born.v2"]),
        "hear.animal.born.v2": ("receive", ["animal.born.v2"]),
        "hear.visitor.left.v1": ("receive", ["visitor.left.v1"]),
    }
    assert found["emit.animal.born.v2"]["fields"] == [["aggregate_id", "pet"]]
    assert found["hear.visitor.left.v1"]["fields"] == [["aggregate_id", "colour"]]
    assert {"id", "source", "specversion", "type"} <= set(found["hear.visitor.left.v1"]["headers"][0])
    assert parsed["silent.json"]["operations"] == []


def test_the_same_code_makes_the_same_document() -> None:
    """In whatever order events, hearers and functions are declared, the text is the same."""
    other = Hearer()
    other.on_batch(Left)(leave)
    rest = Hearer()
    rest.handlers = {key: one for key, one in facts.handlers.items() if one.view is not Left}
    assert canonical(describe_events("zoo", EVENTS[::-1], (other, rest))) == canonical(ZOO)
    assert list(ZOO["channels"]) == sorted(ZOO["channels"])


def test_a_channel_says_where_its_events_travel() -> None:
    """Its address is the routing key; what brokers need besides is bound to it."""
    channel = ZOO["channels"]["animal.born.v1"]
    assert (channel["address"], channel["x-aggregate-type"]) == ("animal.born.v1", "animal")
    assert channel["bindings"]["amqp"]["exchange"]["name"] == channel["bindings"]["kafka"]["topic"] == "animal"


@pytest.mark.parametrize("kind", [Draft7Validator, Draft202012Validator])
def test_what_is_sent_is_as_described(kind: type[Draft7Validator | Draft202012Validator]) -> None:
    """The payload that is stored fits its schema, by the names that the schema has, with every default among it."""
    described = schema("components", "messages", "emit.animal.born.v1", "payload")
    payload = json.loads(BORN.payload())
    kind(described).validate(payload)
    assert payload["latinName"] == "felis catus"
    assert payload["height"] is None
    (name,) = [name for name in ZOO["components"]["schemas"] if name == "AnimalBorn"]
    assert set(ZOO["components"]["schemas"][name]["required"]) == set(payload)


def test_what_travels_with_it_is_as_described() -> None:
    """The attributes of a message fit the schema of the headers, and have no other names."""
    described = schema("components", "messages", "emit.animal.born.v1", "headers")
    message = Message(
        id=UUID(int=1),
        type="animal.born",
        version=1,
        aggregate_type="animal",
        aggregate_id=UUID(int=7),
        sequence=3,
        source="zoo",
        time=NOW,
        payload=BORN.payload(),
        headers={"traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01", "deadline": "7.5"},
    )
    names = ZOO["components"]["schemas"]["cloudevents.attributes"]["properties"]
    assert attributes(message).keys() <= names.keys()
    Draft202012Validator(described).validate(attributes(message))
    assert not Draft202012Validator(described).is_valid({**attributes(message), "sequence": "x"})


def test_a_view_of_the_whole_fact_fits_it() -> None:
    """What this service hears of itself is held against what it emits, as that of any other."""
    zoo = Contract.model_validate({"service": "zoo", "asyncapi": ZOO})
    assert zoo.emits == ("animal.born",)
    assert zoo.hears == ("animal.born", "visitor.left")
    assert list(hold_events(zoo, zoo, zoo.emits)) == []


def test_a_tag_is_always_there() -> None:
    """A fact with one of two kinds of thing says which; what does not is no such fact."""
    described = schema("components", "messages", "emit.animal.born.v1", "payload")
    payload = json.loads(BORN.payload())
    grey = AnimalBornAgain(aggregate_id=UUID(int=7), pet=Cat())
    assert json.loads(grey.payload())["pet"] == {"kind": "cat", "kittens": []}
    dog = json.loads(Dog(colour=Colour.GREY).model_dump_json())
    assert Draft202012Validator(described).is_valid({**payload, "pet": dog})
    del dog["kind"]
    assert not Draft202012Validator(described).is_valid({**payload, "pet": dog})
