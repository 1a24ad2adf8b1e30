"""One supervised process: started, watched, started again, ended."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, Protocol

from arnia.conventions import EXIT_USAGE
from arnia.errors import OutsideError
from arnia.local.backoff import Backoff
from arnia.local.process import Process, last_lines
from arnia.local.state import Condition, ProcessState

_POLL: Final = 0.03
START_SECONDS: Final = 90.0
FIRST_ATTEMPTS: Final = 3
"""How often a process that was never ready may fail before the whole start is given up."""
_LAST_LINES: Final = ":\n"
"""Between a sentence and the lines of a log that follow it."""


class Program(Protocol):
    """What a unit runs: a server or a replica of a service."""

    name: str
    port: int
    log: Path

    @property
    def url(self) -> str:
        """Where it listens."""
        ...

    def prepare(self) -> None:
        """Make ready what it needs on disk; may block."""
        ...

    def spawn(self) -> Process:
        """Start it and return at once."""
        ...

    def ready(self) -> bool:
        """Tell whether it answers; may block for a short while."""
        ...


class Unit:
    """Keeps one program running until it is told to stop.

    Attributes:
        program: What runs.
        group: For a replica the cluster it belongs to.
        patience: How long it may take to end, in seconds, before it is killed.
    """

    def __init__(
        self,
        program: Program,
        *,
        changed: Callable[[], None],
        group: str = "",
        patience: float = 20.0,
        needs: Callable[[], Awaitable[object]] | None = None,
        up: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Describe the unit; nothing happens before `run`.

        Args:
            program: What to run.
            changed: Called after every change of condition.
            group: For a replica the cluster it belongs to.
            patience: How long it may take to end.
            needs: Awaited once, before the first start.
            up: Awaited once, after the first time that it is ready and before anybody is told.
        """
        self.program = program
        self.group = group
        self.patience = patience
        self._changed = changed
        self._needs = needs
        self._up = up
        self._backoff = Backoff()
        self._process: Process | None = None
        self._condition: Condition = "waiting"
        self._detail = ""
        self._restarts = 0
        self._seconds: float | None = None
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.first_ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def name(self) -> str:
        """The program's name."""
        return self.program.name

    @property
    def ready(self) -> bool:
        """Whether it answers."""
        return self._condition == "ready"

    def state(self) -> ProcessState:
        """Return what to tell about it."""
        process = self._process
        return ProcessState(
            name=self.name,
            condition=self._condition,
            url=self.program.url,
            pid=process.pid if process else None,
            started=process.identity.started if process else None,
            stop_signal=process.command.stop_signal if process else signal.SIGTERM,
            restarts=self._restarts,
            detail=self._detail,
            group=self.group,
            seconds=self._seconds,
        )

    def begin(self) -> None:
        """Start it and keep it running, in the background."""
        self._task = asyncio.create_task(self._run(), name=self.name)

    async def stop(self) -> None:
        """End it and wait until it has ended."""
        self._stopping.set()
        if self._task is not None:
            await self._task

    def kill(self) -> None:
        """End its process at once."""
        self._stopping.set()
        if self._process is not None:
            self._process.kill()

    async def _run(self) -> None:
        try:
            if self._needs is not None and not await self._unless_stopping(self._needs()):
                return
            while not self._stopping.is_set():
                await self._live_and_recover()
        except (OutsideError, OSError) as error:
            self._give_up(str(error))
        finally:
            self._give_up(f"{self.name} was stopped before it was ready.")
            await self._end()

    async def _live_and_recover(self) -> None:
        began = time.monotonic()
        try:
            await self._live()
            fault = None
        except (OutsideError, OSError) as error:
            if not self.first_ready.done():
                raise
            fault = _headline(str(error))
        if not self._stopping.is_set():
            await self._recover(time.monotonic() - began, fault)

    async def _live(self) -> None:
        began = time.monotonic()
        self._set("starting")
        await asyncio.to_thread(self.program.prepare)
        self._process = self.program.spawn()
        self._set("starting")
        if await self._becomes_ready(self._process):
            self._seconds = round(time.monotonic() - began, 3)
            if self._up is not None and not self.first_ready.done():
                await self._up()
            self._set("ready")
            if not self.first_ready.done():
                self.first_ready.set_result(None)
        await self._ends(self._process)

    async def _ends(self, process: Process) -> None:
        while process.alive and not self._stopping.is_set():  # noqa: ASYNC110 - a process's end is no event of the loop
            await asyncio.sleep(_POLL)

    async def _becomes_ready(self, process: Process) -> bool:
        until = time.monotonic() + START_SECONDS
        while process.alive and not self._stopping.is_set():
            if await asyncio.to_thread(self.program.ready):
                return process.alive
            if time.monotonic() > until:
                self._detail = f"not ready after {START_SECONDS:.0f} s"
                process.kill()
                return False
            await asyncio.sleep(_POLL)
        return False

    async def _recover(self, lived: float, fault: str | None) -> None:
        code = self._process.exit_code if self._process is not None else None
        if self._process is not None:
            self._process.sweep()
        self._detail = fault or f"ended with {_ending(code)}"
        wait = self._backoff.after(lived)
        never_ready = not self.first_ready.done()
        if never_ready and (code == EXIT_USAGE or self._backoff.failures >= FIRST_ATTEMPTS):
            began = self._process.log_began if self._process is not None else 0
            said = last_lines(self.program.log, since=began)
            message = f"{self.name} did not start: it {self._detail}. Its last lines{_LAST_LINES}{said}"
            raise OutsideError(message)
        self._restarts += 1
        self._set("backing off")
        await self._unless_stopping(asyncio.sleep(wait))

    async def _unless_stopping(self, awaitable: Awaitable[object]) -> bool:
        """Await it; give it up, and return False, when told to stop."""
        waiting = asyncio.ensure_future(awaitable)
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait((waiting, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not waiting.done():
            waiting.cancel()
            return False
        waiting.result()
        return True

    def _give_up(self, reason: str) -> None:
        if not self.first_ready.done():
            self._detail = _headline(reason)
            self.first_ready.set_exception(OutsideError(reason))
            self.first_ready.exception()  # whoever waits is told; nobody need be

    async def _end(self) -> None:
        process = self._process
        if process is not None and process.alive:
            self._set("stopping")
            process.ask_to_stop()
            await _wait_for_end(process, self.patience)
            await asyncio.to_thread(process.kill)
        self._process = None
        self._set("stopped" if self._stopping.is_set() else "failed")

    def _set(self, condition: Condition) -> None:
        self._condition = condition
        if condition == "ready":
            self._detail = ""
        self._changed()


def _headline(reason: str) -> str:
    """Return the sentence of a reason, without what announces the lines of a log below it."""
    return reason.partition(_LAST_LINES)[0].removesuffix(" Its last lines")


def _ending(code: int | None) -> str:
    if code is None or code >= 0:
        return f"exit code {code}"
    name = signal.Signals(-code).name if -code in signal.valid_signals() else "?"
    return f"signal {-code} ({name})"


async def _wait_for_end(process: Process, seconds: float) -> None:
    until = time.monotonic() + seconds
    while process.alive and time.monotonic() < until:  # noqa: ASYNC110 - a process's end is no event of the loop
        await asyncio.sleep(_POLL)
