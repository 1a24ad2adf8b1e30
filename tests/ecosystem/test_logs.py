"""`arnia logs`: what all processes have written, in one order."""

import json
import signal
import subprocess

import pytest
from tests.ecosystem.garden import Project


def _follow(project: Project, *arguments: str) -> subprocess.Popen[str]:
    command = project.command("logs", "--follow", "--lines", "1", *arguments)
    return subprocess.Popen(command, cwd=project.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _refuse(project: Project) -> None:
    """Make the edge write a line."""
    project.call("GET", "/api/v1/pears", X_Long="a" * 40_000)


def test_merges_all_processes_by_time(garden: Project) -> None:
    """Without a name the lines of all processes are in the order of their times, whatever form those have."""
    _refuse(garden)
    lines = json.loads(garden.run("logs", "--json").stdout)["lines"]
    times = [line["time"] for line in lines if line["time"] is not None]
    assert times == sorted(times)
    assert {"postgres", "valkey", "edge"} <= {line["process"] for line in lines if line["time"] is not None}


def test_finds_a_process(garden: Project) -> None:
    """A process or a service may be named, and how many lines of it; what nobody is called is wrong usage."""
    assert garden.run("logs", "postgres", "--lines", "5").stdout.count("postgres | ") == 5
    shown = garden.run("logs", "postgres", "--lines", "5", "--json")
    assert {line["process"] for line in json.loads(shown.stdout)["lines"]} == {"postgres"}
    assert garden.run("logs", "plums").returncode == 2


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_follows_until_interrupted(garden: Project, options: tuple[str, ...]) -> None:
    """With --follow each line comes when it is written, until Ctrl-C ends it with 130 and without a word."""
    following = _follow(garden, "edge", *options)
    assert following.stdout is not None
    first = following.stdout.readline()
    assert "edge" in first
    _refuse(garden)
    fresh = following.stdout.readline()
    assert "headers_too_large" in fresh
    if options:
        assert json.loads(fresh)["process"] == "edge"
    following.send_signal(signal.SIGINT)
    _, complaint = following.communicate(timeout=30)
    assert (following.returncode, complaint) == (130, "")


def test_ends_when_nobody_reads_any_more(garden: Project) -> None:
    """With --follow a closed pipe ends it at once and quietly, although nothing is written."""
    following = _follow(garden, "valkey")
    assert following.stdout is not None
    assert following.stdout.readline()
    following.stdout.close()
    assert following.wait(30) == 0
    assert following.stderr is not None
    with following.stderr as stream:
        assert stream.read() == ""
