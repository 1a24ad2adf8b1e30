"""TCP ports of this machine."""

import random
import socket
from typing import Final

import psutil

from arnia.conventions import LOOPBACK
from arnia.errors import OutsideError

_RANGE: Final = range(20_000, 32_000)
"""Below what systems hand out to outgoing connections, so that none takes a port while its server restarts."""
_random: Final = random.SystemRandom()
"""Not the shared generator: a test tool that seeds it would make two processes choose the same ports."""


def is_free(port: int) -> bool:
    """Tell whether a server could listen on `port` of the loopback address now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def by_whom(port: int) -> str:
    """Return ` by NAME (pid N)` for whoever listens on `port`; nothing where this user may not know."""
    for process in psutil.process_iter():
        try:
            if any(_listens(one, port) for one in process.net_connections("tcp")):
                return f" by {process.name()} (pid {process.pid})"
        except psutil.Error:
            continue
    return ""


def _listens(connection: psutil._ntuples.pconn, port: int) -> bool:
    return connection.status == psutil.CONN_LISTEN and connection.laddr[1:2] == (port,)


def free_port(*, besides: frozenset[int] = frozenset()) -> int:
    """Return a port that is free now and not one of `besides`."""
    for port in _random.sample(_RANGE, len(_RANGE)):
        if port not in besides and is_free(port):
            return port
    message = f"No free port between {_RANGE.start} and {_RANGE.stop} at {LOOPBACK}; end what listens there."
    raise OutsideError(message)
