import asyncio
import stat
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import psutil
import pytest
from tests.ecosystem.garden import Project

QUESTIONS = (
    "SELECT datdba::regrole::text FROM pg_database WHERE datname = current_database()",
    "SELECT rolsuper OR rolcreatedb OR rolcreaterole FROM pg_roles WHERE rolname = current_user",
    "SHOW statement_timeout",
    "SHOW idle_in_transaction_session_timeout",
)


def _secrets(project: Project) -> dict[Path, str]:
    files = [path for path in project.data.rglob("*") if path.is_file() and _is_secret(path)]
    return {path: path.read_text() for path in files}


def _is_secret(path: Path) -> bool:
    return "secrets" in path.parts or path.name in {"admin_password", "password", "valkey.conf"}


def test_keeps_secrets_in_files_for_their_owner(garden: Project) -> None:
    """Every secret is a file that only its owner may read, below folders that others may not list."""
    files = _secrets(garden)
    assert {"apples_database_url", "apples_cursor_key", "apples_cache_url"} <= {path.name for path in files}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE((garden.data / "secrets").stat().st_mode) == 0o700


def test_shows_no_secret_in_state_environment_or_command_lines(garden: Project) -> None:
    """Neither `state.json`, nor a log, nor the environment or command line of any process holds a secret."""
    passwords = {urlsplit(text).password or text for text in _secrets(garden).values() if "\n" not in text}
    assert len(passwords) >= 6
    shown = [path.read_text(errors="replace") for path in (garden.data / "logs").iterdir()]
    shown.append((garden.data / "state.json").read_text())
    for process in garden.processes():
        shown += [*process.cmdline(), *process.environ().values()]
    assert not [secret for secret in passwords if any(secret in text for text in shown)]


def test_keeps_a_service_out_of_other_databases(garden: Project) -> None:
    """The server refuses a service's role on other databases, and on its own with a wrong password."""
    url = (garden.data / "secrets" / "apples" / "apples_database_url").read_text()
    for other, reason in (
        (url.replace("/apples_db", "/pears_db"), asyncpg.InsufficientPrivilegeError),
        (url.replace("/apples_db", "/postgres"), asyncpg.InsufficientPrivilegeError),
        (url.replace("@", "x@"), asyncpg.InvalidPasswordError),
    ):
        with pytest.raises(reason):
            asyncio.run(asyncpg.connect(other))


def test_gives_a_role_its_own_database_and_ceilings(garden: Project) -> None:
    """A service's role owns its database, is no superuser, and has a ceiling on every statement."""

    async def ask() -> list[object]:
        connection = await asyncpg.connect((garden.data / "secrets" / "apples" / "apples_database_url").read_text())
        try:
            return [await connection.fetchval(question) for question in QUESTIONS]
        finally:
            await connection.close()

    assert asyncio.run(ask()) == ["apples", False, "1min", "30s"]


def test_listens_on_the_loopback_address_only(garden: Project) -> None:
    """No process of the ecosystem listens anywhere but at 127.0.0.1."""
    pids = [process.pid for process in garden.processes()] + [one.pid for one in garden.state.servers.values()]
    sockets = [one for pid in pids if pid for one in psutil.Process(pid).net_connections("inet")]
    listening = {one.laddr.ip for one in sockets if one.status == psutil.CONN_LISTEN}
    assert listening == {"127.0.0.1"}
