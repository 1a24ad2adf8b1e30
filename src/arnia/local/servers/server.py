"""What every local server has in common."""

import time
from pathlib import Path
from typing import Final, Protocol

from arnia.errors import OutsideError
from arnia.local.process import Process, last_lines

_POLL: Final = 0.02
CLEAN_ENVIRONMENT: Final = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


class Server(Protocol):
    """A real server at the loopback address.

    `prepare` may take a second and touches files only; `spawn` returns at once; `ready` is one short probe. `start`
    is the three together. A server keeps its port and its data from one start to the next.
    """

    name: str
    port: int
    log: Path
    process: Process | None

    @property
    def url(self) -> str:
        """Where it listens, without any secret."""
        ...

    def prepare(self) -> None:
        """Make ready what the server needs on disk."""
        ...

    def spawn(self) -> Process:
        """Start the process."""
        ...

    def ready(self) -> bool:
        """Tell whether it answers now."""
        ...

    def stop(self) -> None:
        """End it in good order; nothing happens when it does not run."""
        ...


def start(server: Server, seconds: float) -> None:
    """Start `server` and wait until it answers.

    Raises:
        OutsideError: It ended, or did not answer within `seconds`; the message ends with the last lines of its log.
    """
    server.prepare()
    process = server.spawn()
    until = time.monotonic() + seconds
    while not server.ready():
        if not process.alive or time.monotonic() > until:
            ended = f"ended with exit code {process.exit_code}" if not process.alive else "does not answer"
            server.stop()
            message = f"{server.name} {ended}:\n{last_lines(server.log)}"
            raise OutsideError(message)
        time.sleep(_POLL)
