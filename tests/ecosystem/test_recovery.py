import os
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.ecosystem.garden import PATIENCE, Answer, Project, Writer, eventually
from tests.ecosystem.memory import slow_to_forget

from arnia.local.folder import Folder
from arnia.local.overview import processes

LANES = 4
LOOKS = 3


def _lost(project: Project, writer: Writer) -> set[str]:
    """Return what was acknowledged and is not there; the edge may still hold a service for unwell, so ask again."""
    answers: list[Answer] = []

    def is_answered() -> bool:
        answers.append(project.call("GET", "/api/v1/apples"))
        return answers[-1].status == 200

    eventually(is_answered)
    return set(writer.acknowledged) - set(answers[-1].json()["ids"])


@pytest.mark.parametrize("victim", ["postgres", "valkey", "apples-v1"])
def test_brings_back_what_is_killed(garden: Project, victim: str) -> None:
    """After kill -9 while a script writes, it runs again at the same address, and every acknowledged write is there."""
    before = garden.process(victim)
    victim = before.name
    with garden.writing("/api/v1/apples", LANES) as writer:
        eventually(lambda: len(writer.acknowledged) > 50)
        assert before.pid is not None
        os.kill(before.pid, signal.SIGKILL)
        eventually(lambda: garden.process(victim).restarts > before.restarts)
        eventually(lambda: garden.process(victim).condition == "ready")
        reached = len(writer.acknowledged)
        eventually(lambda: len(writer.acknowledged) > reached + 50)
    after = garden.process(victim)
    assert after.url == before.url
    assert after.pid != before.pid
    assert _lost(garden, writer) == set()
    assert {answer.headers["content-type"] for answer in writer.refused} <= {"application/problem+json"}, writer.refused
    # Each lane may have read the half of an answer when its service died, and nobody can take that half back.
    assert len(writer.broken) <= (LANES if after.group else 0), writer.broken


def test_rolls_a_service_without_losing_a_request(garden: Project) -> None:
    """While a service is rolled under load, every request is answered with success, and all processes are new."""
    before = {replica.pid for replica in garden.state.services["apples"].replicas}
    with garden.writing("/api/v1/apples", lanes=2 * LANES) as writer:
        eventually(lambda: len(writer.acknowledged) > 50)
        rolled = garden.run("roll", "apples", "--json")
        assert rolled.returncode == 0, rolled.stderr
        reached = len(writer.acknowledged)
        eventually(lambda: len(writer.acknowledged) > reached + 50)
    assert (writer.refused, writer.broken) == ([], [])
    after = {replica.pid for replica in garden.state.services["apples"].replicas}
    assert len(after) == len(before)
    assert not after & before
    assert writer.pids & before
    assert writer.pids & after


SLOWLY_FOUND = """
import time

told = []  # when it was ready for others than the edge

async def readyz(request, ready=readyz):
    answer = await ready(request)
    if not request.headers.get("user-agent", "").startswith("Envoy"):
        told.extend([time.monotonic()] if answer.status_code == 200 else [])
    elif not told or time.monotonic() < told[0] + 3:
        return JSONResponse({}, 503)
    return answer

class Server"""


def test_a_roll_waits_for_what_the_edge_finds(garden: Project) -> None:
    """An old process goes on until the edge finds the new one well, however long after the supervisor that is."""
    main = garden.root / "services" / "apples" / "src" / "apples" / "main.py"
    working = main.read_text()
    main.write_text(working.replace("\nclass Server", SLOWLY_FOUND, 1))
    try:
        with garden.writing("/api/v1/apples", lanes=2) as writer:
            rolled = garden.run("roll", "apples")
            assert rolled.returncode == 0, rolled.stderr
            reached = len(writer.acknowledged)
            eventually(lambda: len(writer.acknowledged) > reached + 20)
    finally:
        main.write_text(working)
    assert (writer.refused, writer.broken) == ([], [])


def test_a_roll_waits_until_the_edge_has_dropped_the_old_process(garden: Project) -> None:
    """As long as the edge may still send it requests, a process that was replaced is not told to end."""
    old = garden.process("apples-v1")

    def condition() -> str:
        return next((one.condition for one in processes(garden.state) if one.name == old.name), "gone")

    place, port = Folder(garden.data).edge_socket, int(old.url.rpartition(":")[2])
    with slow_to_forget(place, "apples-v1", port) as memory, ThreadPoolExecutor() as pool:
        rolling = pool.submit(garden.run, "roll", "apples")
        eventually(lambda: memory.asked > LOOKS or condition() != "ready")
        assert (memory.asked > LOOKS, condition()) == (True, "ready")
        memory.forgetting.set()
        assert rolling.result().returncode == 0
    assert condition() == "gone"


def test_keeps_the_old_process_when_the_new_one_does_not_start(garden: Project) -> None:
    """A roll to code that does not start fails, shows why, and leaves the old processes serving."""
    main = garden.root / "services" / "pears" / "src" / "pears" / "main.py"
    working = main.read_text()
    before = {replica.pid for replica in garden.state.services["pears"].replicas}
    main.write_text("import sys\nprint('PEARS_SUN is missing')\nsys.exit(2)\n")
    try:
        rolled = garden.run("roll", "pears")
    finally:
        main.write_text(working)
    assert rolled.returncode == 3
    assert "PEARS_SUN is missing" in rolled.stderr
    assert {replica.pid for replica in garden.state.services["pears"].replicas} == before
    assert garden.call("GET", "/api/v1/pears").status == 200


def test_refuses_to_run_twice_on_the_same_data(garden: Project) -> None:
    """A second `up` on the same data ends with exit code 3 and one sentence that names the first one's pid."""
    second = garden.run("up", "--port", "0")
    assert second.returncode == 3
    assert f"pid {garden.state.pid}" in second.stderr
    assert "--data" in second.stderr
    assert len(second.stderr.strip().splitlines()) == 1


def test_tells_what_runs(garden: Project) -> None:
    """`status` lists every process and ends with 0 while all run; a name that nobody has is refused."""
    asked: list[subprocess.CompletedProcess[str]] = []

    def all_runs() -> bool:
        asked.append(garden.run("status"))
        return asked[-1].returncode == 0

    eventually(all_runs)  # what another test has killed or rolled here may still be on its way
    for name in ("postgres", "valkey", "edge", "apples-v1-", "apples-v2-", garden.state.edge_url):
        assert name in asked[-1].stdout
    assert garden.run("roll", "plums").returncode == 2


def test_refuses_a_port_that_is_taken(garden: Project, orchard: Project) -> None:
    """`up` on a port where something listens ends with exit code 3 and says who it is and what to do."""
    port = garden.state.edge_url.rpartition(":")[2]
    refused = orchard.run("up", "--port", port)
    assert refused.returncode == 3
    holder = f"envoy (pid {garden.state.servers['edge'].pid})"
    assert f"Port {port} at 127.0.0.1 is taken by {holder}: end what listens there, or" in refused.stderr
    assert "`--port N`" in refused.stderr


def test_says_why_a_service_does_not_start(orchard: Project) -> None:
    """A service that does not start ends `up` with the last lines of its log, and leaves no process."""
    failed = orchard.run("up", "--detach", "--port", "0", "--only", "broken")
    assert failed.returncode == 3
    assert "broken-1 did not start" in failed.stderr
    assert failed.stderr.count("BROKEN_WATER is missing") == 1
    assert orchard.processes() == []


def test_recovers_from_the_death_of_the_supervisor(orchard: Project) -> None:
    """After kill -9 of the supervisor the next `up` ends what is left, keeps the data, and begins its logs anew."""
    first = orchard.spawn("--port", "0", "--only", "apples")
    with orchard.writing("/api/v1/apples") as writer:
        eventually(lambda: len(writer.acknowledged) > 50)
    left = orchard.process("apples-1").pid
    assert left is not None
    os.kill(left, signal.SIGSTOP)  # so that it cannot notice the death of its parent
    first.kill()
    _reap(first)
    assert orchard.run("status").returncode == 1
    second = orchard.spawn("--port", "0", "--only", "apples")
    assert left not in {process.pid for process in orchard.processes()}
    assert (orchard.data / "logs" / "postgres.log.1").stat().st_size
    assert _lost(orchard, writer) == set()
    second.send_signal(signal.SIGTERM)
    assert _reap(second) == 0
    assert orchard.processes() == []
    assert not (orchard.data / "state.json").exists()


def test_keeps_nothing_of_an_ephemeral_run(orchard: Project) -> None:
    """`up --ephemeral` works in a folder of its own, which is gone with every process once it ends."""
    process, state = orchard.spawn_and_read("--ephemeral", "--port", "0", "--only", "apples")
    assert Path(state.data).is_dir()
    assert not orchard.data.exists()
    process.send_signal(signal.SIGTERM)
    assert _reap(process) == 0
    assert not Path(state.data).exists()
    identities = [one.identity for one in processes(state)]
    assert len(identities) == 4
    assert not [one for one in identities if one is None or one.find() is not None]


def test_ends_at_once_when_told_twice(orchard: Project) -> None:
    """A second Ctrl-C does not wait for what is in flight; nothing is left even so."""
    process = orchard.spawn("--port", "0", "--only", "apples")
    suspended = orchard.process("apples-1").pid
    assert suspended is not None
    os.kill(suspended, signal.SIGSTOP)  # it would never end by itself
    process.send_signal(signal.SIGINT)
    eventually(lambda: orchard.process("apples-1").condition == "stopping")
    process.send_signal(signal.SIGINT)
    assert _reap(process) == 130
    assert orchard.processes() == []


def _reap(process: subprocess.Popen[str]) -> int:
    process.communicate(timeout=PATIENCE)
    return process.returncode
