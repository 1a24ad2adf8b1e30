"""What is heard beside what is emitted: everything that could not be read has a sentence."""

from typing import Any

import pytest

from arnia.contracts import Contract, Edges, compare, hold_events, hold_silence, judge
from arnia.contracts.events import read_events

TEXT: dict[str, Any] = {"type": "string"}
WEIGHED: dict[str, Any] = {
    "type": "object",
    "properties": {"aggregate_id": {"type": "string", "format": "uuid"}, "grams": {"type": "integer"}, "note": TEXT},
    "required": ["aggregate_id", "grams"],
    "additionalProperties": False,
}
VIEW: dict[str, Any] = {
    "type": "object",
    "properties": {"aggregate_id": {"type": "string", "format": "uuid"}, "grams": {"type": "number"}},
    "required": ["aggregate_id", "grams"],
}


def contract(service: str, action: str, *events: tuple[str, object], about: str = "parcel") -> Contract:
    """Return the contract of a service with these events: `parcel.weighed.v1` and its payload."""
    channels = {
        name: {
            "address": name,
            "messages": {name: {"$ref": f"#/components/messages/{name}"}},
            "x-aggregate-type": about,
        }
        for name, _ in events
    }
    operations = {
        f"{action}.{name}": {
            "action": action,
            "channel": {"$ref": f"#/channels/{name}"},
            "messages": [{"$ref": f"#/channels/{name}/messages/{name}"}],
        }
        for name, _ in events
    }
    messages = {name: {"payload": payload} for name, payload in events}
    document = {"channels": channels, "operations": operations, "components": {"messages": messages}}
    return Contract(service=service, asyncapi=document)


def held(consumer: Contract, producer: Contract, *topics: str) -> list[str]:
    """Return what is found of the events that `producer` owns."""
    return list(hold_events(consumer, producer, topics or producer.emits))


SCALES = contract("scales", "send", ("parcel.weighed.v1", WEIGHED), ("parcel.weighed.v2", {"type": "object"}))


def test_a_view_that_reads_less_fits() -> None:
    """What a hearer does not name is none of its business, and neither are other versions and other topics."""
    assert held(contract("post", "receive", ("parcel.weighed.v1", VIEW)), SCALES) == []
    assert held(contract("post", "receive", ("letter.sent.v1", VIEW)), SCALES) == []


def test_topic_and_version_are_read_from_the_address() -> None:
    """A channel's address ends in the major version; a topic may look as though it did."""
    odd = contract("scales", "send", ("parcel.v2.v10", {}), ("parcel.weighed.v1", {}))
    assert list(read_events(odd, "send")) == [("parcel.v2", 10), ("parcel.weighed", 1)]
    assert odd.emits == ("parcel.v2", "parcel.weighed")
    assert odd.hears == ()


@pytest.mark.parametrize(
    ("name", "view", "sentence"),
    [
        (
            "parcel.weighed.v3",
            VIEW,
            (
                "post hears version 3 of 'parcel.weighed', of which scales emits 1, 2: hear one that exists, "
                "or let scales emit it."
            ),
        ),
        (
            "parcel.weighed.v1",
            {**VIEW, "required": ["note"], "properties": {"note": TEXT}},
            (
                "post hears version 1 of 'parcel.weighed': its field note is needed and may be absent: "
                "let the view take that, or scales emit another version."
            ),
        ),
        (
            "parcel.weighed.v1",
            {"type": "object", "properties": {"grams": {"type": "integer", "minimum": 1}}},
            (
                "post hears version 1 of 'parcel.weighed': its field grams may hold numbers below 1: "
                "let the view take that, or scales emit another version."
            ),
        ),
        (
            "parcel.weighed.v1",
            {**VIEW, "additionalProperties": False},
            (
                "post hears version 1 of 'parcel.weighed': its field note is given, and no field but the named ones is "
                "taken: let the view take that, or scales emit another version."
            ),
        ),
    ],
)
def test_each_misfit_is_one_sentence(name: str, view: object, sentence: str) -> None:
    """It says who hears what of whom, where the view is wrong, and what to do."""
    assert held(contract("post", "receive", (name, view)), SCALES) == [sentence]


def test_an_event_that_nobody_emits_any_more_is_missed() -> None:
    """Where the emitter's contract has lost a whole topic, its hearer is named."""
    consumer = contract("post", "receive", ("parcel.weighed.v1", VIEW))
    (sentence,) = held(consumer, Contract(service="scales"), "parcel.weighed")
    assert sentence.startswith("post hears version 1 of 'parcel.weighed', which scales does not emit: hear one that")


def test_a_view_listens_where_the_event_travels() -> None:
    """A view that waits in another channel than the event's would never hear of it."""
    consumer = contract("post", "receive", ("parcel.weighed.v1", VIEW), about="parcel.heavy")
    (sentence,) = held(consumer, SCALES)
    assert "travels with those about 'parcel': write `aggregate_type = \"parcel\"` in the view." in sentence


def test_the_judge_asks_the_declared_emitter() -> None:
    """Of two services that emit alike only the declared one counts, and the finding is the hearer's."""
    post = contract("post", "receive", ("parcel.weighed.v3", VIEW))
    edges = {
        "post": Edges(service="post", hears=("parcel.weighed",)),
        "scales": Edges(service="scales", emits=("parcel.weighed",)),
    }
    (finding,) = judge(edges, {"post": post, "scales": SCALES})
    assert (finding.service, finding.edge) == ("post", "hears")


def test_an_event_is_about_what_its_name_says() -> None:
    """A broker lets a service speak where its page says so: an event that travels elsewhere would be refused."""
    odd = contract("scales", "send", ("parcel.heavy.weighed.v1", WEIGHED))
    (finding,) = judge({"scales": Edges(service="scales", emits=("parcel.heavy.weighed",))}, {"scales": odd})
    assert "emits 'parcel.heavy.weighed' about 'parcel', and not about 'parcel.heavy'" in finding.sentence


def test_an_event_that_moves_to_another_channel_breaks() -> None:
    """Whoever listened where it was hears nothing more."""
    moved = contract("scales", "send", ("parcel.weighed.v1", WEIGHED), about="scale")
    (change,) = compare(contract("scales", "send", ("parcel.weighed.v1", WEIGHED)), moved)
    assert (change.breaking, change.sentence) == (True, "event parcel.weighed now travels with those about 'scale'.")


@pytest.mark.parametrize(
    ("uses", "told", "sentence"), [(True, False, "has no setting"), (False, True, "uses no broker")]
)
def test_broker_and_setting_go_together(*, uses: bool, told: bool, sentence: str) -> None:
    """A service that uses a broker can be told where it is, and one that can be told uses one."""
    told_settings = {"settings": [{"variable": "POST_BROKER_URL"}] if told else []}
    (finding,) = judge(
        {"post": Edges(service="post", uses_broker=uses)}, {"post": Contract(service="post", settings=told_settings)}
    )
    assert sentence in finding.sentence
    assert "POST_BROKER_URL" in finding.sentence


def _parcel(**fields: object) -> dict[str, Any]:
    return {"type": "object", "properties": fields}


def _any_of(*values: object) -> dict[str, Any]:
    return {"enum": list(values)}


NULL: dict[str, Any] = {"type": "null"}
CHAIN: dict[str, Any] = _parcel(
    next={"$ref": "#/components/messages/parcel.moved.v1/payload"}, by=_any_of("air", "sea")
)


@pytest.mark.parametrize(
    ("view", "before", "after", "gone"),
    [
        (_any_of("air"), _any_of("air", "sea"), _any_of("sea"), '"air"'),
        (_any_of("air", None), {"anyOf": [_any_of("air"), NULL]}, NULL | _any_of(), '"air"'),
        (_any_of("air"), {"anyOf": [_any_of("air"), _any_of("sea")]}, _any_of("sea"), '"air"'),
        (_any_of("land"), _any_of("air", "sea"), _any_of("sea"), None),
        (_any_of("air", "land"), _any_of("air", "sea"), _any_of("air"), None),
        (_any_of("air"), _any_of("sea"), _any_of("sea"), None),
        (_any_of("air"), _any_of("air"), TEXT, None),
        (_any_of("air"), TEXT, _any_of("sea"), None),
        (TEXT, _any_of("air", "sea"), _any_of("sea"), None),
        (_any_of("air"), _any_of("air"), {"anyOf": [_any_of("sea"), TEXT]}, None),
        (_any_of("air", None), {"anyOf": [_any_of("air"), NULL]}, _any_of("air"), None),
    ],
)
def test_a_value_that_a_view_names_is_waited_for(view: object, before: object, after: object, gone: str | None) -> None:
    """Who names a value that was said, and is said no more, is told; in a field, a list and a map alike."""
    for wrap, place in (
        (lambda schema: schema, "by"),
        (lambda schema: {"type": "array", "items": schema}, "by[]"),
        (lambda schema: {"type": "object", "additionalProperties": schema}, "by.*"),
    ):
        hearer = contract("post", "receive", ("parcel.moved.v1", _parcel(by=wrap(view))))
        old, new = (contract("ship", "send", ("parcel.moved.v1", _parcel(by=wrap(each)))) for each in (before, after))
        what = f"post hears version 1 of 'parcel.moved': its field {place} names {gone}, which ship would say no more"
        told = [f"{what}: let the view forget that first, or ship emit another version."]
        assert list(hold_silence(hearer, old, new)) == (told if gone else [])


def test_what_contains_itself_is_read_to_an_end() -> None:
    """A schema within itself is not entered again, and a version that is gone is another finding."""
    hearer, old = (
        contract(name, verb, ("parcel.moved.v1", CHAIN)) for name, verb in (("post", "receive"), ("ship", "send"))
    )
    new = contract(
        "ship", "send", ("parcel.moved.v1", {**CHAIN, "properties": {**CHAIN["properties"], "by": _any_of("sea")}})
    )
    places = [sentence.split(" names ")[0].rpartition(" ")[2] for sentence in hold_silence(hearer, old, new)]
    assert places == ["by", "next.by"]
    assert list(hold_silence(hearer, old, contract("ship", "send", ("parcel.moved.v2", CHAIN)))) == []
