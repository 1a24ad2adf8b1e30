"""The reference ecosystem of this repository, as `make up` runs it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from tests.ecosystem.garden import Project, Writer, call, eventually

from arnia.testing.issuer import TestIssuer

ROOT = Path(__file__).parents[2]
DRONE = json.dumps(
    {
        "name": "Maia",
        "model": "Carrier 5",
        "capacity_kg": 5.0,
        "battery": 80,
        "position": {"latitude": 45.4642, "longitude": 9.19},
    }
).encode()


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory, issuer: TestIssuer) -> Iterator[Project]:
    """The reference ecosystem: versions of delivery apart, two drones."""
    project = Project(ROOT, tmp_path_factory.mktemp("reference") / "data", prefix=(sys.executable,))
    scopes = ("deliveries:read", "deliveries:write", "drones:read", "drones:write")
    project.trust(issuer, "delivery", "drone", scopes=scopes, roles=("operator",))
    started = project.run("up", "--detach", "--port", "0", "--split", "--replicas", "drone=2")
    try:
        assert started.returncode == 0, started.stderr
        yield project
    finally:
        project.remove()


def _is_all_there(project: Project, writer: Writer) -> bool:
    return project.statuses(f"/api/v1/drones/{name}" for name in writer.acknowledged) == {200}


def test_serves_what_is_exposed_and_hides_what_is_for_services(reference: Project) -> None:
    """Collections answer at the edge; a service's other paths answer at the service only."""
    for path in ("/api/v1/deliveries", "/api/v2/deliveries", "/api/v1/drones"):
        assert reference.call("GET", path).status == 200
    port = urlsplit(reference.state.services["drone"].url).port
    assert port is not None
    for path in ("/api/v1/drone-reservations", "/readyz", "/metrics", "/openapi.json"):
        assert call(port, "GET", path).status != 404
        assert reference.call("GET", path).status == 404


def test_refuses_in_the_same_words_as_a_service(reference: Project) -> None:
    """A problem of the edge has the members, the media type and the headers of a service's, and both types resolve."""
    ours = reference.call("GET", "/nowhere")
    theirs = reference.call("GET", f"/api/v1/drones/{uuid4()}")
    assert (ours.status, theirs.status) == (404, 404)
    assert set(ours.json()) == set(theirs.json())
    for header in ("content-type", "x-request-id"):
        assert header in ours.headers
        assert header in theirs.headers
    assert ours.headers["content-type"] == theirs.headers["content-type"]
    assert "server" not in theirs.headers
    for problem in (ours, theirs):
        assert reference.call("GET", problem.json()["type"]).status == 200


@pytest.mark.parametrize("victim", ["drone", "postgres", "edge"])
def test_loses_no_acknowledged_write_to_a_kill(reference: Project, victim: str) -> None:
    """After kill -9 under load all is served again, every acknowledged write is there, every error is clear."""
    before = reference.process(victim)
    with reference.writing("/api/v1/drones", lanes=2, body=DRONE) as writer:
        eventually(lambda: len(writer.acknowledged) > 20)
        assert before.pid is not None
        os.kill(before.pid, signal.SIGKILL)
        eventually(lambda: reference.process(before.name).restarts > before.restarts)
        eventually(lambda: reference.process(before.name).condition == "ready")
        reached = len(writer.acknowledged)
        eventually(lambda: len(writer.acknowledged) > reached + 20)
    assert _is_all_there(reference, writer)
    assert {(answer.status, answer.headers["content-type"]) for answer in writer.refused} <= {
        (503, "application/problem+json"),
        (504, "application/problem+json"),
    }
    assert not writer.broken or victim == "edge"


def test_rolls_without_losing_a_request(reference: Project) -> None:
    """Rolling a service under load answers every request with success."""
    with reference.writing("/api/v1/drones", lanes=2, body=DRONE) as writer:
        eventually(lambda: len(writer.acknowledged) > 20)
        rolled = reference.run("roll", "drone")
        assert rolled.returncode == 0, rolled.stderr
        reached = len(writer.acknowledged)
        eventually(lambda: len(writer.acknowledged) > reached + 20)
    assert (writer.refused, writer.broken) == ([], [])


def test_migrates_with_the_secrets_of_the_services(reference: Project) -> None:
    """`migrate` brings every service's schema up to date on the running servers, and may be repeated."""
    for _ in range(2):
        migrated = reference.run("migrate")
        assert migrated.returncode == 0, migrated.stderr
        assert "drone" in migrated.stdout


def test_tells_the_story_of_a_delivery(reference: Project) -> None:
    """The demo reaches every state of a delivery through the edge, by links alone, its versions in two processes."""
    command = (sys.executable, str(ROOT / "examples" / "delivery_story.py"), str(reference.data / "state.json"))
    environment = {**os.environ, "ARNIA_TOKEN": reference.headers["Authorization"].removeprefix("Bearer ")}
    told = subprocess.run(command, capture_output=True, text=True, check=False, cwd=reference.data, env=environment)
    assert told.returncode == 0, told.stdout + told.stderr
    assert told.stdout.endswith("The end.\n")


def test_story_without_an_ecosystem_says_so(tmp_path: Path) -> None:
    """Where nothing runs, the demo ends with 3 and what to do."""
    command = (sys.executable, str(ROOT / "examples" / "delivery_story.py"))
    told = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert told.returncode == 3
    assert "make up" in told.stderr
