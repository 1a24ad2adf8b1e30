"""What only a process of its own shows: sizes and patience on a real connection, its log, its start and its end."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, repeat
from typing import ClassVar, Final

from arnia.conventions import (
    EXIT_USAGE,
    LIVE_PATH,
    LOOPBACK,
    OPENAPI_PATH,
    PROBLEM_MEDIA_TYPE,
    READY_PATH,
    TRACE_HEADER,
    variable,
)
from arnia.testing.conformance.findings import require
from arnia.testing.conformance.surface import Operation, filled
from arnia.testing.http import Answer
from arnia.testing.processes import ServiceProcess
from arnia.testing.sockets import exchange, parse

__all__ = ["BAD_PORT", "ProcessRules"]

CLIENTS: Final = 4
CHUNKS: Final = 800
CHUNK: Final = b"10000\r\n" + b" " * 65_536 + b"\r\n"
BAD_PORT: Final = "no-such-port"
TRACE: Final = "0af7651916cd43dd8448eb211c80319c"
LOGGED: Final = frozenset({"time", "level", "service", "version", "message"})


class ProcessRules:
    """Rules 1 and 2 on a socket, and how a process starts, logs and ends."""

    patience: ClassVar[float] = 30.0
    """Seconds that anything here may take."""

    def test_what_is_no_http_is_a_problem(self, process: ServiceProcess) -> None:
        """Bytes that are no HTTP get a 400 problem document, and the connection is closed."""
        _check(exchange(process.port, b"\x16\x03\x01 nonsense\r\n\r\n"), 400)

    def test_large_headers_are_431(self, process: ServiceProcess) -> None:
        """Header fields of 40,000 bytes are a 431 problem document."""
        head = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Large: " + b"a" * 40_000 + b"\r\n\r\n"
        _check(exchange(process.port, head), 431)

    def test_endless_chunks_are_413(self, process: ServiceProcess, chunked: Operation) -> None:
        """A body that goes on in chunks is cut off with 413, long before 50 MB have been sent."""
        endless = repeat(CHUNK, CHUNKS)
        answers = exchange(process.port, chain([_head(process, chunked, b"Transfer-Encoding: chunked")], endless))
        if answers:
            _check(answers, 413)
        # A server may close before its answer could be read, when the client goes on sending; then some is left over.
        require(answers or any(endless), "2", "an endless body is cut off", process.url)
        require(_status(process, LIVE_PATH) == 200, "2", "the service lives on", process.url)

    def test_a_slow_body_holds_nobody_up(self, process: ServiceProcess, chunked: Operation) -> None:
        """While fifty bodies dribble in, others are answered."""
        slow = [socket.create_connection((LOOPBACK, process.port), timeout=self.patience) for _ in range(50)]
        try:
            for connection in slow:
                connection.sendall(_head(process, chunked, b"Content-Length: 1000") + b"{")
            answered = _status(process, LIVE_PATH)
            require(answered == 200, "2", "a slow body holds nobody up", process.url, answered)
        finally:
            for connection in slow:
                connection.close()

    def test_the_log_is_json(self, process: ServiceProcess) -> None:
        """Where no terminal is, each line of the log is a JSON object, and a request is found by its trace."""
        parent = f"{TRACE_HEADER}: 00-{TRACE}-00f067aa0ba902b7-01\r\n"
        exchange(process.port, f"GET /no/such/place HTTP/1.1\r\nHost: localhost\r\n{parent}\r\n".encode())
        until = time.monotonic() + self.patience
        while TRACE not in process.log.read_text() and time.monotonic() < until:
            time.sleep(0.02)
        lines = process.log.read_text().rpartition("\n")[0].splitlines()
        require(any(TRACE in line for line in lines), "logs", "a request is in the log, with its trace", lines[-3:])
        for line in lines:
            require(_members(line) >= LOGGED, "logs", f"a line of the log tells {', '.join(sorted(LOGGED))}", line)

    def test_bad_settings_end_the_start(self, misled: ServiceProcess) -> None:
        """A setting that cannot be read ends the start with exit code 2 and a line that names it, not its value."""
        code, told = misled.run(), misled.log.read_text()
        require(code == EXIT_USAGE, "settings", f"bad settings end the start with {EXIT_USAGE}", code, told)
        faults = [line for line in told.splitlines() if variable(misled.service, "port") in line]
        require(len(faults) == 1, "settings", "one line names the variable that is wrong", told)
        require(BAD_PORT not in told, "settings", "the value of a setting is not repeated", told)
        require("Traceback" not in told, "settings", "a wrong setting is no fault of the program", told)

    def test_sigterm_loses_no_request(self, doomed: ServiceProcess) -> None:
        """SIGTERM under load: not ready, alive, every request answered, exit 0."""
        with _load(doomed) as statuses:
            time.sleep(0.3)
            doomed.terminate()
            until = time.monotonic() + self.patience
            while (ready := _status(doomed, READY_PATH)) == 200 and time.monotonic() < until:
                time.sleep(0.01)
            alive = _status(doomed, LIVE_PATH)
        require(ready == 503, "health", "a draining service says that it is not ready", ready)
        require(alive == 200, "health", "a draining service is alive", alive)
        require(set(statuses) == {200}, "health", "no request is lost while it drains", set(statuses))
        require(doomed.wait() == 0, "health", "a service that was asked to stop exits with 0", doomed.log)


@contextmanager
def _load(process: ServiceProcess) -> Iterator[list[int]]:
    """Ask again and again while the block runs, and collect the statuses."""
    statuses: list[int] = []
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            statuses.append(_status(process, OPENAPI_PATH))

    clients = [threading.Thread(target=ask) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        yield statuses
    finally:
        over.set()
        for client in clients:
            client.join()


def _status(process: ServiceProcess, path: str) -> int:
    """Return the status of GET `path`; 0 when there is no answer."""
    try:
        return process.status(path)
    except (OSError, http.client.HTTPException):
        return 0


def _members(line: str) -> frozenset[str]:
    """Return the names of the members of a line of the log; none when it is no JSON object."""
    try:
        document = json.loads(line)
    except json.JSONDecodeError:
        return frozenset()
    return frozenset(document) if isinstance(document, dict) else frozenset()


def _head(process: ServiceProcess, operation: Operation, framing: bytes) -> bytes:
    line = f"{operation.method} {filled(operation.template)} HTTP/1.1\r\nHost: localhost\r\n"
    line += f"Authorization: Bearer {process.token}\r\n"
    return f"{line}Content-Type: {operation.media_type}\r\n".encode() + framing + b"\r\n\r\n"


def _check(raw: bytes, status: int) -> Answer:
    answers = parse(raw)
    require(len(answers) == 1, "1", "there is one answer", raw[:500])
    require(answers[0].status == status, "2", f"this is a {status}", answers[0])
    require(answers[0].media_type == PROBLEM_MEDIA_TYPE, "1", "every 4xx is problem+json", answers[0])
    return answers[0]
