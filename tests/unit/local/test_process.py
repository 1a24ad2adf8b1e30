import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from arnia.errors import OutsideError
from arnia.local.logs import rotate, rotate_all
from arnia.local.process import Command, Identity, Process, last_lines, run_briefly


def _command(tmp_path: Path, code: str) -> Command:
    return Command(
        argv=(sys.executable, "-c", code),
        environment={"GREETING": "hello"},
        folder=tmp_path,
        log=tmp_path / "logs" / "child.log",
    )


def test_runs_with_the_environment_that_it_is_given(tmp_path: Path) -> None:
    """A child sees the given environment and folder only, has a session of its own, and its output is in the log."""
    code = "import os; print(sorted(os.environ.items()), os.getcwd(), os.getsid(0) == os.getpid())"
    process = Process.spawn(_command(tmp_path, code))
    assert process.child.wait(30) == 0
    assert not process.alive
    said = process.command.log.read_text()
    assert "('GREETING', 'hello')" in said
    assert "PATH" not in said
    assert f"{tmp_path} True" in said


def test_stops_politely_first(tmp_path: Path) -> None:
    """A child that obeys ends by its signal; one that does not is killed when patience is over."""
    polite = Process.spawn(_command(tmp_path, "import time; time.sleep(600)"))
    assert polite.stop(30)
    deaf_code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf'); time.sleep(600)"
    deaf = Process.spawn(_command(tmp_path, deaf_code.replace("'deaf'", "'deaf', flush=True")))
    while "deaf" not in last_lines(deaf.command.log):
        assert deaf.alive
    assert not deaf.stop(0.1)
    assert not deaf.alive


def test_leaves_nothing_behind_of_a_script_that_died(tmp_path: Path) -> None:
    """What a script has started ends with it, when the script is killed and can end nothing any more."""
    code = "import subprocess, time; print(subprocess.Popen(['/bin/sleep', '600']).pid, flush=True); time.sleep(600)"
    script = Process.spawn(_command(tmp_path, code))
    while not (told := last_lines(script.command.log).strip()).isdigit():
        assert script.alive
    server = Identity.of(int(told))
    assert server is not None
    script.sweep()  # not while it runs
    assert server.find() is not None
    os.kill(script.pid, signal.SIGKILL)
    script.child.wait(30)
    script.sweep()
    script.sweep()
    process = server.find()
    assert process is None or process.wait(30) is None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_dies_with_its_parent(tmp_path: Path) -> None:
    """A child that shall not outlive us is ended by the kernel when we are killed."""
    log = tmp_path / "child.log"
    code = (
        "import sys; from pathlib import Path; from arnia.local.process import Command, Process\n"
        f"command = Command((sys.executable, '-c', 'import time; time.sleep(600)'), {{}}, Path('/'),"
        f" Path({str(log)!r}), dies_with_parent=True)\n"
        "print(Process.spawn(command).pid, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen((sys.executable, "-c", code), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = Identity.of(int(parent.stdout.readline()))
        assert child is not None
        parent.kill()
    found = child.find()
    if found is not None:
        found.wait(30)
    assert child.find() is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_runs_as_another_user(tmp_path: Path) -> None:
    """As root, a child can be given another user and group, and keeps no other groups."""
    command = Command(("/usr/bin/id",), {}, Path("/"), tmp_path / "id.log", uid=65_534)
    assert Process.spawn(command).child.wait(30) == 0
    said = command.log.read_text()
    assert said.startswith("uid=65534")
    assert "groups=65534" in said
    assert "root" not in said


def test_explains_a_failure_with_the_last_lines(tmp_path: Path) -> None:
    """A brief command that fails raises an error that names its exit code and ends with its last words."""
    code = "import sys; print(*range(100), sep='\\n'); print('out of water'); sys.exit(7)"
    with pytest.raises(OutsideError, match=r"(?s)exit code 7.*out of water") as caught:
        run_briefly(_command(tmp_path, code), 30)
    assert len(str(caught.value).splitlines()) == 13
    with pytest.raises(OutsideError, match="did not end within"):
        run_briefly(_command(tmp_path, "import time; time.sleep(600)"), 0.1)
    run_briefly(_command(tmp_path, ""), 30)


def test_says_that_there_is_nothing_to_read(tmp_path: Path) -> None:
    """An absent or empty log has a note instead of last lines."""
    assert "wrote nothing" in last_lines(tmp_path / "absent.log")


def test_sets_a_long_log_aside(tmp_path: Path) -> None:
    """A log above the limit is copied and emptied, and its writer goes on in the emptied file; a short one stays."""
    log = tmp_path / "long.log"
    (tmp_path / "short.log").write_text("short")
    with log.open("ab", buffering=0) as writer:
        writer.write(b"x" * 100)
        rotate_all(tmp_path, limit=50)
        writer.write(b"after")
    assert log.read_bytes() == b"after"
    assert log.with_name("long.log.1").read_bytes() == b"x" * 100
    assert (tmp_path / "short.log").read_text() == "short"
    assert not rotate(tmp_path / "absent.log")
