"""A thread that sends what waits for a collector: OTLP over HTTP, in batches, so that no request ever waits for it.

What the collector cannot take now (429, 502, 503, 504, or no answer) is sent again with a growing, jittered pause, as
the specification of OTLP/HTTP has it ("Failures"); what it refuses is dropped. What waits is bounded, what is dropped
counted.
"""

import contextlib
import gzip
import http.client
import logging
import random
import socket
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Generic, Protocol, TypeVar
from urllib.parse import urlsplit

import arnia

__all__ = ["Outbound", "Sender"]

T = TypeVar("T")

BATCH: Final = 512
EXPORT_SECONDS: Final = 5.0
"""How long the collector may be silent."""
LONGEST_PAUSE: Final = 30.0
_NOT_NOW: Final = frozenset({429, 502, 503, 504})
_HEADERS: Final = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "gzip",
    "User-Agent": f"arnia/{arnia.__version__}",
}

log: Final = logging.getLogger("arnia.telemetry")


class Outbound(Generic[T]):
    """What waits to be sent, of one signal.

    Attributes:
        signal: `traces`, `logs` or `metrics`; the path is `/v1/` and that.
        surplus: How much was dropped because too much waited.
        refused: How much was dropped because the collector does not want it.
    """

    def __init__(self, signal: str, encode: Callable[[Sequence[T]], bytes], capacity: int) -> None:
        self.signal = signal
        self.surplus = 0
        self.refused = 0
        self._encode = encode
        self._capacity = capacity
        self._waiting: deque[T] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def offer(self, one: T) -> bool:
        """Let `one` wait, or drop it where too many do; tell whether there is a batch of them now."""
        if len(self._waiting) >= self._capacity:
            self.surplus += 1
            return False
        self._waiting.append(one)
        return len(self._waiting) % BATCH == 0

    def replace(self, one: T) -> None:
        """Let `one` wait instead of everything before, which it includes."""
        self._waiting.clear()
        self._waiting.append(one)

    def take(self) -> "Batch":
        """Return the first of what waits, as it is sent; `give_back` undoes that."""
        taken: list[T] = []
        with contextlib.suppress(IndexError):
            while len(taken) < BATCH:
                taken.append(self._waiting.popleft())
        return Batch(
            size=len(taken),
            encode=lambda: self._encode(taken),
            give_back=lambda: self._waiting.extendleft(reversed(taken)),
        )


class Batch:
    """Some of what waits, of whatever kind."""

    __slots__ = ("encode", "give_back", "size")

    def __init__(self, size: int, encode: Callable[[], bytes], give_back: Callable[[], None]) -> None:
        self.size = size
        self.encode = encode
        self.give_back = give_back


class Waiting(Protocol):
    """An `Outbound` of whatever kind, as the thread sees it."""

    signal: str
    refused: int

    def __len__(self) -> int:
        """Return how much waits."""

    def take(self) -> Batch:
        """Return the first of what waits."""


class Sender:
    """The thread, and its connection."""

    def __init__(self, endpoint: str, outbound: Sequence[Waiting], *, batch_seconds: float) -> None:
        """Begin to send.

        Args:
            endpoint: The collector's base URL.
            outbound: What waits; the thread takes from it.
            batch_seconds: How long it waits for more.
        """
        target = urlsplit(endpoint)
        kind = http.client.HTTPSConnection if target.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(target.hostname or "", target.port, timeout=EXPORT_SECONDS)
        self._base = target.path.rstrip("/")
        self._host = target.netloc.rpartition("@")[2]
        self._outbound = outbound
        self._batch_seconds = batch_seconds
        self._wake, self._ending = threading.Event(), threading.Event()
        self._well, self._over = True, False
        self._thread = threading.Thread(target=self._run, name="telemetry", daemon=True)
        self._thread.start()

    def hurry(self) -> None:
        """Send now."""
        self._wake.set()

    def close(self, patience: float) -> None:
        """Send what is left, if that can be done soon; return after `patience` seconds at the latest."""
        self._ending.set()
        self._wake.set()
        self._thread.join(patience)
        self._over = True
        held = self._connection.sock
        if self._thread.is_alive() and held is not None:
            with contextlib.suppress(OSError):  # whoever hangs is hung up on
                held.shutdown(socket.SHUT_RDWR)

    def _run(self) -> None:
        failures = 0
        while not self._ending.is_set():
            if failures:
                pause = min(LONGEST_PAUSE, self._batch_seconds * 2**failures)
                self._ending.wait(pause * random.uniform(0.5, 1))  # noqa: S311 - no secret
            else:
                self._wake.wait(self._batch_seconds)
            if self._ending.is_set():
                break
            self._wake.clear()
            delivered = [self._deliver(each) for each in self._outbound]
            failures = 0 if all(delivered) else min(failures + 1, 10)
            self._tell(well=not failures)
        for each in self._outbound:
            self._deliver(each)
        self._connection.close()

    def _deliver(self, outbound: Waiting) -> bool:
        """Send all that waits; tell whether the collector took or refused it."""
        while outbound and not self._over:
            batch = outbound.take()
            try:
                body = gzip.compress(batch.encode(), 1)
            except (TypeError, ValueError):  # what cannot be said in protobuf
                outbound.refused += batch.size
                continue
            try:
                status = self._post(f"{self._base}/v1/{outbound.signal}", body)
            except (OSError, http.client.HTTPException):
                self._connection.close()
                status = 503
            if status in _NOT_NOW:
                batch.give_back()
                return False
            if not 200 <= status < 300:
                outbound.refused += batch.size
        return True

    def _post(self, path: str, body: bytes) -> int:
        known = self._connection.sock is not None
        try:
            self._connection.request("POST", path, body, _HEADERS)
            answer = self._connection.getresponse()
        except (ConnectionError, http.client.RemoteDisconnected):
            self._connection.close()
            if not known:
                raise
            # The collector has closed a connection that was kept: that says nothing about it.
            self._connection.request("POST", path, body, _HEADERS)
            answer = self._connection.getresponse()
        answer.read()
        return answer.status

    def _tell(self, *, well: bool) -> None:
        if well != self._well:
            self._well = well
            if well:
                log.info("the collector at %s takes telemetry again", self._host)
            else:
                log.warning("the collector at %s takes no telemetry: what is too much to wait is dropped", self._host)
