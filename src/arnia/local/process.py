"""One operating-system process that we start, watch and end; never a shell, never a secret on its command line."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from arnia.errors import OutsideError
from arnia.local.lines import readable

_LAUNCHER: Final = Path(__file__).with_name("launcher.py")
_START_TOLERANCE: Final = 2.0
"""Seconds by which two readings of one process's start may differ, because the system clock was set in between."""
_KILL_WAIT: Final = 5.0


@dataclass(frozen=True, slots=True)
class Command:
    """What to run.

    Attributes:
        argv: The program (absolute path) and its arguments.
        environment: The whole environment of the program.
        folder: Where it runs.
        log: Where its output is appended.
        uid: The user (and group) that it runs as, or None to stay who we are.
        stop_signal: What asks it to end in good order.
        dies_with_parent: Whether the kernel shall send `stop_signal` when we die (Linux).
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path
    log: Path
    uid: int | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    dies_with_parent: bool = False


@dataclass(frozen=True, slots=True)
class Identity:
    """A process for as long as the machine is up: a pid alone is reused.

    Attributes:
        pid: The process id.
        started: When it started, in seconds since the epoch.
    """

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> "Identity | None":
        """Return the identity of the process that has `pid` now, or None when there is none."""
        try:
            return cls(pid, psutil.Process(pid).create_time())
        except psutil.NoSuchProcess:
            return None

    def find(self) -> psutil.Process | None:
        """Return the process if it still is the same one and runs."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < _START_TOLERANCE
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


@dataclass(slots=True)
class Process:
    """A running child.

    Attributes:
        command: What it runs.
        child: Its handle.
        identity: What tells it from a later process with its pid.
        log_began: How long its log was when it started, in bytes.
    """

    command: Command
    child: subprocess.Popen[bytes]
    identity: Identity
    log_began: int = 0

    @classmethod
    def spawn(cls, command: Command) -> "Process":
        """Start `command` and return at once.

        With `dies_with_parent`, call this from a thread that lives as long as the program: the kernel counts the
        death of the thread that started a child as the death of the parent.
        """
        command.log.parent.mkdir(parents=True, exist_ok=True)
        death_signal = command.stop_signal if command.dies_with_parent else 0
        uid = -1 if command.uid is None else command.uid
        launcher = (sys.executable, "-I", "-S", str(_LAUNCHER), str(int(death_signal)), str(os.getpid()), str(uid))
        with command.log.open("ab") as log:
            log_began = log.tell()
            child = subprocess.Popen(
                (*launcher, *command.argv),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(command.environment),
                cwd=command.folder,
                start_new_session=True,
            )
        identity = Identity.of(child.pid) or Identity(child.pid, time.time())
        return cls(command, child, identity, log_began)

    @property
    def pid(self) -> int:
        """The process id."""
        return self.child.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self.child.poll() is None

    @property
    def exit_code(self) -> int | None:
        """What it ended with (negative: the signal that ended it), or None while it runs."""
        return self.child.poll()

    def ask_to_stop(self) -> None:
        """Send the stop signal and return at once."""
        if self.alive:
            self.child.send_signal(self.command.stop_signal)

    def stop(self, patience: float) -> bool:
        """Ask it to end, wait `patience` seconds, then kill it; return whether it ended by itself."""
        self.ask_to_stop()
        try:
            self.child.wait(patience)
        except subprocess.TimeoutExpired:
            self.kill()
            return False
        return True

    def sweep(self) -> None:
        """End what is left of its group once it has died: a script may leave the server behind that it started."""
        if not self.alive:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)

    def kill(self) -> None:
        """End it and its group at once."""
        if self.alive:
            os.killpg(self.pid, signal.SIGKILL)
        self.child.wait(_KILL_WAIT)


def end_orphan(identity: Identity, stop_signal: signal.Signals, patience: float) -> bool:
    """End a process that an earlier run left behind; return whether there was one."""
    process = identity.find()
    if process is None:
        return False
    process.send_signal(stop_signal)
    process.resume()  # a suspended process would not notice
    try:
        process.wait(patience)
    except psutil.TimeoutExpired:
        process.kill()
        process.wait(_KILL_WAIT)
    return True


def run_briefly(command: Command, seconds: float) -> None:
    """Run `command` to its end.

    Raises:
        OutsideError: It failed or took longer than `seconds`; the message ends with the last lines of its output.
    """
    process = Process.spawn(command)
    name = Path(command.argv[0]).name
    try:
        code = process.child.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        message = f"{name} did not end within {seconds:.0f} s:\n{last_lines(command.log)}"
        raise OutsideError(message) from None
    if code:
        message = f"{name} failed with exit code {code}:\n{last_lines(command.log)}"
        raise OutsideError(message)


def last_lines(log: Path, count: int = 12, *, since: int = 0) -> str:
    """Return the last lines of a log as a person reads them, indented, or a note that there are none.

    Args:
        log: Which log.
        count: How many.
        since: Where in the log to begin, in bytes: what is before is of no interest.
    """
    try:
        with log.open("rb") as stream:
            stream.seek(max(since, log.stat().st_size - 16_384, 0))
            written = stream.read().decode(errors="replace").splitlines()
    except FileNotFoundError:
        written = []
    lines = [line for one in written for line in readable(one)][-count:]
    return "\n".join(f"    {line}" for line in lines) or "    (it wrote nothing)"
