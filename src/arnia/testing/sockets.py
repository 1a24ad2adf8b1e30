"""HTTP as bytes on a socket, for what no client would send."""

import re
import socket
import time
from collections.abc import Iterable
from typing import Final

from arnia.conventions import LOOPBACK
from arnia.testing.http import Answer

__all__ = ["exchange", "parse"]

PATIENCE: Final = 15.0
STATUS_LINE: Final = re.compile(rb"HTTP/1\.1 (\d{3})")


def exchange(port: int, raw: bytes | Iterable[bytes], *, patience: float = PATIENCE, pause: float = 0.0) -> bytes:
    """Send `raw` (in pieces, `pause` seconds apart), say no more, and return all that comes back.

    Raises:
        TimeoutError: the other side neither answered nor closed the connection within `patience` seconds.
    """
    pieces = [raw] if isinstance(raw, bytes) else raw
    with socket.create_connection((LOOPBACK, port), timeout=patience) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(pause)
            connection.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before all of it was sent; what was answered may still be there to read
        return _read(connection)


def _read(connection: socket.socket) -> bytes:
    received: list[bytes] = []
    try:
        while piece := connection.recv(65_536):
            received.append(piece)
    except ConnectionResetError:
        pass
    return b"".join(received)


def parse(raw: bytes) -> list[Answer]:
    """Return the answers in what a server sent; each has a Content-Length, or ends where the bytes end."""
    answers: list[Answer] = []
    while match := STATUS_LINE.match(raw):
        head, _, rest = raw.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")[1:]
        headers = tuple((name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines))
        status = int(match.group(1))
        length = int(dict(headers).get("content-length", 0 if status in (204, 304) else len(rest)))
        answers.append(Answer(status, headers, rest[:length]))
        raw = rest[length:]
    return answers
