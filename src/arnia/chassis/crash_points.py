"""Places at which a process may be made to die, so that a test can sweep every durable step.

`ARNIA_CRASH_AT=relay.published:3` ends the process with SIGKILL when it reaches that place for the third time. In
production the variable ends the start.
"""

import os
import signal
from collections import Counter
from collections.abc import Callable
from typing import Final, TypeAlias

from arnia.errors import SettingsError

__all__ = ["CRASH_VARIABLE", "POINTS", "Reach", "nowhere", "read_crash_point"]

CRASH_VARIABLE: Final = "ARNIA_CRASH_AT"
POINTS: Final = (
    "relay.claimed",
    "relay.published",
    "relay.marked",
    "inbox.fetched",
    "inbox.remembered",
    "inbox.handled",
    "inbox.committed",
    "inbox.acknowledged",
    "inbox.kept",
    "inbox.attempted",
    "inbox.resumed",
    "inbox.parked",
    "redrive.before",
    "redrive.after",
)

Reach: TypeAlias = Callable[[str], None]
"""Is told each place of `POINTS` that a process comes by."""


def nowhere(point: str, /) -> None:
    """Go on."""


def read_crash_point(environment: str) -> Reach:
    """Return what the variable asks for.

    Raises:
        SettingsError: It names no place, or the process runs in production.
    """
    wanted = os.environ.get(CRASH_VARIABLE, "")
    if not wanted:
        return nowhere
    point, _, times = wanted.partition(":")
    if environment == "production":
        raise SettingsError([f"{CRASH_VARIABLE} is set, and this is production: remove it"])
    if point not in POINTS or not (times or "1").isdecimal():
        raise SettingsError([f"{CRASH_VARIABLE} names no place to crash at: use one of {', '.join(POINTS)}"])
    seen: Counter[str] = Counter()

    def reach(reached: str, /) -> None:
        seen[reached] += 1
        if reached == point and seen[reached] == int(times or "1"):
            os.kill(os.getpid(), signal.SIGKILL)

    return reach
