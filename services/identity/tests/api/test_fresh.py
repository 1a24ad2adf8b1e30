"""A fresh installation in earnest: nobody can log in, nothing has a secret that anybody else knows."""

import asyncio
from pathlib import Path

import asyncpg
import httpx
import pytest
from services.identity.tests.parties import ISSUER, PASSWORD, settings_of

from arnia.conventions import EXIT_USAGE
from arnia.local.servers.postgres import Postgres
from arnia.testing.postgres import fresh_database
from arnia.testing.processes import ServiceProcess

MOUNTED = ("database_url", "cursor_key", "key_encryption_secret")
NEEDED = {"issuer": ISSUER, "password_target_ms": 1}
PASSWORD_FORM = {"grant_type": "password", "client_id": "arnia", "username": "maia", "password": PASSWORD}


def mounted(database_url: str, folder: Path) -> Path:
    """Write what a process needs as secret files, and nothing else; return their folder."""
    for name in MOUNTED:
        (folder / f"identity_{name}").write_text(str(settings_of(database_url)[name]))
    return folder


def test_production_begins_with_nobody(postgres_server: Postgres, tmp_path: Path) -> None:
    """After the first start in production there is neither a user nor an OAuth client, and nobody gets a token."""
    with fresh_database(postgres_server) as url:
        secrets = tmp_path / "secrets"
        secrets.mkdir()
        given = {**NEEDED, "environment": "production", "secrets_dir": mounted(url, secrets)}
        with ServiceProcess("identity", "identity.main", given, tmp_path / "log") as process:
            for client in ("arnia", "scheduler", "admin", "test"):
                form = {"grant_type": "client_credentials", "client_id": client, "client_secret": client}
                answer = httpx.post(f"{process.url}/token", data=form, trust_env=False)
                assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
        found = asyncio.run(everybody(url))
    assert found == []


async def everybody(database_url: str) -> list[asyncpg.Record]:
    """Return every user and every OAuth client that a database holds."""
    connection = await asyncpg.connect(database_url)
    found = [*await connection.fetch("TABLE users"), *await connection.fetch("TABLE oauth_clients")]
    await connection.close()
    return found


@pytest.mark.parametrize(
    ("environment", "missing", "named"),
    [
        ("production", "key_encryption_secret", "IDENTITY_KEY_ENCRYPTION_SECRET is missing"),
        ("production", "cursor_key", "IDENTITY_CURSOR_KEY is missing"),
        ("staging", "", "IDENTITY_ENVIRONMENT"),
    ],
)
def test_production_has_no_default_secret(
    database_url: str, tmp_path: Path, environment: str, missing: str, named: str
) -> None:
    """Without a secret of its own a process does not start; what is neither local, test nor production is no name."""
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    mounted(database_url, secrets)
    if missing:
        (secrets / f"identity_{missing}").unlink()
    given = {**NEEDED, "environment": environment, "secrets_dir": secrets}
    process = ServiceProcess("identity", "identity.main", given, tmp_path / "log")
    assert process.run() == EXIT_USAGE
    assert named in (tmp_path / "log").read_text()


@pytest.mark.parametrize("environment", ["local", "test"])
def test_passwords_are_for_the_page(database_url: str, tmp_path: Path, environment: str) -> None:
    """Outside of a laptop `/token` takes no password, unless a setting says so, and the metadata does not offer it."""
    given = {**settings_of(database_url), "environment": environment}
    with ServiceProcess("identity", "identity.main", given, tmp_path / "log") as process:
        answer = httpx.post(f"{process.url}/token", data=PASSWORD_FORM, trust_env=False)
        offered = httpx.get(f"{process.url}/.well-known/openid-configuration", trust_env=False).json()
    local = environment == "local"
    assert answer.status_code == (200 if local else 400)
    assert answer.json().get("error") == (None if local else "unsupported_grant_type")
    assert ("password" in offered["grant_types_supported"]) == local
