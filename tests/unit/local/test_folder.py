import os
import socket
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from arnia.errors import OutsideError
from arnia.local.folder import Folder
from arnia.local.lock import held
from arnia.local.ports import free_port, is_free
from arnia.local.secret_files import read_or_draw, write_secret
from arnia.local.servers import account
from arnia.local.servers.scram import verifier


def test_keeps_secrets_and_logs_private(tmp_path: Path) -> None:
    """The folder shows nobody else what is in it, and its secrets and logs can be entered by the owner alone."""
    folder = Folder.beside(tmp_path / "ecosystem.py", None)
    folder.create()
    folder.create()
    assert folder.root == tmp_path / ".arnia"
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder.logs, folder.secrets, folder.endpoints)] == [
        0o700
    ] * 3
    assert Folder.beside(tmp_path / "ecosystem.py", tmp_path / "else").root == tmp_path / "else"


def test_keeps_the_socket_path_short(tmp_path: Path) -> None:
    """However deep the folder lies, the path of its socket is short enough for every system."""
    deep = tmp_path / ("x" * 90) / ("y" * 90)
    deep.mkdir(parents=True)
    for root in (tmp_path, deep):
        path = Folder(root).socket
        assert len(os.fsencode(path)) <= 100
    assert Folder(tmp_path / "a").socket == tmp_path / "a" / "socket"


def test_lets_one_process_hold_the_lock(tmp_path: Path) -> None:
    """A second process is refused the lock and told who holds it; once that one has died, the lock is free."""
    code = (
        "import sys; from pathlib import Path; from arnia.local.lock import held\n"
        f"with held(Path({str(tmp_path / 'lock')!r})): print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen((sys.executable, "-c", code), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(OutsideError, match=f"pid {holder.pid}"), held(tmp_path / "lock"):
            pass
        holder.kill()
    with held(tmp_path / "lock"):
        assert (tmp_path / "lock").read_text() == str(os.getpid())


def test_finds_ports_that_are_free() -> None:
    """A found port is free, below the range of outgoing connections, and none of those to avoid."""
    port = free_port()
    assert 20_000 <= port < 32_000
    assert is_free(port)
    assert free_port(besides=frozenset(range(20_000, 31_990))) >= 31_990
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        assert not is_free(port)
    with pytest.raises(OutsideError, match="No free port"):
        free_port(besides=frozenset(range(20_000, 32_000)))


def test_writes_secrets_for_their_owner_alone(tmp_path: Path) -> None:
    """A secret is readable by its owner alone, replaced as a whole, and drawn once."""
    path = tmp_path / "secret"
    write_secret(path, "one")
    write_secret(path, "two")
    assert path.read_text() == "two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [read_or_draw(tmp_path / "drawn", lambda: "first"), read_or_draw(tmp_path / "drawn", lambda: "second")] == [
        "first",
        "first",
    ]
    assert sorted(one.name for one in tmp_path.iterdir()) == ["drawn", "secret"]


def test_knows_what_another_user_can_reach(tmp_path: Path) -> None:
    """A place below a folder that only its owner may enter is out of reach for others, and for us it never is."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    assert not account.reachable(closed / "inside", 54_321)
    assert account.reachable(closed / "inside", None)
    assert account.reachable(Path("/inside"), 54_321)
    assert account.sheltered(closed, None) == closed


def test_sweeps_the_stand_ins_of_temporary_folders_that_are_gone(tmp_path: Path) -> None:
    """Only the stand-in of a temporary folder that no longer exists goes; any other may hold data that is missed."""
    shelter = tmp_path / "shelter"
    for name, origin in (("data-gone", tmp_path / "gone"), ("data-kept", tmp_path), ("data-far", Path("/far/away"))):
        (shelter / name / "data").mkdir(parents=True)
        (shelter / name / "origin").write_text(str(origin))
    assert account.sweep(shelter) == ("data-gone",)
    assert sorted(path.name for path in shelter.iterdir()) == ["data-far", "data-kept"]


def test_several_may_sweep_at_once(tmp_path: Path) -> None:
    """Starts at the same moment remove the same, and none of them fails."""
    shelter = tmp_path / "shelter"
    for number in range(200):
        folder = shelter / f"data-{number}"
        folder.mkdir(parents=True)
        (folder / "origin").write_text(str(tmp_path / "gone"))
    with ThreadPoolExecutor(4) as starts:
        for sweeping in [starts.submit(account.sweep, shelter) for _ in range(4)]:
            assert sweeping.exception() is None
    assert list(shelter.iterdir()) == []


def test_names_the_wheel_that_is_missing() -> None:
    """What no wheel brings is an error that says which wheel, and what to do."""
    with pytest.raises(OutsideError, match=r"no-such-wheel.*pip install"):
        account.installed("no-such-wheel", "x")
    with pytest.raises(OutsideError, match="arnia doctor"):
        account.installed("pytest", "no/such/file")


def test_makes_the_verifier_that_the_standard_describes() -> None:
    """A password's verifier has the form that PostgreSQL keeps, depends on the salt, and is the same for the same."""
    salt = bytes(range(16))
    made = verifier("pencil", salt)
    assert made == verifier("pencil", salt)
    assert made != verifier("pencil")
    assert made.startswith("SCRAM-SHA-256$4096:AAECAwQFBgcICQoLDA0ODw==$")
