"""The verbs `status` and `logs`: what runs, and what it says."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pydantic import Field
from typing_extensions import override

from arnia.commands.place import folder_of
from arnia.commands.result import Result
from arnia.errors import UsageError
from arnia.local.journal import LOG, SET_ASIDE, Journal, LogLine
from arnia.local.lines import readable
from arnia.local.overview import processes
from arnia.local.readiness import doubts
from arnia.local.state import State

_POLL: Final = 0.2


class StatusResult(Result):
    """What runs; `ok` when everything does.

    Attributes:
        running: Whether a supervisor runs.
        data: The folder.
        state: What it last wrote; None when there is nothing.
        doubts: Of processes that it takes for ready, what they say or fail to say themselves, by name.
    """

    running: bool
    data: str
    state: State | None = None
    doubts: dict[str, str] = Field(default_factory=dict)

    @override
    def text(self) -> str:
        if self.state is None or not self.running:
            return f"Nothing runs on {self.data}: start it with `arnia up`."
        rows = [("process", "condition", "address", "pid", "restarts")]
        rows += [
            (one.name, self.doubts.get(one.name, one.condition), one.url, str(one.pid or "-"), str(one.restarts))
            for one in processes(self.state)
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([*lines, "", f"edge  {self.state.edge_url}", f"data  {self.data}"])


class LogsResult(Result):
    """The last lines of the logs.

    Attributes:
        lines: Of all processes, in the order of their times.
        plain: Whether `text` shows the lines as a person reads them, instead of as they were written.
    """

    lines: tuple[LogLine, ...]
    plain: bool = Field(default=False, exclude=True)

    @override
    def text(self) -> str:
        shown = ((one.process, readable(one.text) if self.plain else (one.text,)) for one in self.lines)
        return "\n".join(f"{process} | {line}" for process, lines in shown for line in lines)


def status(*, file: Path | None = None, data: Path | None = None) -> StatusResult:
    """Tell what runs on the data; each process that should be ready is asked, for three seconds at most.

    Args:
        file: The `ecosystem.py`; the nearest one upward when None.
        data: The folder that `up` was given.
    """
    folder = folder_of(file, data)
    state = State.read(folder.state)
    running = state is not None and state.alive
    if state is None or not running:
        return StatusResult(ok=False, running=False, data=str(folder.root), state=state)
    found = doubts(state)
    well = not found and all(one.condition == "ready" for one in processes(state))
    return StatusResult(ok=well, running=True, data=str(folder.root), state=state, doubts=found)


def logs(
    name: str | None = None,
    *,
    file: Path | None = None,
    data: Path | None = None,
    lines: int = 100,
    all: bool = False,  # noqa: A002 - the option
    follow: bool = False,
    announce: Callable[[LogsResult], None] | None = None,
) -> LogsResult:
    """Return the last lines of what the processes of this run, or the last one, have written, merged by time.

    Args:
        name: A service (all its processes) or a process, such as `postgres` or `delivery-1`; None for all.
        file: The `ecosystem.py`; the nearest one upward when None.
        data: The folder that `up` was given.
        lines: How many of each process.
        all: Also what the run before has written.
        follow: Go on with what is written from now on, until Ctrl-C.
        announce: With `follow`, takes what there is, and then five times a second what is new, be it nothing.

    Raises:
        UsageError: There is no log of that name.
        KeyboardInterrupt: Ctrl-C ended the following.
    """
    folder = folder_of(file, data).logs
    endings = (LOG, SET_ASIDE) if all else (LOG,)
    every = sorted({log.name.removesuffix(ending) for ending in endings for log in folder.glob(f"*{ending}")})
    if not any(_is_of(one, name) for one in every):
        raise UsageError(f"{folder} has no log of {name or 'anything'}: it has {', '.join(every) or 'none'}.")
    journal = Journal(folder, lambda process: _is_of(process, name))
    found = LogsResult(lines=journal.last(lines, earlier=all, unfinished=not follow))
    while follow:
        if announce is not None:
            announce(found)
        time.sleep(_POLL)
        found = LogsResult(lines=journal.fresh())
    return found


def _is_of(process: str, name: str | None) -> bool:
    """Tell whether `process` is called `name`, or is a replica of the service of that name."""
    rest = process.removeprefix(f"{name}-")
    return name is None or process == name or (rest != process and rest.removeprefix("v").replace("-", "").isdigit())
