import itertools
import json
import subprocess
from pathlib import Path

import pytest

from arnia.ecosystem import Ecosystem, Environment, Route, Service
from arnia.ecosystem.groups import group_name, groups
from arnia.local.edge import assignment, edge_configuration
from arnia.local.servers.envoy import program

SNAPSHOT = Path(__file__).with_name("edge.snapshot.json")
LOCAL = Environment(name="local")
SPLIT = Environment(name="local", split_versions=("apples",))


def _service(name: str, *paths: str) -> Service:
    return Service(name=name, owner="tests", exposes=tuple(Route(path=path) for path in paths))


APPLES = _service("apples", "/api/v1/apples", "/api/v2/apples", "/apples")
PEARS = _service("pears", "/api/v1/pears", "/pears/ripe")
HIDDEN = _service("hidden")


def _configure(environment: Environment, *services: Service) -> str:
    ecosystem = Ecosystem(name="garden", services=services)
    return edge_configuration(ecosystem, environment, port=8080, endpoints="/endpoints")


def _routes(text: str) -> list[tuple[str, str]]:
    filters = json.loads(text)["static_resources"]["listeners"][0]["filter_chains"][0]["filters"]
    hosts = filters[0]["typed_config"]["route_config"]["virtual_hosts"]
    return [(*one["match"].values(), one["route"]["cluster"]) for one in hosts[0]["routes"]]


def test_is_what_was_agreed() -> None:
    """The whole configuration equals the committed one; delete that file to write it anew."""
    text = _configure(SPLIT, APPLES, PEARS, HIDDEN)
    if not SNAPSHOT.exists():
        SNAPSHOT.write_text(text)
    assert text == SNAPSHOT.read_text()


@pytest.mark.parametrize(
    ("environment", "services"), [(LOCAL, (APPLES, PEARS)), (SPLIT, (APPLES,)), (LOCAL, (HIDDEN,))]
)
def test_is_accepted_by_envoy(tmp_path: Path, environment: Environment, services: tuple[Service, ...]) -> None:
    """Envoy itself finds no fault in the configuration, nor in its endpoint files."""
    ecosystem = Ecosystem(name="garden", services=services)
    text = edge_configuration(ecosystem, environment, port=8080, endpoints=str(tmp_path))
    for name in {cluster for _, cluster in _routes(text)}:
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
    text = _configure(LOCAL, APPLES)
    assert "retry_policy" not in text
    thresholds = json.loads(text)["static_resources"]["clusters"][0]["circuit_breakers"]["thresholds"]
    assert [one["max_retries"] for one in thresholds] == [0]


def test_names_the_endpoints_of_a_cluster_in_order() -> None:
    """An endpoint file holds every port once, sorted; an empty one is valid."""
    resource = json.loads(assignment("apples", [3, 1, 2]))["resources"][0]
    addresses = [one["endpoint"]["address"]["socket_address"] for one in resource["endpoints"][0]["lb_endpoints"]]
    assert [(one["address"], one["port_value"]) for one in addresses] == [("127.0.0.1", port) for port in (1, 2, 3)]
    assert json.loads(assignment("apples", []))["resources"][0]["endpoints"] == [{"lb_endpoints": []}]
