"""The process: what it needs to start, what it makes, and that a flood of logins does not drown the rest."""

import asyncio
import hashlib
import itertools
import json
import threading
from pathlib import Path

import asyncpg
import httpx
import pytest
from services.identity.tests.parties import ISSUER, PASSWORD, SECRET, basic, declared_clients, settings_of

from arnia.chassis.keys import read_keys
from arnia.chassis.tokens import dissect, issued_at
from arnia.conventions import EXIT_USAGE
from arnia.local.servers.postgres import Postgres
from arnia.testing.http import Lifespan
from arnia.testing.postgres import fresh_database
from arnia.testing.processes import ServiceProcess
from identity.api.issuer import Issuer
from identity.config import Settings
from identity.main import create

CREDENTIALS = {"grant_type": "client_credentials"}
KEYS = "/.well-known/jwks.json"
TABLES = ("oauth_clients", "users", "signing_keys", "refresh_tokens")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"key_encryption_secret": None}, "IDENTITY_KEY_ENCRYPTION_SECRET is missing"),
        ({"issuer": None}, "IDENTITY_ISSUER is missing"),
        ({"key_lead_seconds": 60}, "IDENTITY_KEY_LEAD_SECONDS"),
        ({"declared_clients": "[{}]"}, "IDENTITY_DECLARED_CLIENTS"),
        ({"first_users": json.dumps([{"username": "a", "password": "short"}])}, "IDENTITY_FIRST_USERS"),
    ],
)
def test_it_does_not_start_without_what_it_needs(
    database_url: str, tmp_path: Path, changes: dict[str, object], named: str
) -> None:
    """A setting that is missing or wrong ends the start with code 2 and a sentence that names it, never its value."""
    given = {name: value for name, value in (settings_of(database_url) | changes).items() if value is not None}
    process = ServiceProcess("identity", "identity.main", given, tmp_path / "log")
    assert process.run() == EXIT_USAGE
    told = (tmp_path / "log").read_text()
    assert named in told
    assert SECRET not in told
    assert "short" not in told


def test_tokens_are_as_the_settings_say(postgres_server: Postgres, tmp_path: Path) -> None:
    """How long a token lives and how it is signed are settings: its header and its end say so."""
    with fresh_database(postgres_server) as url:
        given = settings_of(url) | {"token_seconds": 60, "signing_algorithm": "Ed25519"}
        with ServiceProcess("identity", "identity.main", given, tmp_path / "log") as process:
            told = httpx.post(f"{process.url}/token", data=CREDENTIALS, headers=basic("scheduler", SECRET)).json()
            published = read_keys(httpx.get(f"{process.url}{KEYS}").json()["keys"], ["EdDSA"])
    token = dissect(told["access_token"].encode())
    assert token.algorithm == "EdDSA"
    published[token.key_id].verify(token)
    assert issued_at(token.claims) + 60 == token.claims["exp"]
    assert told["expires_in"] == 60


def test_production_has_no_account_that_nobody_made(database_url: str, tmp_path: Path) -> None:
    """First users are refused in production, and there passwords are not taken at /token unless it is asked for."""
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    given = settings_of(database_url) | {"environment": "production"}
    for name in ("database_url", "cursor_key", "key_encryption_secret", "declared_clients", "first_users"):
        (secrets / f"identity_{name}").write_text(str(given.pop(name)))
    given |= {"secrets_dir": secrets}
    refused = ServiceProcess("identity", "identity.main", given, tmp_path / "log")
    assert refused.run() == EXIT_USAGE
    assert "IDENTITY_FIRST_USERS" in (tmp_path / "log").read_text()
    (secrets / "identity_first_users").unlink()
    with ServiceProcess("identity", "identity.main", given, tmp_path / "log") as process:
        form = {"grant_type": "password", "client_id": "arnia", "username": "maia", "password": PASSWORD}
        answer = httpx.post(f"{process.url}/token", data=form, trust_env=False)
        assert answer.json()["error"] == "unsupported_grant_type"


def test_another_secret_does_not_open_the_keys(database_url: str, tmp_path: Path) -> None:
    """A process with another key-encryption secret than the one before does not start."""
    given = settings_of(database_url)
    with ServiceProcess("identity", "identity.main", given, tmp_path / "first"):
        pass
    given["key_encryption_secret"] = "another secret of more than thirty-two characters"
    process = ServiceProcess("identity", "identity.main", given, tmp_path / "log")
    assert process.run() == EXIT_USAGE
    assert "IDENTITY_KEY_ENCRYPTION_SECRET does not open the signing keys" in (tmp_path / "log").read_text()


def test_declared_clients_follow_the_settings(database_url: str, tmp_path: Path) -> None:
    """At the next start an OAuth client has its new secret and scopes, nothing is kept in the clear, users stay."""
    given = settings_of(database_url)
    with ServiceProcess("identity", "identity.main", given, tmp_path / "first") as process:
        answer = httpx.post(f"{process.url}/token", data=CREDENTIALS, headers=basic("scheduler", SECRET))
        assert answer.status_code == 200
    changed = SECRET + ", changed"
    clients = declared_clients()
    clients[1] |= {"secret": changed, "audiences": {"drone": ["drones:read"]}}
    given["declared_clients"] = json.dumps(clients)
    given["first_users"] = json.dumps([{"username": "maia", "password": "another password", "roles": ["operator"]}])
    with ServiceProcess("identity", "identity.main", given, tmp_path / "second") as process:
        old = httpx.post(f"{process.url}/token", data=CREDENTIALS, headers=basic("scheduler", SECRET))
        new = httpx.post(f"{process.url}/token", data=CREDENTIALS, headers=basic("scheduler", changed))
        assert (old.status_code, new.status_code) == (401, 200)
        assert new.json()["scope"] == "drones:read"
        form = {"grant_type": "password", "client_id": "arnia", "username": "maia", "password": PASSWORD}
        first = httpx.post(f"{process.url}/token", data=form)
        assert first.status_code == 200
        again = {"grant_type": "refresh_token", "client_id": "arnia", "refresh_token": first.json()["refresh_token"]}
        renewed = httpx.post(f"{process.url}/token", data=again)
        assert renewed.status_code == 200
    kept = asyncio.run(everything(database_url))
    for answer in (first, renewed):
        told = answer.json()["refresh_token"]
        assert str(hashlib.sha256(told.encode()).digest()) in kept
        assert told not in kept
    assert SECRET not in kept
    assert PASSWORD not in kept
    assert '"d"' not in kept


def test_a_client_that_is_declared_no_more_ends(database_url: str, tmp_path: Path) -> None:
    """At the next start it is nobody, its tokens and logins have ended; one that was made by hand is as it was."""
    given = settings_of(database_url)
    login = {"grant_type": "password", "client_id": "arnia", "username": "operator", "password": PASSWORD}
    with ServiceProcess("identity", "identity.main", given, tmp_path / "first") as process:
        mine = httpx.post(f"{process.url}/token", data=login).json()
        operator = {"Authorization": f"Bearer {mine['access_token']}"}
        path = f"{process.url}/api/v1/oauth-clients"
        byhand = {"client_id": "reports", "grants": ["client_credentials"], "audiences": {"drone": []}}
        made = httpx.post(path, json=byhand, headers=operator)
        assert made.status_code == 201, made.text
        secret = f"{process.url}{made.headers['location']}/secret"
        assert httpx.put(secret, json={"secret": "x" * 40}, headers=operator).status_code == 204
    given["declared_clients"] = json.dumps([each for each in declared_clients() if each["client_id"] != "arnia"])
    with ServiceProcess("identity", "identity.main", given, tmp_path / "second") as process:
        assert httpx.get(f"{process.url}/userinfo", headers=operator).status_code == 401
        renewal = {"grant_type": "refresh_token", "client_id": "arnia", "refresh_token": mine["refresh_token"]}
        assert httpx.post(f"{process.url}/token", data=renewal).json()["error"] == "invalid_client"
        for client_id, kept in (("reports", "x" * 40), ("scheduler", SECRET)):
            answer = httpx.post(f"{process.url}/token", data=CREDENTIALS, headers=basic(client_id, kept))
            assert answer.status_code == 200, client_id
    given["declared_clients"] = json.dumps(declared_clients())
    with ServiceProcess("identity", "identity.main", given, tmp_path / "third") as process:
        assert httpx.post(f"{process.url}/token", data=renewal).json()["error"] == "invalid_grant"


async def everything(database_url: str) -> str:
    """Return all that the tables with secrets hold."""
    connection = await asyncpg.connect(database_url)
    tables = [await connection.fetch(f"TABLE {name}") for name in TABLES]
    await connection.close()
    return str(tables)


def test_replicas_that_start_at_once_share_one_key(database_url: str, tmp_path: Path) -> None:
    """Two processes over one database publish the same key, and each believes what the other signed."""
    given = settings_of(database_url)
    one = ServiceProcess("identity", "identity.main", given, tmp_path / "one")
    other = ServiceProcess("identity", "identity.main", given, tmp_path / "other")
    with one, other:
        keys = [httpx.get(f"{each.url}{KEYS}").json() for each in (one, other)]
        assert keys[0] == keys[1]
        form = {"grant_type": "password", "client_id": "arnia", "username": "maia", "password": PASSWORD}
        token = httpx.post(f"{one.url}/token", data=form).json()["access_token"]
        me = httpx.get(f"{other.url}/userinfo", headers={"Authorization": f"Bearer {token}"})
        assert me.status_code == 200


async def test_a_flood_of_logins_does_not_drown_the_rest(database_url: str) -> None:
    """While passwords take for ever, as many logins wait as may, others come back later, and the rest is served."""
    spine = create().asgi(Settings.model_validate(settings_of(database_url) | {"password_queue": 4, "port": 0}))
    over = threading.Event()
    async with Lifespan(spine), httpx.AsyncClient(transport=httpx.ASGITransport(spine), base_url=ISSUER) as http:
        issuer = spine._runtime.kept
        assert isinstance(issuer, Issuer)
        issuer.passwords._pool.submit(over.wait)
        flood = [asyncio.create_task(knock(http, number)) for number in range(100)]
        try:
            refused = [await each for each in itertools.islice(asyncio.as_completed(flood, timeout=60), 95)]
            rest = [await http.post("/token", data=CREDENTIALS, headers=basic("scheduler", SECRET)) for _ in range(40)]
        finally:
            over.set()
        looked_at = [await each for each in flood]
    assert set(refused) == {503}
    assert {answer.status_code for answer in rest} == {200}
    assert looked_at.count(400) == 5


async def knock(http: httpx.AsyncClient, number: int) -> int:
    """Try a login, and return the status of the answer."""
    form = {"grant_type": "password", "client_id": "arnia", "username": f"user-{number}", "password": "wrong"}
    answer = await http.post("/token", data=form, headers={"X-Forwarded-For": f"192.0.2.{number}"})
    if answer.status_code == 503:
        assert answer.json()["error"] == "temporarily_unavailable"
        assert int(answer.headers["retry-after"]) >= 1
    return answer.status_code
