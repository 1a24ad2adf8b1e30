"""What only a process of its own shows: sizes and patience on a real connection, and a clean end."""

import http.client
import socket
import threading
import time
from typing import Final

from arnia.conventions import LIVE_PATH, LOOPBACK, OPENAPI_PATH, PROBLEM_MEDIA_TYPE, READY_PATH
from arnia.testing.conformance.findings import require
from arnia.testing.conformance.surface import Operation, filled
from arnia.testing.http import Answer
from arnia.testing.processes import ServiceProcess
from arnia.testing.sockets import exchange, parse

__all__ = ["ProcessRules"]

CLIENTS: Final = 4
CHUNK: Final = b"10000\r\n" + b" " * 65_536 + b"\r\n"
PATIENCE: Final = 30.0


class ProcessRules:
    """Rules 1 and 2 on a socket, and the end of a process."""

    def test_what_is_no_http_is_a_problem(self, process: ServiceProcess) -> None:
        """Bytes that are no HTTP get a 400 problem document, and the connection is closed."""
        _check(exchange(process.port, b"\x16\x03\x01 nonsense\r\n\r\n"), 400)

    def test_large_headers_are_431(self, process: ServiceProcess) -> None:
        """Header fields of 40,000 bytes are a 431 problem document."""
        head = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Large: " + b"a" * 40_000 + b"\r\n\r\n"
        _check(exchange(process.port, head), 431)

    def test_endless_chunks_are_413(self, process: ServiceProcess, chunked: Operation) -> None:
        """A body that goes on in chunks is cut off with 413, long before 50 MB have been sent."""
        answers = exchange(process.port, [_head(chunked, b"Transfer-Encoding: chunked"), *[CHUNK] * 800])
        if answers:  # a server may close before its answer could be read, when the client goes on sending
            _check(answers, 413)
        require(process.status(LIVE_PATH) == 200, "2", "the service lives on", process.url)

    def test_a_slow_body_holds_nobody_up(self, process: ServiceProcess, chunked: Operation) -> None:
        """While fifty bodies dribble in, others are answered."""
        slow = [socket.create_connection((LOOPBACK, process.port), timeout=PATIENCE) for _ in range(50)]
        try:
            for connection in slow:
                connection.sendall(_head(chunked, b"Content-Length: 1000") + b"{")
            require(process.status(LIVE_PATH) == 200, "2", "a slow body holds nobody up", process.url)
        finally:
            for connection in slow:
                connection.close()

    def test_sigterm_loses_no_request(self, doomed: ServiceProcess) -> None:
        """SIGTERM under load: not ready, alive, every request answered, exit 0."""
        statuses: list[object] = []
        over = threading.Event()
        clients = [threading.Thread(target=_ask, args=(doomed, statuses, over)) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        time.sleep(0.3)
        doomed.terminate()
        until = time.monotonic() + PATIENCE
        while doomed.status(READY_PATH) == 200 and time.monotonic() < until:
            time.sleep(0.01)
        alive = doomed.status(LIVE_PATH)
        over.set()
        for client in clients:
            client.join()
        require(alive == 200, "health", "a draining service is alive, and not ready", alive)
        require(set(statuses) == {200}, "health", "no request is lost while it drains", set(statuses))
        require(doomed.wait() == 0, "health", "a service that was asked to stop exits with 0", doomed.log)


def _ask(process: ServiceProcess, statuses: list[object], over: threading.Event) -> None:
    while not over.is_set():
        try:
            statuses.append(process.status(OPENAPI_PATH))
        except (OSError, http.client.HTTPException) as error:
            statuses.append(repr(error))


def _head(operation: Operation, framing: bytes) -> bytes:
    line = f"{operation.method} {filled(operation.template)} HTTP/1.1\r\nHost: localhost\r\n"
    return f"{line}Content-Type: {operation.media_type}\r\n".encode() + framing + b"\r\n\r\n"


def _check(raw: bytes, status: int) -> Answer:
    answers = parse(raw)
    require(len(answers) == 1, "1", "there is one answer", raw[:500])
    require(answers[0].status == status, "2", f"this is a {status}", answers[0])
    require(answers[0].media_type == PROBLEM_MEDIA_TYPE, "1", "every 4xx is problem+json", answers[0])
    return answers[0]
