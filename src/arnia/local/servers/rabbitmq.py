"""RabbitMQ from the system's package: a user for each service, and a queue for each that hears, from the first moment.

It runs privately, whatever else of it the machine runs: with its own data, cookie and port, without management, and
without Erlang's port mapper, so that nothing is left of it in the end.
"""

import json
import secrets
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote

from arnia.conventions import LOOPBACK
from arnia.errors import OutsideError
from arnia.local.process import Command, Process
from arnia.local.secret_files import read_or_draw, write_secret
from arnia.local.servers.rabbitmq_definitions import definitions
from arnia.local.voices import Voice

PROGRAMS: Final = (
    Path("/usr/lib/rabbitmq/bin/rabbitmq-server"),  # Debian's; the one in /usr/sbin wants a user and a place of its own
    Path("/usr/local/opt/rabbitmq/sbin/rabbitmq-server"),
    Path("/opt/homebrew/opt/rabbitmq/sbin/rabbitmq-server"),
)
INSTALL: Final = "apt-get install --no-install-recommends rabbitmq-server"
_STOP_SECONDS: Final = 20.0
_PROBE_SECONDS: Final = 2.0
_MOST_BYTES: Final = 1_048_576
_GREETING: Final = b"AMQP\x00\x00\x09\x01"
_NODE: Final = "arnia@localhost"
_CONFIGURATION: Final = """\
listeners.tcp.1 = {host}:{port}
load_definitions = {definitions}
max_message_size = {most}
log.console = true
log.console.level = warning
log.file = false
"""
_ERLANG: Final = (
    # Two schedulers that sleep when there is nothing to do.
    f"-sname {_NODE} +S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none"
)
_ALONE: Final = (
    # For every Erlang that the server starts too, which would start a port mapper, a daemon that stays: it is looked
    # for after a minute. There are no other nodes, and none is listened to.
    "-start_epmd false -erl_epmd_port 1 -dist_listen false"
)


class Rabbit:
    """One RabbitMQ server with its data.

    Each user publishes only about what its service emits, reads only what it hears through queues of its own name, and
    makes only what is its own.
    """

    name = "rabbitmq"

    def __init__(self, directory: Path, port: int, *, log: Path, users: Mapping[str, Voice]) -> None:
        """Describe the server; nothing is touched before `prepare`.

        Args:
            directory: Where its data and its configuration are.
            port: Where it listens.
            log: Where it writes.
            users: Who may use it, and for what: names of services. Their passwords are new with every object.
        """
        self.directory = directory
        self.port = port
        self.log = log
        self._users = dict(users)
        self._passwords = {name: secrets.token_urlsafe(32) for name in sorted(users)}
        self.process: Process | None = None

    @property
    def url(self) -> str:
        """Where it listens, without any secret."""
        return f"amqp://{LOOPBACK}:{self.port}"

    def url_of(self, user: str) -> str:
        """Return the connection string of one of its users; a secret."""
        return f"amqp://{user}:{quote(self._passwords[user], safe='')}@{LOOPBACK}:{self.port}/"

    def prepare(self) -> None:
        """Write the configuration, and what it shall hold: users, permissions, exchanges, queues.

        Raises:
            OutsideError: RabbitMQ is not installed.
        """
        _program()
        for folder in (self.directory, self._home, self.directory / "data"):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        read_or_draw(self._home / ".erlang.cookie", lambda: secrets.token_hex(32))
        held = self.directory / "definitions.json"
        write_secret(held, json.dumps(definitions(self._users, self._passwords), indent=2) + "\n")
        text = _CONFIGURATION.format(host=LOOPBACK, port=self.port, definitions=held, most=_MOST_BYTES)
        (self.directory / "rabbitmq.conf").write_text(text)
        (self.directory / "plugins").write_text("[].\n")

    def spawn(self) -> Process:
        """Start the process and return at once."""
        self.process = Process.spawn(
            Command(
                argv=(str(_program()),),
                environment=self._environment(),
                folder=self.directory,
                log=self.log,
                dies_with_parent=True,
            )
        )
        return self.process

    def ready(self) -> bool:
        """Tell whether it answers: it greets whoever speaks its protocol, once its queues are there."""
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=_PROBE_SECONDS) as probe:
                probe.sendall(_GREETING)
                return probe.recv(1) == b"\x01"
        except OSError:
            return False

    def stop(self) -> None:
        """End it in good order."""
        if self.process is not None:
            self.process.stop(_STOP_SECONDS)
            self.process = None

    @property
    def _home(self) -> Path:
        return self.directory / "home"

    def _environment(self) -> dict[str, str]:
        place = str(self.directory)
        return {
            "PATH": "/usr/bin:/bin:/usr/local/bin:/opt/homebrew/bin",
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            "HOME": str(self._home),
            "RABBITMQ_NODENAME": _NODE,
            "RABBITMQ_NODE_IP_ADDRESS": LOOPBACK,
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_MNESIA_BASE": f"{place}/data",
            "RABBITMQ_LOG_BASE": f"{place}/data",
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_CONFIG_FILE": f"{place}/rabbitmq.conf",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{place}/plugins",
            "RABBITMQ_PID_FILE": f"{place}/pid",
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": _ERLANG,
            "ERL_ZFLAGS": _ALONE,
            "ERL_EPMD_PORT": "1",
        }


def _program() -> Path:
    for program in PROGRAMS:
        if program.is_file():
            return program
    message = f"RabbitMQ is not installed; as root: {INSTALL}. Or name a broker that runs: `--broker amqp://...`."
    raise OutsideError(message)
