"""A server that nobody has a reason to call: whoever connects was led there by what an attacker wrote."""

import socket
import threading
from types import TracebackType
from typing import Final, Self

from arnia.conventions import LOOPBACK

__all__ = ["Trap"]

LONGEST_LINE: Final = 200


class Trap:
    """Listens on a port of its own within a `with` block, and keeps the first line of whatever comes.

    Attributes:
        caught: What was sent, one entry a connection.
    """

    def __init__(self) -> None:
        self.caught: list[str] = []
        self._listener = socket.create_server((LOOPBACK, 0))
        self._thread = threading.Thread(target=self._listen, daemon=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{LOOPBACK}:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A socket that is closed while it is listened on wakes nobody; one that is shut down does.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(1.0)
                try:
                    said = connection.recv(LONGEST_LINE)
                except OSError:
                    said = b""
                self.caught.append(said.partition(b"\r\n")[0].decode("latin-1"))
