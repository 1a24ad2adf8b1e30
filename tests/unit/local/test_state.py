import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from arnia.local.process import Identity, end_orphan
from arnia.local.state import ProcessState, ServiceState, State

SLEEPER = (sys.executable, "-c", "import time; time.sleep(600)")


def _state(pid: int, started: float, child: ProcessState) -> State:
    return State(
        ecosystem="garden",
        pid=pid,
        started=started,
        ready=True,
        edge_url="http://127.0.0.1:8080",
        data="/data",
        services={"apples": ServiceState(url=child.url, pid=child.pid, replicas=(child,))},
        servers={},
    )


def _process(pid: int, started: float) -> ProcessState:
    return ProcessState(name="apples-1", condition="ready", url="http://127.0.0.1:1", pid=pid, started=started)


def _ourselves() -> Identity:
    identity = Identity.of(os.getpid())
    assert identity is not None
    return identity


def test_survives_writing_and_reading(tmp_path: Path) -> None:
    """What is written is read back, and nothing but the file is left in the folder."""
    us = _ourselves()
    state = _state(us.pid, us.started, _process(1, 2.0))
    state.write(tmp_path / "state.json")
    assert State.read(tmp_path / "state.json") == state
    assert state.alive
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"pid": "x"}'])
def test_takes_an_unreadable_state_for_none(tmp_path: Path, content: str | None) -> None:
    """A state file that is absent, cut off or of another form counts as no state."""
    file = tmp_path / "state.json"
    if content is not None:
        file.write_text(content)
    assert State.read(file) is None


def test_does_not_mistake_a_reused_pid_for_the_supervisor() -> None:
    """A process with the same pid and another start is not the one that wrote the state."""
    us = _ourselves()
    assert not _state(us.pid, us.started - 100, _process(1, 2.0)).alive


def test_ends_orphans_and_nobody_else() -> None:
    """An orphan is ended; a process that merely has its pid is left alone; an ended one is no orphan."""
    with subprocess.Popen(SLEEPER) as child:
        identity = Identity.of(child.pid)
        assert identity is not None
        assert _state(1, 0.0, _process(child.pid, identity.started - 100)).end_orphans(5) == ()
        assert child.poll() is None
        assert _state(1, 0.0, _process(child.pid, identity.started)).end_orphans(5) == ("apples-1",)
        assert identity.find() is None
        assert _state(1, 0.0, _process(child.pid, identity.started)).end_orphans(5) == ()


def test_ends_a_suspended_orphan() -> None:
    """A process that is suspended is woken to be ended."""
    with subprocess.Popen(SLEEPER) as child:
        identity = Identity.of(child.pid)
        assert identity is not None
        os.kill(child.pid, signal.SIGSTOP)
        assert end_orphan(identity, signal.SIGTERM, 5)
        assert identity.find() is None


def test_kills_an_orphan_that_does_not_listen() -> None:
    """A process that ignores its stop signal is killed once patience is over."""
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(600)"
    with subprocess.Popen((sys.executable, "-c", deaf), stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        identity = Identity.of(child.pid)
        assert identity is not None
        assert end_orphan(identity, signal.SIGTERM, 0.1)
        assert identity.find() is None
