"""`arnia oauth-clients` against a running issuer, as the program and as a function."""

import json
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from joserfc.jwk import ECKey

from arnia import commands
from arnia.cli import main
from arnia.commands.actions import OAuthClientAction
from arnia.errors import ArniaError


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Run the program; return its exit code and what it printed."""
    code = main(arguments)
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_oauth_clients_come_and_go(data: Path) -> None:
    """One is made with a secret that is told once; it is shown, described anew, given another secret, and forgotten."""
    both = ["drone=drones:read", "delivery=deliveries:read"]
    grant = ["client_credentials"]
    made = commands.oauth_clients(OAuthClientAction.CREATE, "reports", grant=grant, audience=both, data=data)
    assert made.text() == f"Created reports.\nIts secret, which is not shown again: {made.secret}"
    assert len(made.secret) >= 32
    assert made.secret not in repr(made)
    assert own_token(data, "reports", made.secret) == {"drones:read", "deliveries:read"}
    shown = commands.oauth_clients(OAuthClientAction.SHOW, "reports", data=data)
    assert shown.oauth_clients == made.oauth_clients
    assert shown.text().splitlines()[1:] == ["for delivery: deliveries:read", "for drone: drones:read"]
    narrower = ["drone=drones:read"]
    changed = commands.oauth_clients(OAuthClientAction.UPDATE, "reports", audience=narrower, data=data)
    assert changed.oauth_clients[0].audiences == {"drone": ("drones:read",)}
    assert own_token(data, "reports", made.secret) == {"drones:read"}
    rotated = commands.oauth_clients(OAuthClientAction.ROTATE_SECRET, "reports", data=data)
    assert own_token(data, "reports", rotated.secret)
    with pytest.raises(ArniaError):
        own_token(data, "reports", made.secret)
    listed = commands.oauth_clients(OAuthClientAction.LIST, data=data)
    assert {"arnia", "reports"} <= {one.client_id for one in listed.oauth_clients}
    assert not {made.secret, rotated.secret} & set(listed.model_dump_json().split('"'))
    assert commands.oauth_clients(OAuthClientAction.DELETE, "reports", data=data).text() == "Deleted reports."
    assert commands.oauth_clients(OAuthClientAction.LIST, "reports", data=data).oauth_clients == ()


def own_token(data: Path, client: str, secret: str) -> set[str]:
    """Return the scopes of a token that an OAuth client gets of its own accord."""
    kept = data / "given"
    kept.write_text(secret, encoding="utf-8")
    return set(commands.token(client=client, password_file=kept, data=data).scope.split())


def test_a_secret_that_is_given_is_not_told(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A secret from stdin is set and printed by nothing; one that is too short leaves no OAuth client behind."""
    given = "of-the-caller-itself-and-as-long-as-it-has-to-be"
    options = ("--grant", "client_credentials", "--audience", "drone=drones:read", "--secret-file", "-")
    outcomes = []
    for secret in ("short", given):
        monkeypatch.setattr("sys.stdin", StringIO(secret + "\n"))
        outcomes.append(run(capsys, "oauth-clients", "create", "own", *options, "--data", str(data)))
    assert outcomes[0][:2] == (1, "")
    assert "32 characters" in outcomes[0][2]
    assert outcomes[1] == (0, "Created own.\n", "")
    own_token(data, "own", given)


def test_who_keeps_no_secret_is_given_none(data: Path, tmp_path: Path) -> None:
    """A public OAuth client and one that proves itself by keys are made without a secret."""
    public = commands.oauth_clients(
        OAuthClientAction.CREATE,
        "phone",
        grant=["authorization_code"],
        redirect_uri=["https://phone.example/back"],
        public=True,
        data=data,
    )
    keys = tmp_path / "keys"
    keys.write_text(json.dumps({"keys": [ECKey.generate_key("P-256").as_dict(private=False)]}), encoding="utf-8")
    keyed = commands.oauth_clients(
        OAuthClientAction.CREATE, "keyed", grant=["client_credentials"], jwks_file=keys, data=data
    )
    for made in (public, keyed):
        assert not made.secret
        assert not made.oauth_clients[0].has_secret
    assert public.oauth_clients[0].public


def test_the_program_manages_oauth_clients_with_stdin_closed(data: Path) -> None:
    """Nothing is asked: what is created says its secret once in JSON, and what follows says it no more."""
    command = ["bash", "-c", '"$@" <&-', "bash", sys.executable, "-m", "arnia.cli", "oauth-clients"]
    options = ("--json", "--data", str(data))
    described = ("--grant", "client_credentials", "--audience", "drone=drones:read", "--third-party")
    told = []
    for arguments in (("create", "robot", *described), ("show", "robot"), ("delete", "robot")):
        done = subprocess.run([*command, *arguments, *options], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        told.append(json.loads(done.stdout))
    assert [bool(each["secret"]) for each in told] == [True, False, False]
    assert told[0]["secret"] not in json.dumps(told[1:])
