"""A process that can be killed at any step, frozen in the middle of anything, and started again."""

import asyncio
import contextvars
from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING

from tests.simulation.loop import PROCESS, Step

if TYPE_CHECKING:
    from tests.simulation.world import World

__all__ = ["Killed", "Process"]

STOP_SECONDS = 2.0
"""How long a process that is asked to end may take."""
Body = Callable[["Process"], Iterable[Coroutine[object, object, None]]]


class Killed(BaseException):
    """The process is no more; nothing of the code under test sees this."""


class Process:
    """One life of a process.

    Attributes:
        name: What the trace calls it; the same for each of its lives.
        alive: Whether it was not killed yet.
        frozen: Whether it was stopped for a while.
        held: What would run if it were not frozen.
        tasks: All that it does.
        ending: Whether it was asked to end.
        asked_to_stop: What it does then; None where nobody asks it.
    """

    def __init__(self, world: "World", name: str, body: Body, *, restarts: bool = True) -> None:
        self.world = world
        self.name = name
        self.alive = True
        self.frozen = False
        self.held: list[Step] = []
        self.restarts = restarts
        self.ending = False
        self.asked_to_stop: Callable[[], None] | None = None
        self._body = body
        self.tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Run everything that the process does."""
        for coroutine in self._body(self):
            self.spawn(coroutine)

    def spawn(self, coroutine: Coroutine[object, object, None]) -> None:
        """Let the process do one more thing."""
        context = contextvars.copy_context()
        context.run(PROCESS.set, self)
        task = self.world.loop.create_task(coroutine, context=context)
        task.add_done_callback(self._ended, context=contextvars.Context())
        self.tasks.append(task)

    def reborn(self) -> "Process":
        """Return its next life."""
        return Process(self.world, self.name, self._body, restarts=self.restarts)

    def kill(self) -> None:
        """End it at once: it does nothing more, and what it had open is torn."""
        if not self.alive:
            return
        self.alive = False
        self.world.note(self.name, "KILLED")
        self.world.bury(self)
        for task in self.tasks:
            task.cancel()
        self.thaw()

    def stop(self) -> None:
        """Ask it to end: what it has in hand it may finish, for a while."""
        if self.ending or not self.alive or self.asked_to_stop is None:
            return
        self.ending = True
        self.world.note(self.name, "STOPS")
        self.asked_to_stop()
        self.world.loop.call_later(STOP_SECONDS, self.cancel, context=contextvars.Context())

    def cancel(self) -> None:
        """End all that it does, at the next step of each."""
        if self.alive:
            for task in self.tasks:
                task.cancel()

    def freeze(self, seconds: float) -> None:
        """Let it do nothing for a while."""
        if self.frozen or not self.alive:
            return
        self.frozen = True
        self.world.note(self.name, f"FROZEN for {seconds:.2f} s")
        self.world.loop.call_later(seconds, self.thaw, context=contextvars.Context())

    def thaw(self) -> None:
        """Let it go on."""
        if self.frozen:
            self.frozen = False
            if self.alive:
                self.world.note(self.name, "CONTINUED")
            self.world.loop.resume(self.held)

    def reach(self, point: str) -> None:
        """Come by a place at which a process may die."""
        if not self.alive:
            raise Killed
        self.world.come_by(self, point)

    async def enter(self, place: str) -> None:
        """Come by a place at which the process waits for an answer from outside."""
        if not self.alive:
            raise Killed
        await self.world.loop.later(self.world.delay(self, place))
        if not self.alive:
            raise Killed

    @property
    def over(self) -> bool:
        """Whether nothing of it runs any more."""
        return all(task.done() for task in self.tasks)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if self.ending and self.alive and self.over:
            self.kill()
        if task.cancelled():
            return
        error = task.exception()
        if error is not None and self.alive and not isinstance(error, Killed):
            self.world.complain(f"a loop of {self.name} ended: {error!r}")
