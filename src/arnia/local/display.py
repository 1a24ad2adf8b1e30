"""What a person sees while an ecosystem runs: a live table on a terminal, one line per event otherwise."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final, TextIO

from rich.console import Console
from rich.live import Live
from rich.table import Table

from arnia.local.overview import processes, summary
from arnia.local.state import ProcessState, State

_COLOURS: Final = {"ready": "green", "failed": "red", "backing off": "yellow", "stopped": "dim"}


class Lines:
    """One line per change of condition, for logs and pipes."""

    def __init__(self, stream: TextIO | None = None) -> None:
        """Write to `stream`, or to standard error."""
        self._stream = stream or sys.stderr
        self._news = _News()
        self._ready = False

    def show(self, state: State) -> None:
        """Write what has changed."""
        for line in self._news.of(state):
            self.say(line)
        if state.ready and not self._ready:
            self._ready = True
            self.say(summary(state))

    def confide(self, _secret: str) -> None:
        """Write nothing: a pipe or a file would keep it."""

    def say(self, sentence: str) -> None:
        """Write a sentence."""
        self._stream.write(sentence + "\n")
        self._stream.flush()


class _News:
    """What has changed since the last look, a line each."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[str, str]] = {}

    def of(self, state: State) -> Iterator[str]:
        for process in processes(state):
            now = (process.condition, process.detail)
            if self._seen.get(process.name) != now and process.condition not in {"waiting", "starting", "stopping"}:
                self._seen[process.name] = now
                yield _line(process)


class LiveTable:
    """A table that changes in place, below a line for everything that happens once all is ready."""

    def __init__(self, live: Live) -> None:
        """Show the table in `live`."""
        self._live = live
        self._news = _News()
        self._ready = False

    def show(self, state: State) -> None:
        """Draw the table anew."""
        for line in self._news.of(state):
            if self._ready and not line.endswith(" is stopped"):
                self.say(f"{datetime.now().astimezone():%H:%M:%S} {line}")
        if state.ready and not self._ready:
            self._ready = True
            self._live.console.print(summary(state), highlight=False, soft_wrap=True)
        self._live.update(_table(state))

    def confide(self, secret: str) -> None:
        """Print a secret above the table, once."""
        self.say(secret)

    def say(self, sentence: str) -> None:
        """Print a sentence above the table."""
        self._live.console.print(sentence, highlight=False, soft_wrap=True)


@contextmanager
def audience() -> Iterator[Lines | LiveTable]:
    """Show what happens on standard error: as a live table if that is a terminal, as lines otherwise."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Lines()
        return
    with Live(console=console, refresh_per_second=8, transient=False) as live:
        yield LiveTable(live)


def _line(process: ProcessState) -> str:
    if process.condition == "ready":
        again = f" again (restart {process.restarts})" if process.restarts else ""
        return f"{process.name} is ready{again} at {process.url} after {process.seconds:.2f} s"
    detail = f": {process.detail}" if process.detail else ""
    return f"{process.name} is {process.condition}{detail}"


def _table(state: State) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("process", "condition", "address", "pid", "restarts", ""):
        table.add_column(heading)
    for process in processes(state):
        colour = _COLOURS.get(process.condition, "cyan")
        condition = f"[{colour}]{process.condition}[/]"
        pid = str(process.pid or "")
        table.add_row(process.name, condition, process.url, pid, str(process.restarts or ""), process.detail)
    return table
