import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from arnia.errors import OutsideError
from arnia.local.process import Command, Identity, Process
from arnia.local.unit import Unit


@dataclass
class Child:
    """A real child process that is ready as soon as it has spoken."""

    folder: Path
    code: str
    name: str = "child"
    port: int = 1
    url: str = "http://127.0.0.1:1"
    keeps_log: bool = False
    prepared: int = 0
    pids: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.log = self.folder / "child.log"

    def prepare(self) -> None:
        self.prepared += 1
        if not self.keeps_log:
            self.log.unlink(missing_ok=True)

    def spawn(self) -> Process:
        process = Process.spawn(Command((sys.executable, "-u", "-c", self.code), {}, self.folder, self.log))
        self.pids.append(process.pid)
        return process

    def ready(self) -> bool:
        return self.log.exists() and "ready" in self.log.read_text()


PATIENT = "import time; print('ready'); time.sleep(600)"


def _unit(
    child: Child,
    needs: Callable[[], Awaitable[object]] | None = None,
    up: Callable[[], Awaitable[None]] | None = None,
) -> Unit:
    return Unit(child, changed=lambda: None, patience=10, needs=needs, up=up)


async def _until(condition: Callable[[], bool]) -> None:
    for _ in range(2000):
        if condition():
            return
        await asyncio.sleep(0.02)
    pytest.fail("it never came true")


def test_starts_watches_and_ends_a_program(tmp_path: Path) -> None:
    """A unit is ready once its program is, starts it again when it dies, and ends it when told to."""

    async def live() -> None:
        child = Child(tmp_path, PATIENT)
        unit = _unit(child)
        assert unit.state().condition == "waiting"
        unit.begin()
        await unit.first_ready
        assert unit.ready
        os.kill(child.pids[0], signal.SIGKILL)
        await _until(lambda: unit.state().restarts == 1 and unit.ready)
        assert unit.state().pid == child.pids[1]
        await unit.stop()
        state = unit.state()
        assert (state.condition, state.pid, child.prepared) == ("stopped", None, 2)

    asyncio.run(live())


def test_ends_what_a_killed_script_has_left_behind(tmp_path: Path) -> None:
    """Where a script has started the server, that one goes with it before both are started again."""
    code = "import subprocess; print(subprocess.Popen(['/bin/sleep', '600']).pid, 'ready');" + PATIENT

    async def live() -> None:
        child = Child(tmp_path, code, keeps_log=True)
        unit = _unit(child)
        unit.begin()
        await unit.first_ready
        server = Identity.of(int(child.log.read_text().split()[0]))
        assert server is not None
        os.kill(child.pids[0], signal.SIGKILL)
        await _until(lambda: unit.state().restarts == 1)
        await _until(lambda: server.find() is None)
        await unit.stop()
        with suppress(ProcessLookupError):  # told to end, this script leaves its server behind
            os.killpg(child.pids[-1], signal.SIGKILL)

    asyncio.run(live())


def test_gives_up_a_program_that_never_starts(tmp_path: Path) -> None:
    """A program that dies three times before it was ever ready is given up, with what it said the last time."""

    async def live() -> None:
        child = Child(tmp_path, "import sys; print('no water'); sys.exit(7)", keeps_log=True)
        unit = _unit(child)
        unit.begin()
        with pytest.raises(OutsideError) as caught:
            await unit.first_ready
        await unit.stop()
        assert len(child.pids) == 3
        assert child.log.read_text().count("no water") == 3
        sentence = "child did not start: it ended with exit code 7."
        assert str(caught.value) == f"{sentence} Its last lines:\n    no water"
        assert unit.state().detail == sentence

    asyncio.run(live())


def test_does_not_try_wrong_settings_twice(tmp_path: Path) -> None:
    """Exit code 2 says that the settings are wrong: trying again would not help."""

    async def live() -> None:
        child = Child(tmp_path, "import sys; sys.exit(2)")
        unit = _unit(child)
        unit.begin()
        with pytest.raises(OutsideError, match="exit code 2"):
            await unit.first_ready
        await unit.stop()
        assert len(child.pids) == 1

    asyncio.run(live())


def test_waits_for_what_it_needs_and_tells_when_it_is_up(tmp_path: Path) -> None:
    """The program starts after what it needs, and the hook runs before anybody is told that it is ready."""

    async def live() -> None:
        child, needed, told = Child(tmp_path, PATIENT), asyncio.Event(), []

        async def up() -> None:
            told.append(unit.ready)

        unit = _unit(child, needs=needed.wait, up=up)
        unit.begin()
        await asyncio.sleep(0.1)
        assert child.pids == []
        needed.set()
        await unit.first_ready
        assert told == [False]
        await unit.stop()

    asyncio.run(live())


def test_can_be_stopped_while_it_waits(tmp_path: Path) -> None:
    """A unit that waits for what never comes ends at once when told to, and so says who waits for it."""

    async def live() -> None:
        unit = _unit(Child(tmp_path, PATIENT), needs=asyncio.Event().wait)
        unit.begin()
        await asyncio.sleep(0.05)
        await unit.stop()
        with pytest.raises(OutsideError, match="stopped before it was ready"):
            await unit.first_ready

    asyncio.run(live())


def test_kills_what_does_not_end(tmp_path: Path) -> None:
    """A program that ignores its stop signal is killed when patience is over."""

    async def live() -> None:
        deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print('ready'); time.sleep(600)"
        unit = Unit(Child(tmp_path, deaf), changed=lambda: None, patience=0.1)
        unit.begin()
        await unit.first_ready
        process = unit._process
        await unit.stop()
        assert process is not None
        assert process.exit_code == -signal.SIGKILL

    asyncio.run(live())
