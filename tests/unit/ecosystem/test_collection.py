"""A page with faults of every kind: all of them are told at once, each with what to write instead."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arnia.ecosystem import Broker, Database, Ecosystem, Environment, Route, Service
from arnia.ecosystem.collection import collecting
from arnia.ecosystem.values import Declared
from arnia.errors import DeclarationError

DB = Database(name="db")
ROUTE = Route(path="/x")
KINDS: list[type[Declared]] = [Service, Ecosystem, Environment, Route, Database]


def told(kind: type[Declared], /, *unnamed: object, **arguments: object) -> list[str]:
    """Return what is collected while such a value is built."""
    with collecting() as collection:
        kind(*unnamed, **arguments)
    return collection.faults


CASES: dict[str, tuple[dict[str, object], str]] = {
    "a name in place of a tuple": ({"uses": "db"}, '`uses` takes a tuple of names: write `uses=("db",)`'),
    "a resource in place of its name": ({"uses": (DB,)}, '`uses` takes a tuple of names: write `uses=("db",)`'),
    "callees without versions": ({"calls": ("b", "c")}, 'write `calls={"b": 1, "c": 1}`'),
    "a callee alone": ({"calls": "b"}, 'write `calls={"b": 1}`'),
    "a version in words": ({"calls": {"b": "v2"}}, 'write `calls={"b": 2}`'),
    "paths in place of routes": ({"exposes": ("/x", ROUTE)}, 'write `exposes=(Route(path="/x"), Route(path="/x"))`'),
    "a route alone": ({"exposes": ROUTE}, 'write `exposes=(Route(path="/x"),)`'),
    "a misspelt argument": ({"expose": (ROUTE,)}, "there is no argument `expose`: write `exposes`"),
    "an argument of nobody": (
        {"colour": "red"},
        "no argument `colour`: remove it, or use one of `name`, `owner`, `uses`",
    ),
    "a number in place of names": ({"uses": 5}, '`uses` takes a tuple of names, such as `("...",)`, not 5'),
    "a number among names": ({"uses": ("db", 5)}, '`uses` takes a tuple of names, such as `("...",)`, not 5'),
    "a version that is none": ({"calls": {"b": "new"}}, 'such as `{"...": 1}`, not "new"'),
    "an owner that is no text": ({"owner": 5}, "`owner` takes a text in quotes, not 5"),
}


@pytest.mark.parametrize(("arguments", "sentence"), CASES.values(), ids=CASES.keys())
def test_a_fault_of_type_says_what_to_write(arguments: dict[str, object], sentence: str) -> None:
    """One sentence names the thing and the argument, and shows what was probably meant or what is possible."""
    (fault,) = told(Service, **{"name": "a", "owner": "us", **arguments})
    assert fault.startswith("service 'a': ")
    assert sentence in fault
    with pytest.raises(DeclarationError) as alone:
        Service(**{"name": "a", "owner": "us", **arguments})  # type: ignore[arg-type]  # ill-typed on purpose
    assert alone.value.faults == (fault,)


def test_a_value_without_names_and_allowed_values() -> None:
    """A positional argument gets its name, a missing one is asked for, and a literal lists what is allowed."""
    assert told(Service, "a", owner="us") == ["service 'a': every argument has a name: write `name=\"a\"`."]
    assert (
        told(Route, "/x", "/y")[1] == "route '/x': \"/y\" has no name: put one of `path`, `public` and a `=` before it."
    )
    assert told(Service, owner="us") == ["service 'nameless-1': `name` is missing: add `name=\"...\"`."]
    assert told(Route) == ["route '/nameless-1': `path` is missing: add `path=\"...\"`."]
    assert told(Broker, name="b", kind="cache") == ['broker \'b\': `kind` takes "broker", not "cache".']


def test_several_wrong_values_are_told_together_with_what_is_wrong_between_them() -> None:
    """Each value is built as it was meant, so that what leans on it is judged in the same run."""
    with collecting() as collection:
        Ecosystem(
            name="shop",
            services=(
                Service(name="Orders", owner="us", calls=("menu",), uses="db"),  # type: ignore[arg-type]  # wrong
                Service(name="menu", owner="us", exposes=("/api/v1/menu",), hears="a.x"),  # type: ignore[arg-type]  # wrong
            ),
        )
    parts = (
        "uses=(",
        "calls={",
        "hears=(",
        "exposes=(Route",
        "no DNS label",
        "uses 'db', which no",
        "hears 'a.x'",
        "no broker",
        "no database",
    )
    assert len(collection.faults) == len(parts)
    assert all(part in fault for part, fault in zip(parts, collection.faults, strict=True))


def test_what_stands_in_an_unread_part_is_not_called_absent() -> None:
    """Where something could not be read, no fault is invented about what may be in there; the rest is judged."""
    with collecting() as collection:
        Ecosystem(
            name="Shop",
            services=(Service(name="a", owner="us", hears=("b.x",), uses=("db",)), Database(name="db")),  # type: ignore[arg-type]  # wrong
        )
    first, second = collection.faults
    assert "`services` takes a tuple of services" in first
    assert first.endswith('not Database(name="db").')
    assert "'Shop': the name is no DNS label" in second


def test_a_collection_ends_with_its_page() -> None:
    """After the page, and when the page breaks off, a wrong value raises again."""
    with pytest.raises(KeyError), collecting():
        raise KeyError
    with pytest.raises(DeclarationError):
        Route()  # type: ignore[call-arg]  # this is what the test is about


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["a", "db", "/x", "v1", DB, ROUTE]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=6,
)
NAMES = st.sampled_from(sorted({name for kind in KINDS for name in kind.model_fields} | {"expose", "x"}))


@settings(deadline=None)
@given(kind=st.sampled_from(KINDS), unnamed=st.lists(ANYTHING, max_size=2), arguments=st.dictionaries(NAMES, ANYTHING))
def test_any_value_can_be_built_while_faults_are_collected(
    kind: type[Declared], unnamed: list[object], arguments: dict[str, object]
) -> None:
    """Whatever is written, reading goes on: each wrong value becomes a sound one, and has at least one fault."""
    with collecting() as collection:
        value = kind(*unnamed, **arguments)
    assert all(fault.endswith(".") for fault in collection.faults)
    kind(**{name: getattr(value, name) for name in kind.model_fields}) if kind is not Ecosystem else None
