"""The verbs `status` and `logs`: what runs, and what it says."""

from pathlib import Path

from typing_extensions import override

from arnia.commands.place import folder_of
from arnia.commands.result import Result
from arnia.errors import UsageError
from arnia.local.overview import processes
from arnia.local.state import State


class StatusResult(Result):
    """What runs; `ok` when everything does.

    Attributes:
        running: Whether a supervisor runs.
        data: The folder.
        state: What it last wrote; None when there is nothing.
    """

    running: bool
    data: str
    state: State | None = None

    @override
    def text(self) -> str:
        if self.state is None or not self.running:
            return f"Nothing runs on {self.data}: start it with `arnia up`."
        rows = [("process", "condition", "address", "pid", "restarts")]
        rows += [
            (one.name, one.condition, one.url, str(one.pid or "-"), str(one.restarts)) for one in processes(self.state)
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([*lines, "", f"edge  {self.state.edge_url}", f"data  {self.data}"])


class LogsResult(Result):
    """The last lines of the logs.

    Attributes:
        lines: By the name of the process, oldest first.
    """

    lines: dict[str, tuple[str, ...]]

    @override
    def text(self) -> str:
        return "\n".join(f"{name} | {line}" for name, lines in self.lines.items() for line in lines)


def status(*, file: Path | None = None, data: Path | None = None) -> StatusResult:
    """Tell what runs on the data.

    Args:
        file: The `ecosystem.py`; the nearest one upward when None.
        data: The folder that `up` was given.
    """
    folder = folder_of(file, data)
    state = State.read(folder.state)
    running = state is not None and state.alive
    well = running and state is not None and all(one.condition == "ready" for one in processes(state))
    return StatusResult(ok=well, running=running, data=str(folder.root), state=state)


def logs(
    name: str | None = None, *, file: Path | None = None, data: Path | None = None, lines: int = 100
) -> LogsResult:
    """Return the last lines of the logs.

    Args:
        name: A service (all its processes) or a process, such as `postgres` or `delivery-1`; None for all.
        file: The `ecosystem.py`; the nearest one upward when None.
        data: The folder that `up` was given.
        lines: How many of each log.

    Raises:
        UsageError: There is no log of that name.
    """
    folder = folder_of(file, data)
    every = {log.stem: log for log in sorted(folder.logs.glob("*.log"))}
    chosen = {stem: log for stem, log in every.items() if name is None or stem == name or _is_replica(stem, name)}
    if not chosen:
        raise UsageError(f"{folder.logs} has no log of {name or 'anything'}: it has {', '.join(every) or 'none'}.")
    return LogsResult(lines={stem: _tail(log, lines) for stem, log in chosen.items()})


def _is_replica(stem: str, service: str) -> bool:
    rest = stem.removeprefix(f"{service}-")
    return rest != stem and rest.removeprefix("v").replace("-", "").isdigit()


def _tail(log: Path, count: int) -> tuple[str, ...]:
    return tuple(log.read_text(errors="replace").splitlines()[-count:])
