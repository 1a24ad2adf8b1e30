"""An event loop without a clock: time is a number, and what runs next is drawn from a seed."""

import asyncio
import contextvars
import heapq
import itertools
import random
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final, TypeVar

from typing_extensions import override

if TYPE_CHECKING:
    from tests.simulation.processes import Process

__all__ = ["PROCESS", "VirtualLoop"]

T = TypeVar("T")
Context = contextvars.Context
Step = tuple[Callable[..., object], tuple[object, ...], Context]

PROCESS: "Final[contextvars.ContextVar[Process | None]]" = contextvars.ContextVar("simulated_process", default=None)
"""Whose a task is: what belongs to a frozen process does not run."""


class VirtualLoop(asyncio.AbstractEventLoop):
    """Runs what is ready in an order that only `generator` decides; when nothing is, moves the time on.

    Attributes:
        now: Seconds since the beginning.
        complaints: What asyncio itself had to say.
    """

    def __init__(self, generator: random.Random) -> None:
        self.now = 0.0
        self.complaints: list[str] = []
        self._random = generator.random
        self._ready: list[Step] = []
        self._timers: list[tuple[float, int, asyncio.TimerHandle | asyncio.Future[None]]] = []
        self._count = itertools.count()
        self._handle = asyncio.Handle(lambda: None, (), self)

    def run(self, main: Coroutine[object, object, T]) -> T:
        """Run `main` to its end."""
        asyncio._set_running_loop(self)  # what asyncio offers to makers of loops
        try:
            task = self.create_task(main)
            while not task.done():
                self._step()
            return task.result()
        finally:
            asyncio._set_running_loop(None)

    def later(self, seconds: float) -> asyncio.Future[None]:
        """Return a future that is done in so many seconds."""
        future: asyncio.Future[None] = asyncio.Future(loop=self)
        heapq.heappush(self._timers, (self.now + seconds, next(self._count), future))
        return future

    def _step(self) -> None:
        ready = self._ready
        if not ready:
            self._move_on()
            return
        place = int(self._random() * len(ready))
        callback, arguments, context = ready[place]
        ready[place] = ready[-1]
        ready.pop()
        process = context.get(PROCESS)
        if process is not None and process.frozen:
            process.held.append((callback, arguments, context))
        else:
            context.run(callback, *arguments)

    def _move_on(self) -> None:
        if not self._timers:
            message = "everything waits for something that never happens"
            raise RuntimeError(message)
        self.now, _, due = heapq.heappop(self._timers)
        if isinstance(due, asyncio.Future):
            if not due.done():
                due.set_result(None)
        elif not due.cancelled():
            due._run()

    def resume(self, held: list[Step]) -> None:
        """Let go on what was held."""
        self._ready.extend(held)
        held.clear()

    @override
    def time(self) -> float:
        return self.now

    @override
    def call_soon(
        self, callback: Callable[..., object], *args: object, context: Context | None = None
    ) -> asyncio.Handle:
        self._ready.append((callback, args, context or contextvars.copy_context()))
        return self._handle

    @override
    def call_at(
        self, when: float, callback: Callable[..., object], *args: object, context: Context | None = None
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._timers, (when, next(self._count), handle))
        return handle

    @override
    def call_later(
        self, delay: float, callback: Callable[..., object], *args: object, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self.now + delay, callback, *args, context=context)

    @override
    def create_future(self) -> "asyncio.Future[Any]":
        return asyncio.Future(loop=self)

    @override
    def create_task(  # type: ignore[override]  # asyncio's own parts give no more than this
        self,
        coro: Coroutine[object, object, T],
        *,
        name: str | None = None,
        context: Context | None = None,
    ) -> asyncio.Task[T]:
        return asyncio.Task(coro, loop=self, name=name or "simulated", context=context)

    @override
    def get_debug(self) -> bool:
        return False

    @override
    def is_running(self) -> bool:
        return True

    @override
    def is_closed(self) -> bool:
        return False

    @override
    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.complaints.append(f"{context.get('message')}: {context.get('exception')!r}")

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Leave it where it is: it does nothing when its time comes."""
