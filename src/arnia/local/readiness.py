"""What running processes say themselves when they are asked: the supervisor's list may be older than their trouble."""

import http.client
from concurrent.futures import ThreadPoolExecutor
from typing import Final
from urllib.parse import urlsplit

import psutil

from arnia.conventions import READY_PATH
from arnia.local.state import ProcessState, State

__all__ = ["doubts"]

SILENT: Final = "does not answer"
UNREADY: Final = "not ready"
_PATIENCE_SECONDS: Final = 3.0
"""Above what a service waits for its database before it says that it is not ready."""
_OK: Final = 200
_STOPPED: Final = frozenset({psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP, psutil.STATUS_ZOMBIE})


def doubts(state: State) -> dict[str, str]:
    """Return, by name, what is wrong with processes of `state` that are believed to be ready; all are asked at once.

    Services are asked for their readiness, and whatever else speaks HTTP for any answer; of the others the operating
    system is asked whether they are suspended.
    """
    replicas = [one for service in state.services.values() for one in service.replicas]
    asked = [one for one in (*replicas, *state.servers.values()) if one.condition == "ready"]
    with ThreadPoolExecutor(max(1, len(asked))) as threads:
        found = zip(asked, threads.map(lambda one: _doubt(one, service=one in replicas), asked), strict=True)
        return {one.name: said for one, said in found if said}


def _doubt(process: ProcessState, *, service: bool) -> str:
    if not process.url.startswith("http://"):
        return SILENT if _is_suspended(process) else ""
    target = urlsplit(process.url)
    connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=_PATIENCE_SECONDS)
    try:
        connection.request("GET", READY_PATH)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return SILENT
    finally:
        connection.close()
    return UNREADY if service and status != _OK else ""


def _is_suspended(process: ProcessState) -> bool:
    found = None if process.identity is None else process.identity.find()
    try:
        return found is None or found.status() in _STOPPED
    except psutil.NoSuchProcess:
        return True
