import io
import os
import pty
import sys
from pathlib import Path

import pytest
from rich.console import Console
from rich.live import Live

from arnia.local.credentials import Credentials
from arnia.local.display import Lines, LiveTable, audience
from arnia.local.overview import introduction, summary
from arnia.local.state import Condition, ProcessState, ServiceState, State


def _state(condition: Condition, *, ready: bool = False, detail: str = "", restarts: int = 0) -> State:
    replica = ProcessState(
        name="apples-1",
        condition=condition,
        url="http://127.0.0.1:21000",
        pid=7,
        restarts=restarts,
        detail=detail,
        seconds=1.5,
    )
    return State(
        ecosystem="garden",
        pid=1,
        started=0.0,
        ready=ready,
        edge_url="http://127.0.0.1:8080",
        data="/data",
        services={"apples": ServiceState(url=replica.url, pid=7, replicas=(replica,))},
        servers={"edge": ProcessState(name="edge", condition="ready", url="http://127.0.0.1:8080", seconds=0.05)},
        exposed=("/api/v1/apples",),
    )


def test_writes_a_line_per_change() -> None:
    """Without a terminal each change that matters is one line, said once, and the summary comes once all is ready."""
    stream = io.StringIO()
    lines = Lines(stream)
    lines.show(_state("starting"))
    for _ in range(2):
        lines.show(_state("ready", ready=True))
    lines.show(_state("backing off", ready=True, detail="ended with signal 9"))
    lines.show(_state("ready", ready=True, restarts=1))
    said = stream.getvalue().replace(summary(_state("ready")), "SUMMARY").splitlines()
    assert said == [
        "edge is ready at http://127.0.0.1:8080 after 0.05 s",
        "apples-1 is ready at http://127.0.0.1:21000 after 1.50 s",
        "SUMMARY",
        "apples-1 is backing off: ended with signal 9",
        "apples-1 is ready again (restart 1) at http://127.0.0.1:21000 after 1.50 s",
    ]


def test_sums_up_what_to_know() -> None:
    """The summary names the edge, what is exposed, the documentation, the data, and how to stop."""
    said = summary(_state("ready"))
    for word in ("http://127.0.0.1:8080/api/v1/apples", "http://127.0.0.1:21000/docs", "/data", "Ctrl-C", "arnia down"):
        assert word in said


def test_draws_a_table_on_a_terminal() -> None:
    """On a terminal a table shows every process with what it does; above it are sentences, and what happened once."""
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=120)
    with Live(console=console, auto_refresh=False) as live:
        table = LiveTable(live)
        table.say("An earlier run died.")
        table.show(_state("ready", ready=True))
        for _ in range(2):
            table.show(_state("backing off", ready=True, detail="ended with signal 9"))
    said = stream.getvalue()
    for word in ("An earlier run died.", "garden is ready", "backing off", "ended with signal 9", "apples-1", "edge"):
        assert word in said
    assert said.count("garden is ready") == 1
    assert said.count("apples-1 is backing off: ended with signal 9\n") == 1


def test_shows_passwords_once_on_a_terminal_and_nowhere_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whoever sits at a terminal is shown each password once; what is no terminal, and would keep it, is shown none."""
    people = Credentials.draw()
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as person, (tmp_path / "log").open("w+") as log:
        with os.fdopen(theirs, "w") as terminal:
            for stream in (terminal, log):
                monkeypatch.setattr(sys, "stderr", stream)
                with audience() as shown:
                    shown.confide(introduction(people))
                    for _ in range(2):
                        shown.show(_state("ready", ready=True))
            terminal.flush()
            told = person.read(65_536).decode()
        log.seek(0)
        kept = log.read()
    assert "apples-1" in kept
    for one in people.users.values():
        assert told.count(one.password) == 1
        assert one.password not in kept
