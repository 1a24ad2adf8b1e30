"""Ctrl-C, at any moment: the same exit code, and no process that is left."""

import os
import pty
import signal
import subprocess
from collections.abc import Callable

import pytest
from tests.ecosystem.garden import PATIENCE, Project, eventually

APPLES = ("--port", "0", "--only", "apples")


def _at_the_beginning(project: Project) -> bool:
    return (project.data / "lock").exists()


def _in_the_middle(project: Project) -> bool:
    return (project.data / "state.json").exists()


@pytest.mark.parametrize("moment", [_at_the_beginning, _in_the_middle])
def test_ends_with_130_before_it_is_ready(orchard: Project, moment: Callable[[Project], bool]) -> None:
    """Ctrl-C ends `up` with 130 whatever it was about to do, in good order and with a sentence."""
    up = subprocess.Popen(
        orchard.command("up", *APPLES), cwd=orchard.root, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    eventually(lambda: moment(orchard) or up.poll() is not None)
    up.send_signal(signal.SIGINT)
    _, said = up.communicate(timeout=PATIENCE)
    assert up.returncode == 130, said
    assert "Traceback" not in said
    if moment is not _at_the_beginning:
        assert said.endswith("Stopped; no process is left.\n")
    assert orchard.processes() == []


def test_ends_with_130_on_a_terminal(orchard: Project) -> None:
    """The key does the same once all is ready; the table shows the end of every process, and then the sentence."""
    master, terminal = pty.openpty()
    command = orchard.command("up", *APPLES)
    taking = (*orchard.prefix, "-c", "import os, sys; os.login_tty(0); os.execv(sys.argv[1], sys.argv[1:])")
    up = subprocess.Popen((*taking, *command), cwd=orchard.root, stdin=terminal, stdout=terminal, stderr=terminal)
    os.close(terminal)
    shown = bytearray()
    while b"garden is ready" not in shown:
        shown += os.read(master, 65_536)
    os.write(master, b"\x03")
    try:
        while received := os.read(master, 65_536):
            shown += received
    except OSError:  # what Linux says when the other end is closed
        os.close(master)
    assert up.wait(PATIENCE) == 130
    assert shown.decode().rstrip().endswith("Stopped; no process is left.")
    assert orchard.processes() == []


def test_ends_what_starts_in_the_background(orchard: Project) -> None:
    """Ctrl-C while `up --detach` waits ends what it has started, too."""
    up = subprocess.Popen(orchard.command("up", "--detach", *APPLES), cwd=orchard.root, stderr=subprocess.PIPE)
    eventually(lambda: _in_the_middle(orchard) or up.poll() is not None)
    up.send_signal(signal.SIGINT)
    _, said = up.communicate(timeout=PATIENCE)
    assert (up.returncode, said) == (130, b"")
    assert orchard.processes() == []
