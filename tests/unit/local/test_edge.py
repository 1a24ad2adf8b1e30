import itertools
import json
import subprocess
from pathlib import Path

import pytest

from arnia.ecosystem import Ecosystem, Environment, Route, Service
from arnia.ecosystem.groups import group_name, groups
from arnia.local.admission import Trust
from arnia.local.clusters import assignment
from arnia.local.edge import Doors, edge_configuration
from arnia.local.envoy_types import Json
from arnia.local.servers.envoy import program

SNAPSHOT = Path(__file__).with_name("edge.snapshot.json")
LOCAL = Environment(name="local")
SPLIT = Environment(name="local", split_versions=("apples",))


def _service(name: str, *paths: str) -> Service:
    return Service(name=name, owner="tests", exposes=tuple(Route(path=path) for path in paths))


APPLES = _service("apples", "/api/v1/apples", "/api/v2/apples", "/apples")
PEARS = _service("pears", "/api/v1/pears", "/pears/ripe")
HIDDEN = _service("hidden")


WEATHER = Route(path="/pears/ripe/weather", public=True)
TRUST = Trust(issuer="http://127.0.0.1:8080", cluster="hidden")


def _configure(environment: Environment, *services: Service) -> str:
    ecosystem = Ecosystem(name="garden", services=services)
    return edge_configuration(ecosystem, environment, Doors(port=8080), endpoints="/endpoints")


def _configure_guarded(endpoints: str = "/endpoints") -> str:
    """Return a configuration with everything in it: an issuer, a public route, and a service that others call."""
    pears = PEARS.model_copy(update={"exposes": (*PEARS.exposes, WEATHER)})
    ecosystem = Ecosystem(name="garden", services=(APPLES, pears, HIDDEN), issuer="hidden")
    doors = Doors(port=8080, internal={"apples": 8081})
    return edge_configuration(ecosystem, SPLIT, doors, endpoints=endpoints, trust=TRUST)


def _routes(text: str) -> list[tuple[str, str]]:
    filters = json.loads(text)["static_resources"]["listeners"][0]["filter_chains"][0]["filters"]
    hosts = filters[0]["typed_config"]["route_config"]["virtual_hosts"]
    return [(*one["match"].values(), one["route"]["cluster"]) for one in hosts[0]["routes"]]


def test_is_what_was_agreed() -> None:
    """The whole configuration equals the committed one; delete that file to write it anew."""
    text = _configure_guarded()
    if not SNAPSHOT.exists():
        SNAPSHOT.write_text(text)
    assert text == SNAPSHOT.read_text()


@pytest.mark.parametrize(
    ("environment", "services"), [(LOCAL, (APPLES, PEARS)), (SPLIT, (APPLES,)), (LOCAL, (HIDDEN,))]
)
def test_is_accepted_by_envoy(tmp_path: Path, environment: Environment, services: tuple[Service, ...]) -> None:
    """Envoy itself finds no fault in the configuration, nor in its endpoint files."""
    ecosystem = Ecosystem(name="garden", services=services)
    text = edge_configuration(ecosystem, environment, Doors(port=8080), endpoints=str(tmp_path))
    _assert_accepted(tmp_path, text)


def test_guarded_one_is_accepted_by_envoy(tmp_path: Path) -> None:
    """The same with an issuer, public routes and internal doors."""
    _assert_accepted(tmp_path, _configure_guarded(str(tmp_path)))


def _assert_accepted(tmp_path: Path, text: str) -> None:
    for name in (one["name"] for one in json.loads(text)["static_resources"]["clusters"]):
        (tmp_path / f"{name}.json").write_text(assignment(name, [8081, 8082]))
    file = tmp_path / "edge.json"
    file.write_text(text)
    command = (str(program()), "--mode", "validate", "-c", str(file), "-l", "error")
    validated = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert validated.returncode == 0, validated.stderr


def test_routes_only_what_is_exposed() -> None:
    """There is one route per exposed path and one for problem types; a service that exposes nothing has no cluster."""
    text = _configure(LOCAL, APPLES, PEARS, HIDDEN)
    assert sorted(_routes(text)) == [
        ("/api/v1/apples", "apples"),
        ("/api/v1/pears", "pears"),
        ("/api/v2/apples", "apples"),
        ("/apples", "apples"),
        ("/pears/ripe", "pears"),
        ("/problems", "apples"),
        ("/problems/apples-", "apples"),
        ("/problems/pears-", "pears"),
    ]
    assert [one["name"] for one in json.loads(text)["static_resources"]["clusters"]] == ["apples", "pears"]


def test_asks_longer_paths_first() -> None:
    """Routes are ordered from the longest path to the shortest, so that no path hides one below it."""
    lengths = [len(path) for path, _ in _routes(_configure(LOCAL, APPLES, PEARS))]
    assert lengths == sorted(lengths, reverse=True)


def test_splits_versions_into_groups() -> None:
    """Split versions have clusters of their own; a path without a version goes to the newest."""
    assert dict(_routes(_configure(SPLIT, APPLES))) == {
        "/api/v1/apples": "apples-v1",
        "/api/v2/apples": "apples-v2",
        "/apples": "apples-v2",
        "/problems": "apples-v1",
        "/problems/apples-": "apples-v2",
    }
    assert groups(APPLES, SPLIT) == (1, 2)
    assert groups(APPLES, LOCAL) == groups(HIDDEN, SPLIT) == (None,)
    assert (group_name("apples", 2), group_name("apples", None)) == ("apples-v2", "apples")


def test_does_not_depend_on_the_order_of_declaration() -> None:
    """Whatever the order of the services, the configuration is the same to the byte."""
    texts = {_configure(SPLIT, *order) for order in itertools.permutations((APPLES, PEARS, HIDDEN))}
    assert len(texts) == 1


def test_never_retries() -> None:
    """No retry policy is anywhere, and no retry is allowed by a circuit breaker."""
    text = _configure_guarded()
    assert "retry_policy" not in text
    for cluster in json.loads(text)["static_resources"]["clusters"]:
        assert [one["max_retries"] for one in cluster["circuit_breakers"]["thresholds"]] == [0]


def _listeners(text: str) -> dict[str, Json]:
    listed = json.loads(text)["static_resources"]["listeners"]
    return {one["name"]: one["filter_chains"][0]["filters"][0]["typed_config"] for one in listed}


def _filters(manager: Json) -> list[str]:
    return [one["name"].rpartition(".")[2] for one in manager["http_filters"]]


def test_asks_for_a_token_of_the_service_at_every_route_that_is_not_public() -> None:
    """After that of OPTIONS, a rule per route in their order; each exposed one that is not public names its service."""
    text = _configure_guarded()
    (verifying,) = (one for one in json.loads(text)["static_resources"]["listeners"] if one["name"] == "edge")
    filters = verifying["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"]
    rules = next(one for one in filters if one["name"].endswith("jwt_authn"))["typed_config"]["rules"][1:]
    assert [(*rule["match"].values(),)[0] for rule in rules] == [path for path, _ in _routes(text)]
    asked = {
        (*rule["match"].values(),)[0]: rule["requires"]["provider_and_audiences"]["audiences"]
        for rule in rules
        if "requires" in rule
    }
    assert asked == {
        "/api/v1/apples": ["apples"],
        "/api/v2/apples": ["apples"],
        "/apples": ["apples"],
        "/api/v1/pears": ["pears"],
        "/pears/ripe": ["pears"],
    }


def test_verifies_nothing_where_nobody_issues_tokens() -> None:
    """Without an issuer there is no filter of tokens, and inside there never is one."""
    assert _filters(_listeners(_configure(LOCAL, APPLES))["edge"]) == [
        "local_ratelimit",
        "buffer",
        "header_mutation",
        "router",
    ]
    doors = _listeners(_configure_guarded())
    assert _filters(doors.pop("edge")) == ["local_ratelimit", "jwt_authn", "buffer", "header_mutation", "router"]
    assert [(name, _filters(door)) for name, door in doors.items()] == [
        ("internal-apples", ["header_mutation", "router"])
    ]


def test_internal_doors_know_versions_that_run_apart() -> None:
    """What a service calls goes to the processes of the major version in the path; anything else to the newest."""
    found = _listeners(_configure_guarded())["internal-apples"]["route_config"]
    assert [((*one["match"].values(),)[0], one["route"]["cluster"]) for one in found["virtual_hosts"][0]["routes"]] == [
        ("/api/v1", "apples-v1"),
        ("/", "apples-v2"),
    ]


def test_names_the_endpoints_of_a_cluster_in_order() -> None:
    """An endpoint file holds every port once, sorted; an empty one is valid."""
    resource = json.loads(assignment("apples", [3, 1, 2]))["resources"][0]
    addresses = [one["endpoint"]["address"]["socket_address"] for one in resource["endpoints"][0]["lb_endpoints"]]
    assert [(one["address"], one["port_value"]) for one in addresses] == [("127.0.0.1", port) for port in (1, 2, 3)]
    assert json.loads(assignment("apples", []))["resources"][0]["endpoints"] == [{"lb_endpoints": []}]
