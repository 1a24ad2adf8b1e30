"""What is wrong with a declaration is said completely, by name, with what to do."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arnia.ecosystem import Broker, Cache, Database, Ecosystem, Environment, Route, Service
from arnia.ecosystem.cycles import find_cycles
from arnia.ecosystem.resources import AnyResource
from arnia.errors import DeclarationError


def faults(
    *services: Service,
    resources: Sequence[AnyResource] = (),
    environments: Sequence[Environment] = (),
    name: str = "shop",
) -> tuple[str, ...]:
    """Return the faults of an ecosystem of these things; none when it adds up."""
    try:
        Ecosystem(name=name, services=services, resources=tuple(resources), environments=tuple(environments))
    except DeclarationError as error:
        return error.faults
    return ()


def service(name: str = "a", **edges: object) -> Service:
    """Return a service that belongs to somebody."""
    return Service(**{"name": name, "owner": "us", **edges})  # type: ignore[arg-type]  # some are ill-typed on purpose


def speaker(name: str = "a", *, uses: Sequence[str] = ("bus",), **edges: object) -> Service:
    """Return a service that has a broker and a database."""
    return service(name, uses=(*uses, f"{name}-db"), **edges)


CARRIERS: Sequence[AnyResource] = (
    Broker(name="bus"),
    Broker(name="tram"),
    Database(name="a-db"),
    Database(name="b-db"),
)
CASES = {
    "a name with capitals is no DNS label": ([service("Orders")], "service 'Orders': the name is no DNS label"),
    "a name of 64 letters is no DNS label": ([service("a" * 64)], "is no DNS label"),
    "a name that ends in a hyphen is no DNS label": ([service("orders-")], "is no DNS label"),
    "an empty name is no DNS label": ([service("")], "service '': the name is no DNS label"),
    "a newline after a name is seen": ([service("orders\n")], "is no DNS label"),
    "a service cannot be declared twice": ([service(), service()], "service 'a': declared 2 times"),
    "a package of Python's own cannot be a service": ([service("json")], "its package would be 'json'"),
    "a keyword of Python cannot be a service": ([service("import")], "its package would be 'import'"),
    "a service has an owner": ([service(owner=" ")], "service 'a': `owner` is empty"),
    "an ecosystem has a service": ([], "no service is declared"),
    "a resource must be declared": ([service(uses=("db",))], "service 'a': uses 'db', which no resource is called"),
    "a callee must be declared": ([service(calls={"b": 1})], "service 'a': calls 'b', which no service is called"),
    "a near miss is suggested": ([service(calls={"ordres": 1}), service("orders")], "did you mean 'orders'"),
    "a service does not call itself": ([service(calls={"a": 1})], "service 'a': calls itself"),
    "versions start at one": ([service(calls={"b": 0}), service("b")], "calls version 0 of 'b'"),
    "calls run in no circle": (
        [service("c", calls={"a": 1}), service("b", calls={"c": 1}), service("a", calls={"b": 1})],
        "service 'a': a calls b calls c calls a, which is a cycle",
    ),
    "what is heard is emitted": ([speaker(hears=("b.x",))], "service 'a': hears 'b.x', which no service emits"),
    "an event has one owner": (
        [speaker(emits=("a.x",)), speaker("b", emits=("a.x",))],
        "event 'a.x': emitted by 'a' and 'b'",
    ),
    "one service speaks about a kind of thing": (
        [speaker(emits=("a.x",)), speaker("b", emits=("a.y",))],
        "events 'a.*': emitted by 'a' and 'b': all that is said about 'a' is in one order",
    ),
    "an emitter uses a broker": (
        [service(uses=("a-db",), emits=("a.x",))],
        "service 'a': emits events and uses no broker: add a `Broker(name=\"events\")` to `resources`",
    ),
    "an emitter uses a database": (
        [service(uses=("bus",), emits=("a.x",))],
        "service 'a': emits events and uses no database, which remembers them: add a `Database(name=\"a-db\")`",
    ),
    "a hearer uses a broker": (
        [speaker("b", emits=("b.x",)), service(uses=("a-db",), hears=("b.x",))],
        "service 'a': hears events and uses no broker",
    ),
    "a hearer uses a database": (
        [speaker("b", emits=("b.x",)), service(uses=("bus",), hears=("b.x",))],
        "service 'a': hears events and uses no database",
    ),
    "a service has one broker": (
        [speaker(uses=("bus", "tram"), emits=("a.x",))],
        "service 'a': uses 2 brokers ('bus' and 'tram'): a service has one at most",
    ),
    "an event goes through one broker": (
        [speaker(emits=("a.x",)), speaker("b", uses=("tram",), hears=("a.x",))],
        "service 'b': hears 'a.x' through 'tram', and 'a' emits it through 'bus'",
    ),
    "an event has a dotted name": ([speaker(emits=("Created",))], "'Created' is no type of event"),
    "an edge is named once": ([speaker(emits=("a.x", "a.x"))], "`emits` names 'a.x' 2 times"),
    "a path leads to one service": (
        [service(exposes=(Route(path="/x"),)), service("b", exposes=(Route(path="/x"),))],
        "route '/x': exposed by 'a' and 'b'",
    ),
    "a path lies below no other service's": (
        [service(exposes=(Route(path="/x"),)), service("b", exposes=(Route(path="/x/y"),))],
        "route '/x/y': exposed by 'b', and 'a' exposes '/x'",
    ),
    "a path is exposed once": ([service(exposes=(Route(path="/x"), Route(path="/x")))], "`exposes` names '/x' 2 times"),
    "a path has no parameters": ([service(exposes=(Route(path="/x/{id}"),))], "is no plain path"),
    "a path starts with a slash": ([service(exposes=(Route(path="x"),))], "is no plain path"),
    "a path is no lone slash": ([service(exposes=(Route(path="/"),))], "is no plain path"),
    "a path does not climb": ([service(exposes=(Route(path="/x/../y"),))], "is no plain path"),
    "the platform's paths are taken": ([service(exposes=(Route(path="/metrics"),))], "belongs to the platform"),
    "problems are the platform's": ([service(exposes=(Route(path="/problems/x"),))], "belongs to the platform"),
}


@pytest.mark.parametrize(("services", "sentence"), CASES.values(), ids=CASES.keys())
def test_fault_is_one_sentence_with_a_name_and_a_way_out(services: list[Service], sentence: str) -> None:
    """Each thing that can be wrong with services is one fault, which says what to do after its last colon."""
    found = faults(*services, resources=CARRIERS)
    assert len(found) == 1
    assert sentence in found[0]
    assert found[0].endswith(".")
    assert ": " in found[0]


@pytest.mark.parametrize(
    ("resources", "sentence"),
    [
        ([Database(name="a-db"), Cache(name="a-db")], "resource 'a-db': declared 2 times"),
        ([Database(name="a-db"), Cache(name="a")], "service 'a': a resource has the same name"),
        ([Database(name="a-db"), Cache(name="Cache")], "resource 'Cache': the name is no DNS label"),
    ],
)
def test_resource_faults(resources: list[AnyResource], sentence: str) -> None:
    """Resources have DNS labels of their own, which no service shares."""
    (found,) = faults(service(uses=("a-db",)), resources=resources)
    assert sentence in found


def test_a_database_belongs_to_one_service() -> None:
    """Two services that use one database, and one service with two databases, are faults (a cache may be shared)."""
    shared: list[AnyResource] = [Database(name="db"), Cache(name="cache")]
    both = ("db", "cache")
    (found,) = faults(service("a", uses=both), service("b", uses=both), resources=shared)
    assert "resource 'db': a database belongs to one service, and 'a' and 'b' use it" in found
    (found,) = faults(service(uses=("one", "two")), resources=[Database(name="one"), Database(name="two")])
    assert "service 'a': uses 2 databases ('one' and 'two')" in found


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        (Environment(name="E"), "environment 'E': the name is no DNS label"),
        (Environment(name="e", replicas={"b": 1}), "environment 'e': `replicas` names 'b'"),
        (Environment(name="e", replicas={"a": 0}), "environment 'e': 0 replicas of 'a'"),
        (Environment(name="e", split_versions=("b",)), "environment 'e': `split_versions` names 'b'"),
        (Environment(name="e", split_versions=("a",)), "exposes fewer than two API versions"),
    ],
)
def test_environment_faults(environment: Environment, sentence: str) -> None:
    """An environment speaks of declared services, runs each at least once, and splits only what has versions."""
    (found,) = faults(service(), environments=[environment])
    assert sentence in found


def test_every_fault_is_reported_at_once() -> None:
    """One error carries all that is wrong, in the same order however the services are ordered."""
    services = [
        service("A", owner="", uses=("x",), calls={"y": 1}),
        service("b", hears=("c.d",), exposes=(Route(path="/metrics"),)),
        service("c", calls={"b": 1}, exposes=(Route(path="oops"),)),
    ]
    found = faults(*services, name="Shop")
    assert len(found) == 10
    assert faults(*reversed(services), name="Shop") == found


def test_a_sound_declaration_has_no_fault() -> None:
    """What is used, called, heard and split as declared is accepted; an unused resource is for `check` to tell."""
    assert not faults(
        service("a", uses=("a-db", "bus"), calls={"b": 1}, emits=("a.x",), exposes=(Route(path="/.well-known"),)),
        service(
            "b",
            uses=("b-db", "bus"),
            hears=("a.x",),
            exposes=(Route(path="/api/v1/b"), Route(path="/api/v2/b")),
        ),
        resources=[*CARRIERS, Cache(name="nobodys")],
        environments=[Environment(name="local", split_versions=("b",), replicas={"a": 2})],
    )


GRAPHS = st.dictionaries(st.sampled_from("abcde"), st.sets(st.sampled_from("abcde")), max_size=5)


@settings(deadline=None)
@given(graph=GRAPHS)
def test_cycles_are_real_and_complete(graph: dict[str, set[str]]) -> None:
    """Each reported cycle runs along edges, and without the last edge of each there is none."""
    cycles = find_cycles(graph)
    for cycle in cycles:
        assert all(follower in graph[name] for name, follower in zip(cycle, (*cycle[1:], cycle[0]), strict=True))
        assert cycle[0] == min(cycle)
    rest = {name: targets - {cycle[0] for cycle in cycles if cycle[-1] == name} for name, targets in graph.items()}
    assert find_cycles(rest) == []
    assert find_cycles(dict(reversed(graph.items()))) == cycles


def test_issuer_is_a_service_of_the_ecosystem() -> None:
    """An issuer that no service is called is a fault that names the nearest; none, or a service, is fine."""
    ours = (service("identity"), service("orders"))
    with pytest.raises(DeclarationError) as refused:
        Ecosystem(name="shop", services=ours, issuer="identiti")
    assert len(refused.value.faults) == 1
    assert "ecosystem: issuer is 'identiti', which no service is called: did you mean 'identity'" in str(refused.value)
    assert Ecosystem(name="shop", services=ours).issuer == ""
    named = Ecosystem(name="shop", services=ours, issuer="identity")
    assert named.including(service("stock")).issuer == named.splitting("orders", service("stock")).issuer == "identity"


def test_wrong_issuer_and_public_say_what_they_take() -> None:
    """The service itself in place of its name is understood; anything else says what is taken."""
    with pytest.raises(DeclarationError) as refused:
        Ecosystem(name="shop", services=(service(),), issuer=service())  # type: ignore[arg-type]  # on purpose
    assert '`issuer` takes a name in quotes: write `issuer="a"`' in str(refused.value)
    with pytest.raises(DeclarationError) as refused:
        Route(path="/x", public="maybe")  # type: ignore[arg-type]  # on purpose
    assert '`public` takes True or False, such as `True`, not "maybe"' in str(refused.value)
