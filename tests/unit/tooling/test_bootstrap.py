"""`scripts/bootstrap.sh`: what it does on a fresh machine, on the second run, and where something is missing.

The interpreter is a stand-in that writes down what it is asked, so that nothing is fetched: what a real one installs is
what this very run runs on.
"""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[3]

# Answers the three questions of the script like a real Python, and "makes" an environment from itself.
INTERPRETER: Final = """#!/bin/sh
echo "$*" >>"$JOURNAL"
case "$*" in
*version_info\\ \\<*) exit ${TOO_OLD:-0} ;;
*ensurepip*) exit ${NO_VENV:-0} ;;
*python%d.%d*) echo python3.11 ;;
--version) echo "Python 3.11.9" ;;
"-m venv"*) mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
*pip\\ *dev.txt*) exit ${NO_NETWORK:-0} ;;
esac
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Return a clone with nothing but what the script reads, and a stand-in for python3 beside it."""
    for name in ("scripts/bootstrap.sh", "pyproject.toml", "requirements/dev.txt", "requirements/installer.txt"):
        (tmp_path / "clone" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, tmp_path / "clone" / name)
    stand_in = tmp_path / "bin/python3"
    stand_in.parent.mkdir()
    stand_in.write_text(INTERPRETER, encoding="utf-8")
    stand_in.chmod(0o755)
    return tmp_path / "clone"


def bootstrap(clone: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the script without a terminal, as make does."""
    environment = {
        "PATH": f"{clone.parent}/bin:/usr/bin:/bin",
        "PYTHON": "python3",
        "JOURNAL": str(clone.parent / "journal"),
        **variables,
    }
    return subprocess.run(
        ["sh", "scripts/bootstrap.sh"],
        cwd=clone,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def journal(clone: Path) -> str:
    """Return what the interpreter has been asked so far, and forget it."""
    path = clone.parent / "journal"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    path.unlink(missing_ok=True)
    return text


def test_a_fresh_clone_gets_hashed_wheels_and_then_itself(clone: Path) -> None:
    """The first run installs what is locked with its hashes, and then the project without its dependencies."""
    outcome = bootstrap(clone)

    asked = journal(clone)
    assert outcome.returncode == 0, outcome.stderr
    assert "--require-hashes --no-deps --only-binary :all: -r requirements/dev.txt" in asked
    assert "--no-deps --no-build-isolation --editable ." in asked
    assert not (clone / ".venv.lock").exists()


def test_a_second_run_skips(clone: Path) -> None:
    """The second run asks the interpreter nothing at all."""
    bootstrap(clone)
    journal(clone)

    outcome = bootstrap(clone)

    assert (outcome.returncode, outcome.stdout, outcome.stderr) == (0, "", "")
    assert journal(clone) == ""


def test_a_new_lock_is_installed_into_the_same_environment(clone: Path) -> None:
    """When the requirements change, the difference is installed and the environment kept."""
    bootstrap(clone)
    journal(clone)
    with (clone / "requirements/dev.txt").open("a", encoding="utf-8") as requirements:
        requirements.write("# one more\n")

    assert bootstrap(clone).returncode == 0

    asked = journal(clone)
    assert "requirements/dev.txt" in asked
    assert "-m venv" not in asked


def test_a_new_service_is_installed_into_the_same_environment(clone: Path) -> None:
    """When a service has been added, the next run installs it without being told."""
    bootstrap(clone)
    journal(clone)
    (clone / "services/weather").mkdir(parents=True)
    (clone / "services/weather/pyproject.toml").write_text("[project]\n", encoding="utf-8")

    assert bootstrap(clone).returncode == 0

    asked = journal(clone)
    assert "--editable services/weather" in asked
    assert "-m venv" not in asked


def test_a_repository_of_an_ecosystem_installs_its_wheel(clone: Path) -> None:
    """Where Arnia comes as a wheel it is installed from there, anew when the wheel changes; and what is its own too."""
    (clone / "wheels").mkdir()
    (clone / "wheels/arnia-1-py3-none-any.whl").write_text("one", encoding="utf-8")
    (clone / "requirements/own.txt").write_text("honey==1\n", encoding="utf-8")
    bootstrap(clone)

    first = journal(clone)
    assert "-r requirements/own.txt" in first
    assert "--no-build-isolation --force-reinstall wheels/arnia-1-py3-none-any.whl" in first
    assert "--editable" not in first
    assert bootstrap(clone).returncode == 0
    assert journal(clone) == ""

    (clone / "wheels/arnia-1-py3-none-any.whl").write_text("two", encoding="utf-8")
    assert bootstrap(clone).returncode == 0
    assert "--force-reinstall wheels/" in journal(clone)


def test_an_interrupted_installation_is_done_again(clone: Path) -> None:
    """An installation that failed leaves no stamp: the next run makes the environment anew."""
    assert bootstrap(clone, NO_NETWORK="1").returncode == 3
    journal(clone)

    assert bootstrap(clone).returncode == 0

    assert "-m venv --clear .venv" in journal(clone)


def test_a_moved_clone_is_made_anew(clone: Path) -> None:
    """An environment knows its own place, so that a moved clone makes a new one."""
    bootstrap(clone)
    moved = clone.rename(clone.parent / "moved")
    journal(moved)

    assert bootstrap(moved).returncode == 0

    assert "-m venv --clear .venv" in journal(moved)


def test_a_python_without_venv_is_told_the_command_that_mends_it(clone: Path) -> None:
    """Where Python has no venv module the script ends with exit 3, and its last line is a command."""
    outcome = bootstrap(clone, NO_VENV="1")

    sentence, command = outcome.stderr.splitlines()
    assert outcome.returncode == 3
    assert "python3.11 has no venv module" in sentence
    assert "install" in command
    assert not (clone / ".venv").exists()


def test_an_old_python_is_told_the_command_that_mends_it(clone: Path) -> None:
    """Where no Python is new enough the script ends with exit 3, and its last line is a command."""
    outcome = bootstrap(clone, TOO_OLD="1")

    sentence, command = outcome.stderr.splitlines()
    assert outcome.returncode == 3
    assert "3.11 or newer" in sentence
    assert "install" in command


def test_a_lock_that_was_left_behind_does_not_stop_the_next_run(clone: Path) -> None:
    """A lock whose holder is gone, as after kill -9, is taken over."""
    gone = subprocess.Popen(["true"])
    gone.wait()
    (clone / ".venv.lock").mkdir()
    (clone / ".venv.lock/pid").write_text(str(gone.pid), encoding="utf-8")

    assert bootstrap(clone).returncode == 0


def test_two_runs_at_once_make_one_environment(clone: Path) -> None:
    """A run that finds another at work waits for it, and then has nothing to do."""
    (clone / ".venv.lock").mkdir()
    (clone / ".venv.lock/pid").write_text(str(os.getpid()), encoding="utf-8")
    command = ["sh", "scripts/bootstrap.sh"]
    environment = {"PATH": f"{clone.parent}/bin:/usr/bin:/bin", "JOURNAL": str(clone.parent / "journal")}
    with subprocess.Popen(command, cwd=clone, env=environment, stderr=subprocess.DEVNULL) as waiting:
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(0.3)
        assert "-m venv" not in journal(clone)
        shutil.rmtree(clone / ".venv.lock")
        assert waiting.wait(30) == 0
