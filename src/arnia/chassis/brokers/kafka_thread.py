"""The thread that calls the client of Kafka, which nothing ends while it waits for a server that hangs."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TypeVar

__all__ = ["KafkaThread"]

T = TypeVar("T")


class KafkaThread:
    """Runs what it is given, in order, and ends with its process: an executor's thread would hold the process up."""

    def __init__(self, name: str) -> None:
        """Start it."""
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._ended = False
        threading.Thread(target=_serve, args=(self._work,), name=name, daemon=True).start()

    def submit(self, action: Callable[[], T]) -> Future[T]:
        """Run this after all else.

        Raises:
            RuntimeError: It has ended.
        """
        if self._ended:
            message = "this thread takes nothing more"
            raise RuntimeError(message)
        future: Future[T] = Future()
        self._work.put(lambda: _settle(future, action))
        return future

    def end(self) -> None:
        """Let it end after what it was given."""
        if not self._ended:
            self._ended = True
            self._work.put(None)


def _serve(work: SimpleQueue[Callable[[], None] | None]) -> None:
    while (action := work.get()) is not None:
        action()


def _settle(future: Future[T], action: Callable[[], T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = action()
    except BaseException as error:  # noqa: BLE001 - whoever waits is told, whatever it is
        future.set_exception(error)
    else:
        future.set_result(result)
