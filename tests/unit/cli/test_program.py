"""The program as a whole: its verbs are those of `arnia.commands`, and it never asks, hangs or shows a trace."""

import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest

import arnia
from arnia import commands
from arnia.cli import main
from arnia.cli.application import program
from arnia.commands.result import Result

ROOT = Path(__file__).resolve().parents[3]
HIVE = ROOT / "tests" / "snapshots" / "graph" / "hive"
VERBS = {command.callback.__name__: command for command in program.registered_commands if command.callback}
TEST_SEAMS = {"announce"}
"""Parameters that take a function, which a command line cannot."""


def run(*arguments: str, cwd: Path = HIVE) -> "subprocess.CompletedProcess[str]":
    """Run the program in a process of its own, with stdin closed and no terminal."""
    closing = ["bash", "-c", '"$@" <&-', "bash"]
    command = [*closing, sys.executable, "-m", "arnia.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)


def test_every_verb_is_a_function_and_the_reverse() -> None:
    """The program and the programmatic interface have the same verbs."""
    assert set(VERBS) == set(commands.__all__)
    assert set(commands.__all__) <= set(dir(commands))


@pytest.mark.parametrize("verb", VERBS)
def test_verb_and_function_have_the_same_parameters(verb: str) -> None:
    """What a verb can be told its function can be told by the same name, and both promise the same of the result."""
    ours = set(inspect.signature(VERBS[verb].callback or (lambda: None)).parameters) - {"json"}
    function = getattr(commands, verb)
    theirs = inspect.signature(function).parameters
    assert ours == set(theirs) - TEST_SEAMS
    assert all(one.kind is inspect.Parameter.KEYWORD_ONLY for name, one in theirs.items() if name == "file")
    returned = function.__annotations__["return"]
    assert isinstance(returned, type)
    assert issubclass(returned, Result)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example_and_json(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    """--help says what a verb does, shows how to use it, and that it speaks JSON."""
    typed = verb.replace("_", "-")
    assert main([typed, "--help"]) == 0
    shown = capsys.readouterr().out
    assert f"Example: arnia {typed}" in shown
    assert "--json" in shown


def test_unknown_verb_attribute_is_none_of_the_door() -> None:
    """The door of the commands holds its verbs and nothing else."""
    with pytest.raises(AttributeError, match="no attribute 'dance'"):
        _ = commands.dance  # type: ignore[attr-defined]  # this is what the test is about


@pytest.mark.parametrize(
    "arguments",
    [
        ["keys", "polish"],
        ["dance"],
        ["graph", "--nonsense"],
        ["graph", "--format", "png"],
        ["graph", "too", "many"],
        ["--nonsense"],
    ],
)
def test_wrong_usage_is_one_sentence_and_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """What the program does not understand it says in one line, with where to look."""
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert "--help` shows what is possible." in err
    assert "Value error" not in err


def test_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """--version prints the version and ends."""
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"{arnia.__version__}\n"


@pytest.mark.parametrize(("verb", "code"), [("graph", 0), ("check", 1), ("contract", 3)])
def test_verbs_end_with_their_code(verb: str, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    """An ecosystem without code can be drawn, fails its check, and cannot write its contracts."""
    assert main([verb, "--file", str(HIVE)]) == code
    out, err = capsys.readouterr()
    assert bool(out) == (code < 3)
    assert bool(err) == (code == 3)


def test_verbs_work_with_stdin_closed() -> None:
    """Nothing is asked: with stdin closed and without a terminal, a verb does its work."""
    done = run("graph", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["ecosystem"]["name"] == "hive"


def test_faults_show_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No declaration, a broken one and services without code end with 2, 2 and 3, and a sentence each."""
    monkeypatch.chdir(tmp_path)
    codes = [main(["graph"])]
    (tmp_path / "ecosystem.py").write_text("ecosystem = 1 +\n", encoding="utf-8")
    codes.append(main(["graph", "--json"]))
    broken = capsys.readouterr()
    codes.append(main(["contract", "--file", str(HIVE)]))
    assert codes == [2, 2, 3]
    assert json.loads(broken.out)["faults"] == ["ecosystem.py: line 1: invalid syntax."]
    told = (broken.err + capsys.readouterr().err).splitlines()
    assert len(told) >= 3
    assert all(line.startswith("arnia: ") for line in told)


def test_a_reader_that_leaves_is_no_fault() -> None:
    """`arnia graph | head -1` ends quietly."""
    command = f"set -o pipefail; {sys.executable} -m arnia.cli graph --format svg | head -c 1 > /dev/null"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, cwd=HIVE)
    assert (done.returncode, done.stderr) == (0, "")


def test_program_without_its_extra_says_what_to_install() -> None:
    """Where typer is absent the answer is one command and 3, not an ImportError."""
    script = "import sys; sys.modules['typer'] = None; from arnia.cli import main; sys.exit(main(['graph']))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert done.stderr == "arnia: typer is not installed: run `pip install 'arnia[cli]'`.\n"


def test_doors_are_cheap() -> None:
    """Importing the commands or the program loads neither a server nor a chassis, nor the declaration."""
    script = """
import sys
import arnia.commands
assert not {"pydantic", "arnia.ecosystem"} & set(sys.modules)
import arnia.cli.application
heavy = {"fastapi", "sqlalchemy", "asyncpg", "httpx", "psutil", "rich", "arnia.chassis"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_list_of_verbs_has_whole_sentences(capsys: pytest.CaptureFixture[str]) -> None:
    """No summary is cut, and no option shows the type that the program gives it."""
    assert main(["--help"]) == 0
    assert "..." not in capsys.readouterr().out.partition("Commands:")[2]
    assert main(["up", "--help"]) == 0
    assert "--only SERVICE" in capsys.readouterr().out
    assert main(["roll", "nobody", "--file", str(ROOT)]) == 2
    assert "'nobody' is no service" in capsys.readouterr().err
