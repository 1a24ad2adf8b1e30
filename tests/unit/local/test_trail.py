"""One request's way through the services, from the lines that they have written."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from arnia import commands
from arnia.local.journal import LogLine
from arnia.local.trail import find_trace, follow

TRACE: Final = "0af7651916cd43dd8448eb211c80319c"
BEGUN: Final = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)
SPANS: Final = {name: f"{digit}{'a' * 11}0000" for digit, name in enumerate(("edge", "one", "two", "three"))}


def written(process: str, after_ms: float, **fields: object) -> LogLine:
    """Return a line of `process` that was written so long after the beginning."""
    time = BEGUN + timedelta(milliseconds=after_ms)
    text = json.dumps({"time": time.isoformat(), "level": "info", "trace_id": TRACE, **fields})
    return LogLine(process=process, time=time, text=text)


def request(process: str, after_ms: float, took: float, span: str, parent: str | None, status: int = 200) -> LogLine:
    """Return the line of a request that ended so long after the beginning."""
    return written(
        process,
        after_ms,
        message="request",
        method="GET",
        path=f"/{process}",
        status=status,
        duration_ms=took,
        span_id=span,
        parent_span_id=parent,
        request_id="asked-by-me",
    )


def call_of(span: str, number: int) -> str:
    """Return the span of a request's call."""
    return f"{span[:12]}{number:04x}"


LINES: Final = (
    written("drone-1", 4, message="no capacity", span_id=SPANS["two"]),
    request("drone-1", 6, 3, SPANS["two"], call_of(SPANS["one"], 1), status=503),
    request("drone-2", 9, 2, SPANS["three"], call_of(SPANS["one"], 2)),
    request("scheduler-1", 10, 10, SPANS["one"], "b7ad6b7169203331"),
    LogLine(process="postgres", time=BEGUN, text=f"a server may name {TRACE} as well"),
    LogLine(process="drone-1", time=BEGUN, text="{" + TRACE),
    written("drone-1", 1, message="of another trace", span_id=SPANS["two"], trace_id="f" * 32, other=TRACE),
)


def test_requests_stand_below_the_one_that_made_them() -> None:
    """Though no line is written for a call, its number in the span id tells whose it was; and they come in order."""
    (root,) = follow(LINES, TRACE)
    assert (root.process, root.status, root.duration_ms, root.started) == ("scheduler-1", 200, 10, BEGUN)
    assert [(span.process, span.status) for span in root.called] == [("drone-1", 503), ("drone-2", 200)]
    assert root.called[0].started == BEGUN + timedelta(milliseconds=3)


def test_what_was_logged_meanwhile_stands_with_its_request() -> None:
    """Without the ids, which all of them share."""
    (root,) = follow(LINES, TRACE)
    assert root.called[0].lines == ("05:00:00.004 info no capacity",)
    assert [span.lines for span in (root, root.called[1])] == [(), ()]


def test_a_request_without_an_end_is_shown_by_what_it_said() -> None:
    """A process that was killed has not written the request's line."""
    (lost,) = follow(LINES[:1], TRACE)
    assert (lost.process, lost.status, lost.request, lost.lines) == (
        "drone-1",
        None,
        "",
        ("05:00:00.004 info no capacity",),
    )


@pytest.mark.parametrize("wanted", [TRACE, TRACE[:8], "asked-by-me"])
def test_a_trace_is_found_by_what_a_person_has_at_hand(wanted: str) -> None:
    """The whole id of a problem, the eight digits of a terminal, or the id of the request."""
    assert find_trace(LINES, wanted) == TRACE


@pytest.mark.parametrize("wanted", [TRACE[:7], "e" * 32, ""])
def test_a_trace_is_not_found_by_too_little(wanted: str) -> None:
    """A few digits could mean many, and what nobody has written means nothing."""
    assert find_trace(LINES, wanted) is None


def test_the_verb_reads_the_logs_of_a_folder(tmp_path: Path) -> None:
    """It shows the tree with times, says where nothing is found, and its JSON has the whole of it."""
    logs = tmp_path / "logs"
    logs.mkdir()
    for line in LINES:
        with (logs / f"{line.process}.log").open("a") as stream:
            stream.write(line.text + "\n")
    found = commands.trace(TRACE, data=tmp_path)
    assert found.ok
    assert found.text().splitlines() == [
        f"trace {TRACE}: 3 requests, served by drone-1, drone-2, scheduler-1",
        "",
        "    at ms    took ms  status",
        "     +0.0       10.0     200  scheduler-1  GET /scheduler-1",
        "     +3.0        3.0     503      drone-1  GET /drone-1",
        "                                    | 05:00:00.004 info no capacity",
        "     +7.0        2.0     200      drone-2  GET /drone-2",
    ]
    lost = commands.trace("e" * 32, data=tmp_path)
    assert (lost.ok, lost.requests) == (False, ())
    assert "earlier run" in lost.text()
