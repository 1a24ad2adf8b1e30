"""Waiting for a database that is not up yet: said when it begins and when it ends, and never with a password."""

import asyncio
import logging
import time
from typing import Final
from urllib.parse import urlsplit

from arnia.chassis.faults import REFUSALS
from arnia.errors import OutsideError

__all__ = ["Waiting"]

RETRY_PAUSE: Final = 0.1

log: Final = logging.getLogger("arnia.database")


class Waiting:
    """One wait for one database: `go_on` after each attempt that failed, `end` after the one that did not."""

    def __init__(self, url: str, patience: float) -> None:
        """Be ready to wait for the database at `url` for `patience` seconds from now."""
        self._url = url
        self._patience = patience
        self._began = time.monotonic()
        self._said = False

    async def go_on(self, error: BaseException) -> None:
        """Pause before the next attempt.

        Raises:
            OutsideError: Patience is at its end, or the database answers that it does not let this role in.
        """
        what, why = _describe(self._url), _reason(error)
        if isinstance(error, REFUSALS):
            role = urlsplit(self._url).username or "that is not named"
            message = f"{what} refuses the role {role} ({why}): are role, password and database in database_url right?"
            raise OutsideError(message) from error
        if time.monotonic() - self._began > self._patience:
            within = f" within {self._patience:g} s" if self._patience else ""
            message = f"{what} cannot be reached{within} ({why}): is its server up, and the setting database_url right?"
            raise OutsideError(message) from error
        if not self._said:
            self._said = True
            log.warning("%s cannot be reached (%s): waiting for it, up to %g s", what, why, self._patience)
        await asyncio.sleep(RETRY_PAUSE)

    def end(self) -> None:
        """Take notice that the database answers."""
        if self._said:
            log.warning("%s answers, after %.1f s", _describe(self._url), time.monotonic() - self._began)


def _describe(url: str) -> str:
    parts = urlsplit(url)
    address = parts.netloc.rpartition("@")[2] or "its default address"
    return f"The database {parts.path.removeprefix('/') or '(unnamed)'} at {address}"


def _reason(error: BaseException) -> str:
    match error:
        case ConnectionRefusedError():
            return "nothing listens there"
        case TimeoutError():
            return "it does not answer"
        case _:
            return str(error) or type(error).__name__
