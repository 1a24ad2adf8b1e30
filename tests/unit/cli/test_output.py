"""Exit codes and streams: 0 done, 1 no, 2 wrong usage, 3 outside; one sentence per fault."""

import json
import sys
from collections.abc import Callable

import pytest
import typer
from typing_extensions import override

from arnia.cli.output import finish, invoke
from arnia.commands.result import Result
from arnia.errors import ArniaError, DeclarationError, OutsideError, SettingsError, UsageError


class Answer(Result):
    """A result with a word."""

    word: str = ""

    @override
    def text(self) -> str:
        return self.word


def end(command: Callable[[], Result], *, as_json: bool = False) -> int:
    """Run `command` as a verb would, and return the exit code."""
    with pytest.raises(typer.Exit) as caught:
        finish(command, as_json=as_json)
    return caught.value.exit_code


def fail(error: Exception) -> Callable[[], Result]:
    """Return a command that raises `error`."""

    def command() -> Result:
        raise error

    return command


def test_yes_is_0_and_no_is_1(capsys: pytest.CaptureFixture[str]) -> None:
    """A result goes to stdout as text, and whether it is a yes is the exit code."""
    assert end(lambda: Answer(word="fine")) == 0
    assert end(lambda: Answer(ok=False, word="not so")) == 1
    assert capsys.readouterr() == ("fine\nnot so\n", "")


def test_nothing_to_say_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """An empty text is no empty line."""
    assert end(Answer) == 0
    assert capsys.readouterr() == ("", "")


def test_json_is_the_whole_result(capsys: pytest.CaptureFixture[str]) -> None:
    """With --json a result is one JSON object on stdout."""
    assert end(lambda: Answer(ok=False, word="no"), as_json=True) == 1
    assert json.loads(capsys.readouterr().out) == {"ok": False, "word": "no"}


@pytest.mark.parametrize(
    ("error", "code", "sentences"),
    [
        (ArniaError("So."), 1, ["So."]),
        (UsageError("So."), 2, ["So."]),
        (DeclarationError(["One.", "Two."]), 2, ["One.", "Two."]),
        (SettingsError(["One."]), 2, ["One."]),
        (OutsideError("Gone."), 3, ["Gone."]),
        (PermissionError(13, "Permission denied", "x.json"), 3, ["x.json: Permission denied."]),
        (OSError("no luck"), 3, ["no luck."]),
    ],
)
def test_faults_are_sentences_with_an_exit_code(
    error: Exception, code: int, sentences: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Each fault is one line on stderr; with --json they are on stdout as well."""
    assert end(fail(error)) == code
    lines = "".join(f"arnia: {sentence}\n" for sentence in sentences)
    assert capsys.readouterr() == ("", lines)
    assert end(fail(error), as_json=True) == code
    out, err = capsys.readouterr()
    assert json.loads(out) == {"ok": False, "exit_code": code, "faults": sentences}
    assert err == lines


def test_a_closed_stdout_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """A parent may close the streams, which Python shows as None."""
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert end(lambda: Answer(word="fine")) == 0
    assert end(fail(UsageError("So."))) == 2


def test_abort_and_plain_ends(capsys: pytest.CaptureFixture[str]) -> None:
    """An abort is told by its code, and a program that just ends has done its work."""
    program = typer.Typer()

    @program.command()
    def abort() -> None:
        raise typer.Abort

    @program.command()
    def done() -> None:
        pass

    assert invoke(program, ["abort"]) == 130
    assert invoke(program, ["done"]) == 0
    assert invoke(program, ["--nonsense"]) == 2
    assert "`arnia --help` shows what is possible." in capsys.readouterr().err
