import json
from pathlib import Path

import pytest

from arnia.local.journal import Journal
from arnia.local.lines import moment, readable
from arnia.local.logs import begin_anew

POSTGRES = "2026-11-22 05:00:02.500 UTC [12] a@b LOG:  ready"
VALKEY = "12:M 22 Nov 2026 05:00:01.250 * Ready"
ENVOY = "[2026-11-22 05:00:03.000][12][warning][main] [source.cc:1] careful"
SERVICE = json.dumps(
    {
        "time": "2026-11-22T05:00:02.750123Z",
        "level": "error",
        "service": "pears",
        "version": "1.0.0",
        "message": "a handler failed",
        "path": "/x\x1b[2J",
        "trace_id": "abc",
        "request_id": None,
        "exception": "Traceback:\n  somewhere\nValueError: no\n",
    }
)


def _journal(folder: Path) -> Journal:
    return Journal(folder, lambda _: True)


@pytest.mark.parametrize(
    ("line", "time"),
    [(POSTGRES, "05:00:02.500"), (VALKEY, "05:00:01.250"), (ENVOY, "05:00:03.000"), (SERVICE, "05:00:02.750")],
)
def test_reads_the_time_of_every_server(line: str, time: str) -> None:
    """The time of a line is found in the form of each server and of the services."""
    found = moment(line)
    assert found is not None
    assert found.isoformat(timespec="milliseconds") == f"2026-11-22T{time}+00:00"


@pytest.mark.parametrize(
    "line", ["", "  File 'x'", "2026-99-99 99:99:99", '{"time": 7}', "{", "[1]", "x" * 99 + POSTGRES]
)
def test_says_when_a_line_has_no_time(line: str) -> None:
    """A line without a time of its own, or with an impossible one, has none."""
    assert moment(line) is None


def test_times_can_be_sorted_as_text(tmp_path: Path) -> None:
    """In JSON a whole second is as wide as any other time, and a line without a time has none."""
    (tmp_path / "edge.log").write_text(f"no time\n{VALKEY}\n{ENVOY}\n{SERVICE}\n")
    lines = _journal(tmp_path).last(9, earlier=False, unfinished=False)
    assert [json.loads(line.model_dump_json())["time"] for line in lines] == [
        None,
        "2026-11-22T05:00:01.250000Z",
        "2026-11-22T05:00:02.750123Z",
        "2026-11-22T05:00:03.000000Z",
    ]


def test_makes_json_readable_and_harmless() -> None:
    """A line of JSON becomes its time, level, message and fields, then its traceback; no control character is left."""
    assert readable(SERVICE) == (
        "05:00:02.750 error a handler failed path=/x\\x1b[2J trace_id=abc",
        "Traceback:",
        "  somewhere",
        "ValueError: no",
    )
    assert readable("\x1b[31mred") == ("\\x1b[31mred",)
    assert readable('{"cluster": null, "status": 431}') == ("status=431",)


def test_merges_logs_by_time(tmp_path: Path) -> None:
    """Lines of all processes come in the order of their times; one without follows the line before it in its log."""
    (tmp_path / "postgres.log").write_text(f"{POSTGRES}\nDETAIL: more\n")
    (tmp_path / "valkey.log").write_text(f"hello\n{VALKEY}\n")
    (tmp_path / "pears-1.log").write_text(f"{SERVICE}\nlast words")
    merged = _journal(tmp_path).last(10, earlier=False, unfinished=True)
    assert [line.text for line in merged] == ["hello", VALKEY, POSTGRES, "DETAIL: more", SERVICE, "last words"]
    assert [line.text for line in _journal(tmp_path).last(1, earlier=False, unfinished=False)] == [
        VALKEY,
        "DETAIL: more",
        SERVICE,
    ]


def test_reads_on(tmp_path: Path) -> None:
    """What is new is given once, whole lines only, also of a log that appears, is emptied, or begins anew."""
    log = tmp_path / "pears-1.log"
    log.write_text("one\ntw")
    journal = _journal(tmp_path)

    def fresh() -> list[str]:
        return [line.text for line in journal.fresh()]

    assert [line.text for line in journal.last(10, earlier=False, unfinished=False)] == ["one"]
    assert fresh() == []
    with log.open("a") as stream:
        stream.write("o\n")
    assert fresh() == ["two"]
    log.write_text("up\n")
    assert fresh() == ["up"]
    begin_anew(tmp_path)
    assert fresh() == []
    log.write_text("a new run\n")
    (tmp_path / "plums-1.log").write_text("hello\n")
    assert fresh() == ["a new run", "hello"]


def test_keeps_runs_apart(tmp_path: Path) -> None:
    """A run's logs are set aside when the next one begins, and read again only when earlier ones are asked for."""
    (tmp_path / "pears-1.log").write_text("first\n")
    (tmp_path / "pears-2.log").write_text("first\n")
    begin_anew(tmp_path)
    (tmp_path / "pears-1.log").write_text("second\n")
    present, every = (
        [(line.process, line.text) for line in _journal(tmp_path).last(9, earlier=earlier, unfinished=True)]
        for earlier in (False, True)
    )
    assert present == [("pears-1", "second")]
    assert every == [("pears-1", "first"), ("pears-1", "second"), ("pears-2", "first")]
