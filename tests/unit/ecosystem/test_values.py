"""Declared values: frozen, keyword-only, and the same in whatever order they are written."""

import copy
import pickle
import re
from collections.abc import Callable
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arnia.ecosystem import Broker, Cache, Database, Ecosystem, Environment, Route, Service
from arnia.errors import DeclarationError, UsageError

NAMES = st.lists(st.sampled_from(["a.x", "b.x", "c.x", "d.x"]), unique=True)


def declare(*names: str) -> Ecosystem:
    """Return an ecosystem of services with these names, each of which owns a database."""
    return Ecosystem(
        name="shop",
        services=tuple(Service(name=name, owner="us", uses=(f"{name}-db",)) for name in names),
        resources=tuple(Database(name=f"{name}-db") for name in names),
    )


def test_order_of_services_and_resources_is_forgotten() -> None:
    """Every order of declaration gives the same value, the same hash and the same JSON."""
    reference = declare("one", "two", "three")
    for order in permutations(("one", "two", "three")):
        other = declare(*order)
        assert other == reference
        assert hash(other) == hash(reference)
        assert other.model_dump_json() == reference.model_dump_json()


CARRIERS = ("bus", "hive-db")


def test_splitting_moves_what_the_new_service_exposes_and_emits() -> None:
    """A part of a service that becomes a service takes its routes and events along; the rest stays as it was."""
    bees, wax = Route(path="/api/v1/bees"), Route(path="/api/v1/wax")
    hive = Service(name="hive", owner="us", exposes=(bees, wax), emits=("bees.born", "wax.made"), uses=CARRIERS)
    part = Service(name="bees", owner="us", exposes=(bees,), emits=("bees.born",), uses=("bees-db", "bus"))

    before = Broker(name="bus"), Database(name="hive-db")
    whole = Ecosystem(name="farm", services=(hive,), resources=before)
    split = whole.splitting("hive", part, Database(name="bees-db"))

    rest = Service(name="hive", owner="us", exposes=(wax,), emits=("wax.made",), uses=CARRIERS)
    assert split == Ecosystem(name="farm", services=(part, rest), resources=(*before, Database(name="bees-db")))
    with pytest.raises(UsageError, match="nest"):
        split.splitting("nest", part)


@settings(deadline=None)
@given(events=NAMES)
def test_order_of_edges_is_forgotten(events: list[str]) -> None:
    """A service is the same in whatever order its events, calls and routes are written."""
    backwards = list(reversed(events))
    calls = {name.replace(".", "-"): 1 for name in events}
    one = Service(name="a", owner="us", emits=tuple(events), calls=calls)
    other = Service(name="a", owner="us", emits=tuple(backwards), calls=dict(reversed(calls.items())))
    assert one == other
    assert hash(one) == hash(other)


def test_values_are_frozen_all_the_way_down() -> None:
    """Neither a field nor what it holds can be changed after construction."""
    service = Service(name="a", owner="us", calls={"b": 1})
    with pytest.raises(ValueError, match="frozen"):
        service.name = "b"  # type: ignore[misc]  # this is what the test is about
    with pytest.raises(TypeError):
        service.calls["c"] = 2  # type: ignore[index]  # as above


def test_values_are_keyword_only() -> None:
    """A position says nothing about what a value means, so it is refused."""
    declared: Callable[..., Database] = Database
    with pytest.raises(DeclarationError, match=re.escape('every argument has a name: write `name="orders-db"`')):
        declared("orders-db")


def test_values_survive_json_pickle_and_copy() -> None:
    """A declaration that travels arrives equal."""
    ecosystem = Ecosystem(
        name="shop",
        services=(
            Service(name="a", owner="us", uses=("a-db", "broker", "cache"), calls={"b": 2}, emits=("a.x",)),
            Service(
                name="b",
                owner="us",
                uses=("b-db", "broker"),
                hears=("a.x",),
                exposes=(Route(path="/api/v1/b"), Route(path="/api/v2/b")),
            ),
        ),
        resources=(Cache(name="cache"), Broker(name="broker"), Database(name="a-db"), Database(name="b-db")),
        environments=(Environment(name="local", split_versions=("b",), replicas={"a": 3}),),
    )
    assert Ecosystem.model_validate_json(ecosystem.model_dump_json()) == ecosystem
    assert pickle.loads(pickle.dumps(ecosystem)) == ecosystem  # noqa: S301 - our own bytes
    assert copy.deepcopy(ecosystem) == ecosystem


def test_wrong_arguments_are_reported_together_and_by_name() -> None:
    """A misspelt, a missing and an ill-typed argument are three sentences of one error."""
    with pytest.raises(DeclarationError) as caught:
        Service(name="a", expose=(), uses="db")  # type: ignore[call-arg,arg-type]  # this is what the test is about
    assert len(caught.value.faults) == 3
    text = str(caught.value)
    for part in ("service 'a': there is no argument `expose`: write `exposes`", "`owner` is missing", 'uses=("db",)'):
        assert part in text


@pytest.mark.parametrize(
    ("path", "version"),
    [("/api/v1/drones", 1), ("/api/v12", 12), ("/api/v0/x", None), ("/api/vx/y", None), ("/token", None)],
)
def test_route_reads_its_version_from_its_path(path: str, version: int | None) -> None:
    """The major version of a route is what stands behind /api/v, and nothing else."""
    assert Route(path=path).version == version


def test_route_covers_what_lies_below_it() -> None:
    """A route covers itself and what follows a slash, not what merely starts alike."""
    route = Route(path="/api/v1/drones")
    assert route.covers("/api/v1/drones")
    assert route.covers("/api/v1/drones/7/position")
    assert not route.covers("/api/v1/drones-of-others")


def test_lookups_name_what_there_is() -> None:
    """A name that is not declared is answered with the names that are."""
    ecosystem = declare("one", "two")
    assert ecosystem.service("one").owner == "us"
    assert ecosystem.resource("two-db").name == "two-db"
    assert ecosystem.environment("local").replicas_of("one") == 1
    with pytest.raises(UsageError, match=re.escape("'three' is no service of this ecosystem: it has one, two.")):
        ecosystem.service("three")


def test_neighbours_are_found_from_either_end() -> None:
    """Callers, hearers and users are the edges read backwards."""
    ecosystem = Ecosystem(
        name="shop",
        services=(
            Service(name="a", owner="us", uses=("a-db", "bus", "cache"), calls={"b": 2}, emits=("a.x",)),
            Service(name="b", owner="us", uses=("b-db", "bus"), hears=("a.x",)),
        ),
        resources=(Broker(name="bus"), Cache(name="cache"), Database(name="a-db"), Database(name="b-db")),
    )
    assert [one.name for one in ecosystem.callers("b")] == ["a"]
    assert [one.name for one in ecosystem.hearers("a.x")] == ["b"]
    assert [one.name for one in ecosystem.users("cache")] == ["a"]
    assert dict(ecosystem.service("a").calls) == {"b": 2}
    assert repr(ecosystem.service("a").calls) == "{'b': 2}"
