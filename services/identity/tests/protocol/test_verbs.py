"""`arnia token`, `users` and `keys` against a running issuer, as the program and as functions."""

import json
import stat
from io import StringIO
from pathlib import Path

import httpx2
import pytest
from services.identity.tests.protocol.browser import PASSWORD

from arnia import commands
from arnia.cli import main
from arnia.commands.actions import KeyAction, UserAction
from arnia.errors import ArniaError, OutsideError, UsageError
from arnia.local.folder import Folder
from arnia.local.state import State

NEW = "an even longer swarm of bees"


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Run the program; return its exit code and what it printed."""
    code = main(arguments)
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_a_token_is_printed_alone(data: Path, http: httpx2.Client, capsys: pytest.CaptureFixture[str]) -> None:
    """What `arnia token` prints goes behind `Bearer `, as it is; with --json it says what it is good for."""
    code, out, _ = run(capsys, "token", "--user", "maia", "--data", str(data))
    assert code == 0
    found = http.get("/users/me", headers={"Authorization": f"Bearer {out.strip()}"})
    assert found.json()["username"] == "maia"
    options = ("--scope", "deliveries:read", "--audience", "delivery", "--json", "--data", str(data))
    code, out, _ = run(capsys, "token", "--user", "maia", *options)
    assert code == 0
    told = json.loads(out)
    assert (told["ok"], told["subject"], told["scope"]) == (True, "maia", "deliveries:read")


def test_a_service_gets_its_own_token(data: Path) -> None:
    """With --client it is the OAuth client's, by the secret that the run keeps."""
    assert commands.token(client="scheduler", data=data).scope == "reservations:write"
    with pytest.raises(UsageError, match="not known here"):
        commands.token(client="nobody", data=data)
    with pytest.raises(UsageError, match="exclude each other"):
        commands.token(client="scheduler", user="maia", data=data)


def test_users_come_and_go(data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Somebody is added with a password from stdin, closed, opened again, and given another password from a file."""
    monkeypatch.setattr("sys.stdin", StringIO(PASSWORD + "\n"))
    made = commands.users(UserAction.ADD, "anna", role=["customer"], password_file=Path("-"), data=data)
    assert made.text() == "Added anna."
    listed = commands.users(UserAction.LIST, data=data)
    assert "anna" in {one.username for one in listed.users}
    assert "anna      active  customer" in listed.text()
    given = tmp_path / "password"
    given.write_text(PASSWORD + "\n", encoding="utf-8")
    assert commands.token(user="anna", password_file=given, data=data).subject == "anna"
    assert not commands.users(UserAction.DISABLE, "anna", data=data).users[0].active
    with pytest.raises(ArniaError, match=r"^The issuer says no: .*do not belong together"):
        commands.token(user="anna", password_file=given, data=data)
    assert commands.users(UserAction.ENABLE, "anna", data=data).users[0].active
    given.write_text(NEW, encoding="utf-8")
    commands.users(UserAction.PASSWORD, "anna", password_file=given, data=data)
    assert commands.token(user="anna", password_file=given, data=data).access_token


def test_whoever_is_added_with_a_bad_password_is_not_added(data: Path, tmp_path: Path) -> None:
    """Nobody is left behind without the password that was asked for."""
    given = tmp_path / "password"
    given.write_text("short", encoding="utf-8")
    with pytest.raises(ArniaError, match="12 characters"):
        commands.users(UserAction.ADD, "bella", password_file=given, data=data)
    assert commands.users(UserAction.LIST, "bella", data=data).users == ()


def test_the_file_of_credentials_learns_of_a_new_password(data: Path, tmp_path: Path) -> None:
    """After `arnia users password zoe`, `arnia token --user zoe` works still, and nobody else can read the file."""
    given = tmp_path / "password"
    given.write_text(NEW, encoding="utf-8")
    commands.users(UserAction.PASSWORD, "zoe", password_file=given, data=data)
    assert commands.token(user="zoe", data=data).access_token
    assert stat.S_IMODE(Folder(data).credentials.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "arguments",
    [
        ("users", "add"),
        ("users", "password", "zoe"),
        ("users", "disable", "zoe", "--role", "operator"),
        ("users", "list", "--password-file", "/dev/null"),
        ("users", "add", "zoe", "--password-file", "/dev/null"),
        ("users", "dance"),
        ("keys", "dance"),
        ("oauth-clients", "show"),
        ("oauth-clients", "create", "reports"),
        ("oauth-clients", "create", "reports", "--grant", "client_credentials", "--jwks-file", "/dev/null"),
        ("oauth-clients", "create", "app", "--grant", "password", "--public", "--secret-file", "/dev/null"),
        ("oauth-clients", "update", "web"),
        ("oauth-clients", "delete", "web", "--grant", "password"),
        ("oauth-clients", "delete", "web", "--secret-file", "/dev/null"),
        ("token", "--user", "somebody-else"),
    ],
)
def test_wrong_usage_is_2(data: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]) -> None:
    """What contradicts itself, or names nothing, is one sentence and 2."""
    code, out, err = run(capsys, *arguments, "--data", str(data))
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1


def test_the_answer_may_be_no(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A user who is not there, a name that is taken, and whoever may not: 1, and the issuer's own sentence."""
    for arguments in (
        ("users", "disable", "nobody"),
        ("users", "add", "maia"),
        ("users", "list", "--user", "maia"),
        ("keys", "list", "--user", "maia"),
        ("oauth-clients", "list", "--user", "maia"),
        ("oauth-clients", "show", "nobody"),
        ("oauth-clients", "create", "web", "--grant", "client_credentials"),
        ("oauth-clients", "create", "dancer", "--grant", "dancing"),
        ("oauth-clients", "rotate-secret", "app"),
    ):
        code, out, err = run(capsys, *arguments, "--data", str(data))
        assert (code, out) == (1, ""), err
        assert len(err.splitlines()) == 1


def test_keys_are_listed_and_made(data: Path) -> None:
    """`arnia keys rotate` makes the next key; the list says which one signs."""
    made = commands.keys(KeyAction.ROTATE, data=data)
    turns = {key.kid: key.turn for key in commands.keys(KeyAction.LIST, data=data).keys}
    assert turns[made.made] == "next"
    assert "signing" in turns.values()
    assert made.text().startswith(f"Made {made.made}.\n")


def test_nothing_that_runs_is_3(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No ecosystem, or one that does not answer, is 3, and no trace."""
    assert run(capsys, "token", "--data", str(tmp_path / "nothing"))[0] == 3
    state = State.read(Folder(data).state)
    assert state is not None
    state.model_copy(update={"edge_url": "http://127.0.0.1:1"}).write(Folder(data).state)
    code, out, err = run(capsys, "token", "--user", "maia", "--data", str(data))
    assert (code, out, len(err.splitlines())) == (3, "", 1)
    Folder(data).credentials.unlink()
    with pytest.raises(OutsideError, match="is not there"):
        commands.token(data=data)
    state.model_copy(update={"issuer": ""}).write(Folder(data).state)
    with pytest.raises(UsageError, match="declares no issuer"):
        commands.keys(KeyAction.LIST, data=data)
