from pathlib import Path

import pytest

from arnia.ecosystem import Cache, Database, Ecosystem, Environment, Route, Service
from arnia.errors import OutsideError, UsageError
from arnia.local.plan import Group, Plan, narrow, parse_replicas, wished

APPLES = Service(
    name="apples",
    owner="tests",
    uses=("apples-db", "cache"),
    exposes=(Route(path="/api/v1/apples"), Route(path="/api/v2/apples")),
)
PEARS = Service(name="pears", owner="tests", uses=("cache",), exposes=(Route(path="/api/v1/pears"),))
GARDEN = Ecosystem(name="garden", services=(APPLES, PEARS), resources=(Database(name="apples-db"), Cache(name="cache")))
LOCAL = Environment(name="local")


def test_reads_replicas() -> None:
    """`SERVICE=NUMBER` is read, and the last word about a service counts."""
    assert parse_replicas(["apples=3", "pears=1", "apples=2"]) == {"apples": 2, "pears": 1}
    assert parse_replicas([]) == {}


@pytest.mark.parametrize(
    "wish", ["", "apples", "apples=", "=2", "apples=0", "apples=51", "apples=-1", "apples=٣", "a=1.5"]
)
def test_refuses_replicas_that_make_no_sense(wish: str) -> None:
    """Anything but a service and a number from 1 to 50 is a usage error that repeats how to write it."""
    with pytest.raises(UsageError, match="SERVICE=NUMBER"):
        parse_replicas([wish])


def test_narrows_to_the_chosen_services() -> None:
    """`--only` keeps the named services; none named keeps all; an unknown one is a usage error."""
    assert [one.name for one in narrow(GARDEN, ["pears"]).services] == ["pears"]
    assert narrow(GARDEN, []) is GARDEN
    with pytest.raises(UsageError, match="plums"):
        narrow(GARDEN, ["plums"])


def test_multiplies_and_splits_as_wished() -> None:
    """Wishes of the command line add to what the environment declares, and split what has several versions."""
    environment = wished(GARDEN, Environment(name="local", replicas={"pears": 2}), replicas={"apples": 3}, split=True)
    assert Plan(GARDEN, environment, Path()).groups == (
        Group("apples-v1", "apples", (1,), 3),
        Group("apples-v2", "apples", (2,), 3),
        Group("pears", "pears", (), 2),
    )
    with pytest.raises(UsageError, match="plums"):
        wished(GARDEN, LOCAL, replicas={"plums": 2}, split=False)


def test_knows_what_a_service_uses(tmp_path: Path) -> None:
    """A plan finds a service's database and cache, what is exposed, and a service's folder or what to do about it."""
    plan = Plan(GARDEN, LOCAL, tmp_path)
    assert plan.database(APPLES) == Database(name="apples-db")
    assert plan.database(PEARS) is None
    assert plan.cache(PEARS) == Cache(name="cache")
    assert plan.exposed == ("/api/v1/apples", "/api/v1/pears", "/api/v2/apples")
    (tmp_path / "apples").mkdir()
    assert plan.folder("apples") == tmp_path / "apples"
    with pytest.raises(OutsideError, match="arnia new service pears"):
        plan.folder("pears")
