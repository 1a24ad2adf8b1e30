"""The reference ecosystem of this repository, as `make up` runs it."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

import pytest
from tests.ecosystem.garden import Project, Writer, call, eventually
from tests.ecosystem.rotations import ROTATIONS, TIMES, Rotations

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

LANES = 2
LISTS = {
    "bff": "/bff/web/deliveries",
    "delivery-v1": "/api/v1/deliveries",
    "delivery-v2": "/api/v2/deliveries",
    "drone": "/api/v1/drones",
    "identity": "/users/me",
    "notification": "/api/v1/notifications",
    "scheduler": "/api/v1/assignments",
    "telemetry": "/api/v1/telemetry/last-positions",
}
"""What an operator may read, by cluster."""

REVOKED = 5.0
"""Seconds after which a token that was taken back is refused everywhere (docs/guides/security.md)."""

PLACE = {"position": {"latitude": 45.4642, "longitude": 9.19}}
ORDER = json.dumps(
    {
        "pickup": PLACE,
        "dropoff": PLACE,
        "items": [{"name": "Honey jar", "price": {"amount": "12.30", "currency": "EUR"}, "quantity": 2}],
        "schedule": {"pickup_time": "2026-12-01T12:00:00Z", "deadline": "2026-12-01T14:00:00Z"},
    }
).encode()


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The reference ecosystem: versions of delivery apart, two drones; whoever calls is its operator."""
    data = tmp_path_factory.mktemp("reference") / "data"
    project = Project(ROOT, data, prefix=(sys.executable,))
    project.environment |= TIMES
    try:
        started = project.run("up", "--detach", "--port", "0", "--split", "--replicas", "drone=2")
        assert started.returncode == 0, started.stderr
        project.headers["Authorization"] = f"Bearer {project.log_in('operator')}"
        yield project
    finally:
        project.remove()


@pytest.fixture(scope="module", autouse=True)
def rotations(reference: Project) -> Iterator[Rotations]:
    """Keys are rotated from the beginning, while other tests go on: what takes a minute is mostly to wait."""
    with Rotations(reference).running() as begun:
        yield begun


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


def test_rolls_without_losing_a_request(reference: Project) -> None:
    """Rolling a service under load answers every request with success."""
    with reference.writing("/api/v1/drones", lanes=LANES, body=DRONE) as writer:
        eventually(lambda: len(writer.acknowledged) > 20)
        rolled = reference.run("roll", "drone")
        assert rolled.returncode == 0, rolled.stderr
        reached = len(writer.acknowledged)
        eventually(lambda: len(writer.acknowledged) > reached + 20)
    assert (writer.refused, writer.broken) == ([], [])


def test_migrates_with_the_secrets_of_the_services(reference: Project) -> None:
    """`migrate` brings every service's schema up to date on the running servers, again after each service did."""
    migrated = reference.run("migrate")
    assert migrated.returncode == 0, migrated.stderr
    for service in ("delivery", "drone", "identity", "scheduler"):
        assert f"{service} is up to date." in migrated.stdout


def test_tells_the_story_of_a_delivery(reference: Project) -> None:
    """The demo reaches every state of a delivery through the edge, by links alone, its versions in two processes."""
    command = (sys.executable, str(ROOT / "examples" / "delivery_story.py"), str(reference.data / "state.json"))
    told = subprocess.run(command, capture_output=True, text=True, check=False, cwd=reference.data)
    assert told.returncode == 0, told.stdout + told.stderr
    assert told.stdout.endswith("The end.\n")


def test_tells_users_apart(reference: Project) -> None:
    """A customer sees nobody's deliveries but their own, keeps no drones, and is told who they are."""
    token = {"Authorization": f"Bearer {reference.log_in('demo')}"}
    me = reference.call("GET", "/users/me", **token).json()
    assert (me["username"], me["roles"]) == ("demo", ["customer"])
    assert reference.call("GET", "/api/v1/drones", **token).status == 200
    typed = {**token, "Content_Type": "application/json"}
    assert reference.call("POST", "/api/v1/drones", DRONE, **typed).status == 403
    assert call(reference.port, "GET", "/users/me").status == 401


def test_a_new_user_has_deliveries_of_their_own(reference: Project, tmp_path: Path) -> None:
    """Whom `arnia users` adds logs in and orders; for another customer that order is neither found nor listed."""
    password = tmp_path / "password"
    password.write_text("a password of Willi's own\n")
    added = reference.run("users", "add", "willi", "--role", "customer", "--password-file", str(password))
    assert added.returncode == 0, added.stderr
    token = reference.run("token", "--user", "willi", "--password-file", str(password)).stdout.strip()
    his = {"Authorization": f"Bearer {token}"}
    hers = {"Authorization": f"Bearer {reference.log_in('demo')}"}
    assert reference.call("GET", "/users/me", **his).json()["username"] == "willi"
    made = reference.call("POST", "/api/v2/deliveries", ORDER, Content_Type="application/json", **his)
    assert made.status == 201, made
    path = made.headers["location"]
    assert [reference.call("GET", path, **bearer).status for bearer in (his, hers)] == [200, 404]
    for bearer, listed in ((his, [made.json()["id"]]), (hers, [])):
        page = reference.call("GET", "/api/v2/deliveries", **bearer).json()
        assert [one["id"] for one in page["items"]] == listed


def test_takes_tokens_back_everywhere(reference: Project) -> None:
    """A token that its user gave back is refused by every process of every service and at the edge, in five seconds."""
    doors = {
        (urlsplit(replica.url).port or 0, LISTS[replica.group])
        for service in reference.state.services.values()
        for replica in service.replicas
    }
    assert len(doors) == len(LISTS) + 1  # two drones
    doors |= {(reference.port, path) for path in LISTS.values()}
    # A machine that is busy elsewhere may be late once; every token is refused in the end.
    assert any(_seconds_to_take_back(reference, doors) <= REVOKED for _ in range(3))


def _seconds_to_take_back(project: Project, doors: Iterable[tuple[int, str]]) -> float:
    """Return how many seconds after a token was taken back the last of `doors` refused it."""
    token = project.log_in("operator")
    mine = {"Authorization": f"Bearer {token}"}
    assert {call(port, "GET", path, **mine).status for port, path in doors} == {200}
    form = urlencode({"token": token, "client_id": "arnia"}).encode()
    revoked = call(project.port, "POST", "/revoke", form, Content_Type="application/x-www-form-urlencoded")
    began = time.monotonic()
    assert revoked.status == 200
    for port, path in doors:
        eventually(partial(_refuses, port, path, mine), seconds=60)
    return time.monotonic() - began


def _refuses(port: int, path: str, headers: dict[str, str]) -> bool:
    return call(port, "GET", path, **headers).status == 401


def test_assigns_through_services_that_call_each_other(reference: Project) -> None:
    """The scheduler asks the fleet with a token of its own, at an address inside: the edge exposes no reservations."""
    typed = {"Content_Type": "application/json"}
    assert reference.call("POST", "/api/v1/drones", DRONE, **typed).status == 201
    path = f"/api/v1/assignments/{uuid4()}"
    assigned = reference.call("PUT", path, json.dumps({"weight_kg": 1.0}).encode(), **typed)
    assert assigned.status == 201, assigned
    assert reference.call("DELETE", path).status == 204


def test_ten_rotations_refuse_no_valid_token(rotations: Rotations) -> None:
    """From the first rotation until the last key signs, every token is believed: new ones at once, old ones still."""
    rotations.finish()
    assert len(rotations.made) == ROTATIONS
    assert [answer for answer in rotations.answers if answer.status in {401, 403}] == []
    assert sum(answer.status == 200 for answer in rotations.answers) > len(rotations.tokens)
    assert len(rotations.signing) >= ROTATIONS // 2


@pytest.mark.parametrize("victim", ["drone", "postgres", "edge"])
def test_loses_no_acknowledged_write_to_a_kill(reference: Project, victim: str) -> None:
    """After kill -9 under load all is served again, every acknowledged write is there, every error is clear."""
    before = reference.process(victim)
    with reference.writing("/api/v1/drones", lanes=LANES, body=DRONE) as writer:
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
    # Each lane may have read the half of an answer when its service died, and nobody can take that half back.
    assert victim == "edge" or len(writer.broken) <= (LANES if victim == "drone" else 0), writer.broken


def test_goes_on_while_the_issuer_is_down(reference: Project) -> None:
    """With the issuer suspended, tokens go on working, and a login is refused with a clear 503."""
    pid = reference.process("identity").pid
    assert pid is not None
    paths = ("/api/v1/deliveries", "/api/v1/drones") * 10
    assert {reference.call("GET", path).status for path in paths} == {200}  # every process has the keys now
    os.kill(pid, signal.SIGSTOP)
    try:
        assert {reference.call("GET", path).status for path in paths} == {200}
        eventually(lambda: _log_in_impatiently(reference.port) == 503)
        form = urlencode({"grant_type": "password", "client_id": "arnia"}).encode()
        refused = call(reference.port, "POST", "/token", form)
        assert refused.status == 503
        assert refused.headers["content-type"] == "application/problem+json"
        assert int(refused.headers["retry-after"]) >= 1
    finally:
        os.kill(pid, signal.SIGCONT)


def _log_in_impatiently(port: int) -> int | None:
    """Return the status of a login, None where nobody answers in a second: whoever is suspended still listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("POST", "/token")
        return connection.getresponse().status
    except TimeoutError:
        return None
    finally:
        connection.close()


def test_story_without_an_ecosystem_says_so(tmp_path: Path) -> None:
    """Where nothing runs, the demo ends with 3 and what to do."""
    command = (sys.executable, str(ROOT / "examples" / "delivery_story.py"))
    told = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert told.returncode == 3
    assert "make up" in told.stderr


def test_story_waits_until_everything_is_ready(tmp_path: Path) -> None:
    """A demo that comes early waits, and says what to do when what it waits for has ended."""
    state = tmp_path / "state.json"
    state.write_text('{"ready": false}')
    command = (sys.executable, str(ROOT / "examples" / "delivery_story.py"), str(state))
    telling = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with pytest.raises(subprocess.TimeoutExpired):
        telling.communicate(timeout=2)
    state.unlink()
    told, complaint = telling.communicate(timeout=60)
    assert (telling.returncode, told) == (3, "")
    assert "make up" in complaint
