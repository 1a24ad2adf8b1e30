"""TCP ports of this machine."""

import os
import random
import socket
from collections import deque
from typing import Final

import psutil

from arnia.conventions import LOOPBACK
from arnia.errors import OutsideError

_RANGE: Final = range(20_000, 32_000)
"""Below what systems hand out to outgoing connections, so that none takes a port while its server restarts."""
_random: Final = random.SystemRandom()
"""Not the shared generator: a test tool that seeds it would make two processes choose the same ports."""
_LATEST: Final = 128
_kept: Final = deque[int]()
"""Descriptors of the datagram sockets that hold the numbers of the latest ports that were given away."""


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
    """Return a port that is free now and not one of `besides`.

    Nobody is given it again soon, in whatever process: between this and its server, seconds may pass.
    """
    for _ in range(8 * len(_RANGE)):
        port = _random.choice(_RANGE)
        if port not in besides and is_free(port) and _keep(port):
            return port
    message = f"No free port between {_RANGE.start} and {_RANGE.stop} at {LOOPBACK}; end what listens there."
    raise OutsideError(message)


def _keep(port: int) -> bool:
    """Hold the number of `port` for a while, and tell whether nobody else does: servers of TCP leave UDP's alone."""
    holder = socket.socket(type=socket.SOCK_DGRAM)
    try:
        holder.bind((LOOPBACK, port))
    except OSError:
        holder.close()
        return False
    _kept.append(holder.detach())
    while len(_kept) > _LATEST:
        os.close(_kept.popleft())
    return True
