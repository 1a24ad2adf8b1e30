"""A view beside what is given: what is said to fit, fits, as an independent validator and Pydantic have it."""

from collections.abc import Sequence
from copy import deepcopy
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import AnyUrl, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from arnia.chassis.asyncapi import AsyncSchema
from arnia.contracts.reading import Reading, breaking
from arnia.contracts.schemas import Direction

Schema = dict[str, Any]
VALIDATOR: Final = Draft202012Validator


def faults(view: object, given: object, views: Schema | None = None, root: Schema | None = None) -> list[str]:
    """Return why `view` does not take all that is `given`."""
    return list(breaking(Reading(views or {}, root or {}, Direction.GIVEN).compare(view, given, "its field")))


NAMES: Final = st.sampled_from(["id", "name", "price"])
TEXTS: Final = st.sampled_from(["", "a", "b", "ab", "abc", "bbbbbbb"])
NUMBERS: Final = st.sampled_from([-1, 0, 1, 3, 4, 7, 8, 0.5, 6.5])
BOUNDS: Final = ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")
SCALARS: st.SearchStrategy[Schema] = st.one_of(
    st.just({"type": "null"}),
    st.just({"type": "boolean"}),
    st.fixed_dictionaries(
        {"type": st.just("string")},
        optional={"minLength": st.integers(0, 2), "maxLength": st.integers(2, 4), "pattern": st.sampled_from("ab")},
    ),
    st.fixed_dictionaries(
        {"type": st.sampled_from(["integer", "number"])}, optional=dict.fromkeys(BOUNDS, st.integers(0, 8))
    ),
    st.builds(lambda values: {"enum": values}, st.lists(TEXTS | NUMBERS, min_size=1, max_size=3, unique=True)),
    st.just({}),
)


def _composed(inner: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    return st.one_of(
        st.fixed_dictionaries(
            {"type": st.just("array"), "items": inner},
            optional={"prefixItems": st.lists(inner, max_size=2), "maxItems": st.integers(0, 3)},
        ),
        st.builds(lambda parts: {"anyOf": parts}, st.lists(inner, min_size=2, max_size=3)),
        st.builds(lambda values: {"type": "object", "additionalProperties": values}, inner),
        st.builds(
            _object, st.dictionaries(NAMES, inner, min_size=1), st.integers(0, 3), st.none() | st.just(False) | inner
        ),
    )


def _object(fields: Schema, required: int, others: object) -> Schema:
    made: Schema = {"type": "object", "properties": fields, "required": sorted(fields)[:required]}
    return made if others is None else {**made, "additionalProperties": others}


SCHEMAS: st.SearchStrategy[Schema] = st.recursive(SCALARS, _composed, max_leaves=5)


@st.composite
def wider(draw: st.DrawFn, schema: Schema) -> Schema:
    """Draw a schema that often takes what `schema` gives: something is left out of it, or added to it."""
    made = deepcopy(schema)
    for facet in [facet for facet in made if facet not in {"type", "properties", "anyOf", "items", "enum"}]:
        if draw(st.booleans()):
            del made[facet]
    for name in list(made.get("properties", {})):
        made["properties"][name] = draw(wider(made["properties"][name]))
        if draw(st.booleans()):
            del made["properties"][name]
    if draw(st.booleans()):
        return {"anyOf": draw(st.permutations([made, draw(SCALARS)]))}
    return made


def _closed(schema: object) -> object:
    """Return what is given as the chassis gives it: an object has the fields that it names, or says what others are."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: _closed(value) for key, value in schema.items()}
    return {"additionalProperties": False, **made} if "properties" in made and "required" in made else made


VALUES: Final = st.recursive(
    st.none() | st.booleans() | TEXTS | NUMBERS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.just("other"), inner, max_size=4),
    max_leaves=5,
)


@st.composite
def values(draw: st.DrawFn, schema: Schema) -> object:
    """Draw a value that fits `schema`, mostly."""
    if "anyOf" in schema:
        return draw(values(draw(st.sampled_from(schema["anyOf"]))))
    if "enum" in schema:
        return draw(st.sampled_from(schema["enum"]))
    kind = schema.get("type")
    if kind == "array":
        places = schema.get("prefixItems", [])
        count = draw(st.integers(0, 3))
        return [draw(values(places[n] if n < len(places) else schema.get("items", {}))) for n in range(count)]
    if kind == "object":
        return _draw_object(draw, schema)
    scalars = {"null": st.none(), "boolean": st.booleans(), "string": TEXTS, "integer": NUMBERS, "number": NUMBERS}
    return draw(scalars.get(str(kind), VALUES))


def _draw_object(draw: st.DrawFn, schema: Schema) -> Schema:
    fields = schema.get("properties", {})
    must = schema.get("required", ())
    made = {name: draw(values(each)) for name, each in fields.items() if name in must or draw(st.booleans())}
    others = schema.get("additionalProperties", True)
    if others is not False and draw(st.booleans()):
        made[draw(NAMES.filter(lambda name: name not in fields) | st.just("other"))] = draw(
            values(others if isinstance(others, dict) else {})
        )
    return made


@settings(deadline=None, max_examples=200)
@given(data=st.data(), schema=SCHEMAS)
def test_what_is_said_to_fit_is_taken(data: st.DataObject, schema: Schema) -> None:
    """Whatever validates as it is given validates as it is read, whenever nothing is said against the view."""
    told = _closed(schema)
    view = data.draw(wider(schema) | SCHEMAS)
    assert isinstance(told, dict)
    assume(not faults(view, told))
    value = data.draw(values(told))
    if VALIDATOR(told).is_valid(value):
        assert VALIDATOR(view).is_valid(value)


@settings(deadline=None)
@given(schema=SCHEMAS)
def test_a_view_of_everything_fits(schema: Schema) -> None:
    """Whoever reads just as it is given can read it, and so can whoever takes null besides."""
    told = _closed(schema)
    assert faults(told, told) == []
    assert faults({"anyOf": [told, {"type": "null"}]}, told) == []
    assert faults({}, told) == []


class Colour(Enum):
    """Three texts."""

    RED = "red"
    GREEN = "green"
    BLUE = "blue"


class Place(BaseModel):
    """What a producer says."""

    name: str = "here"
    height: float | None = None


class Named(BaseModel):
    """What a consumer reads of it."""

    name: str


class Tight(BaseModel):
    """One that takes nothing else."""

    model_config = ConfigDict(extra="forbid")
    name: str


class Cat(BaseModel):
    """One of two."""

    kind: Literal["cat"] = "cat"
    lives: int


class Dog(BaseModel):
    """The other."""

    kind: Literal["dog"] = "dog"
    name: str


ID: Final = UUID(int=7)
NOW: Final = datetime(2031, 5, 17, 8, 30, tzinfo=UTC)
GIVEN: Final[dict[str, tuple[Any, Sequence[object]]]] = {
    "text": (str, ["", "red", "7", "long " * 9]),
    "short text": (Annotated[str, Field(min_length=1, max_length=3)], ["a", "red"]),
    "whole number": (int, [-5, 0, 7, 2**70]),
    "count": (Annotated[int, Field(ge=1)], [1, 7]),
    "share": (Annotated[float, Field(ge=0, le=1)], [0.0, 0.5, 1.0]),
    "number": (float, [-0.5, 7.0]),
    "truth": (bool, [True, False]),
    "nothing": (None, [None]),
    "maybe text": (str | None, [None, "red"]),
    "text or number": (int | str, ["red", 7]),
    "one of two": (Literal["red", "green"], ["red", "green"]),
    "colour": (Colour, list(Colour)),
    "id": (UUID, [ID]),
    "moment": (datetime, [NOW]),
    "day": (date, [NOW.date()]),
    "time": (timedelta, [timedelta(hours=30, microseconds=7)]),
    "amount": (Decimal, [Decimal("3.10"), Decimal(-7)]),
    "price": (Annotated[Decimal, Field(ge=0, max_digits=6, decimal_places=2)], [Decimal("3.10")]),
    "address": (AnyUrl, [AnyUrl("https://a.example/b")]),
    "texts": (list[str], [[], ["a", "b"]]),
    "pair": (tuple[int, str], [(3, "a")]),
    "numbers": (set[int], [set(), {1, 2}]),
    "places": (list[Place], [[], [Place()]]),
    "place": (Place, [Place(), Place(name="x", height=3)]),
    "counts": (dict[str, int], [{}, {"a": 1, "name": 3}]),
    "names": (dict[str, str], [{}, {"name": "x"}]),
    "by id": (dict[UUID, int], [{}, {ID: 1}]),
    "anything": (dict[str, object], [{}, {"name": None}]),
    "pet": (Annotated[Cat | Dog, Field(discriminator="kind")], [Cat(lives=9), Dog(name="x")]),
    "cat": (Cat, [Cat(lives=9)]),
}
READ: Final[dict[str, Any]] = {
    **{name: annotation for name, (annotation, _) in GIVEN.items()},
    "named": Named,
    "tight": Tight,
    "worth": Annotated[Decimal, Field(ge=0)],
    "positive": Annotated[float, Field(gt=0)],
    "maybe id": UUID | None,
    "some text": Annotated[str, Field(min_length=1)],
    "nameds": list[Named],
    "whatever": object,
}


def test_what_pydantic_writes_is_read_where_it_fits() -> None:
    """Of all pairs of these types, those that are said to fit do, and every one fits itself."""
    fitting = 0
    for name, (annotation, samples) in GIVEN.items():
        writer: TypeAdapter[Any] = TypeAdapter(annotation)
        told = writer.json_schema(mode="serialization", schema_generator=AsyncSchema)
        for other, view in READ.items():
            reader: TypeAdapter[Any] = TypeAdapter(view)
            wanted = reader.json_schema(mode="validation", schema_generator=AsyncSchema)
            found = faults(wanted, told, wanted, told)
            assert name != other or not found, (name, found)
            if found:
                continue
            fitting += 1
            for sample in samples:
                text = writer.dump_json(sample)
                try:
                    reader.validate_json(text, strict=False)
                except ValidationError as error:
                    pytest.fail(f"{name} as {other}: {error}")
    assert fitting > len(GIVEN) + len(GIVEN)  # itself and whatever, and more


FITTING: Final = [
    ("place", "named"),
    ("amount", "text"),
    ("places", "nameds"),
    ("one of two", "colour"),
    ("one of two", "some text"),
    ("count", "positive"),
    ("count", "number"),
    ("id", "text"),
    ("id", "maybe id"),
    ("text", "maybe text"),
    ("cat", "pet"),
    ("whole number", "text or number"),
    ("short text", "some text"),
]


@pytest.mark.parametrize(("told", "view"), FITTING)
def test_what_a_view_may_leave_open(told: str, view: str) -> None:
    """Whoever reads less, or takes more, is not told off."""
    given_schema = TypeAdapter(GIVEN[told][0]).json_schema(mode="serialization", schema_generator=AsyncSchema)
    wanted = TypeAdapter(READ[view]).json_schema(mode="validation", schema_generator=AsyncSchema)
    assert faults(wanted, given_schema, wanted, given_schema) == []
