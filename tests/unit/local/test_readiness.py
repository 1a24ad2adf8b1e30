"""`arnia status` asks the processes themselves, and does not wait for whoever says nothing."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.unit.local.test_budgets import MODULE, running

from arnia import commands
from arnia.local.folder import Folder
from arnia.local.ports import free_port
from arnia.local.process import Identity
from arnia.local.readiness import doubts
from arnia.local.state import ProcessState
from arnia.testing.processes import ServiceProcess


def test_a_frozen_service_is_found_out(tmp_path: Path) -> None:
    """A service that answers is well; suspended it does not answer, so that the answer is no, and soon."""
    with ServiceProcess("observed", MODULE, {"drain_seconds": 5}, tmp_path / "log") as service:
        state = running(service.url, tmp_path)
        Folder(tmp_path).state.write_text(state.model_dump_json())
        assert commands.status(data=tmp_path).ok
        service.send(signal.SIGSTOP)
        try:
            began = time.monotonic()
            told = commands.status(data=tmp_path)
            assert time.monotonic() - began < 20
        finally:
            service.send(signal.SIGCONT)
        assert (told.ok, told.running) == (False, True)
        assert told.doubts == {"observed-1": "does not answer"}
        assert "does not answer" in told.text()
        service.send(signal.SIGTERM)
        while not (draining := doubts(state)):
            time.sleep(0.02)
        assert draining == {"observed-1": "not ready"}


def test_a_suspended_server_is_found_out(tmp_path: Path) -> None:
    """What speaks no HTTP is looked at: it runs, or is suspended, or is not there."""
    child = subprocess.Popen((sys.executable, "-c", "import time; time.sleep(600)"))
    identity = Identity.of(child.pid)
    assert identity is not None
    server = ProcessState(
        name="postgres", condition="ready", url="postgresql://127.0.0.1:1", pid=child.pid, started=identity.started
    )
    state = running("http://127.0.0.1:1", tmp_path).model_copy(update={"services": {}, "servers": {"postgres": server}})
    try:
        assert doubts(state) == {}
        os.kill(child.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, child.pid, os.WSTOPPED)
        assert doubts(state) == {"postgres": "does not answer"}
    finally:
        child.kill()
        child.wait()
    assert doubts(state) == {"postgres": "does not answer"}


def test_who_should_not_be_ready_is_not_asked(tmp_path: Path) -> None:
    """Of a process that starts nobody expects an answer: its condition is told as it is."""
    assert doubts(running(f"http://127.0.0.1:{free_port()}", tmp_path, condition="starting")) == {}
