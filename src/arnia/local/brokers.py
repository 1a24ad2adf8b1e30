"""Which broker an ecosystem runs on here: one of those that `up` can start, or one that somebody else runs."""

import socket
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

from arnia.ecosystem import Ecosystem
from arnia.errors import OutsideError, UsageError
from arnia.local.folder import Folder
from arnia.local.ports import free_port
from arnia.local.process import Process
from arnia.local.secret_files import write_secret
from arnia.local.voices import voices

DEFAULT: Final = "nats"
KINDS: Final = ("nats", "rabbitmq", "kafka")
SCHEMES: Final = {"nats": 4222, "tls": 4222, "amqp": 5672, "amqps": 5671, "kafka": 9092, "kafka+ssl": 9092}
"""How the URL of a broker begins, and its port where it names none."""
_PROBE_SECONDS: Final = 3.0


class LocalBroker(Protocol):
    """A broker that `up` starts, with a user for each service."""

    name: str
    port: int
    log: Path
    process: Process | None

    @property
    def url(self) -> str:
        """Where it listens, without any secret."""
        ...

    def url_of(self, user: str) -> str:
        """Return the connection string of one of its users; a secret."""
        ...

    def prepare(self) -> None:
        """Make ready what the server needs on disk."""
        ...

    def spawn(self) -> Process:
        """Start the process."""
        ...

    def ready(self) -> bool:
        """Tell whether it answers now."""
        ...

    def stop(self) -> None:
        """End it in good order."""
        ...


class OutsideBroker:
    """A broker that somebody else runs: whoever names it answers for what its user may do."""

    def __init__(self, url: str) -> None:
        self._url = url

    def url_of(self, user: str) -> str:
        """Return the connection string that was given, which is every service's."""
        del user
        return self._url


def parse_broker(wish: str) -> str:
    """Return `wish`, if it is a kind of broker or the URL of one; `@FILE` is what that file says.

    Raises:
        UsageError: It is none of these.
    """
    if wish.startswith("@"):
        wish = _written(Path(wish[1:]))
    if wish in KINDS:
        return wish
    if _addresses(wish):
        return wish
    # Not repeated: there may be a password in it.
    message = (
        f"--broker: write {', '.join(KINDS)}, a URL such as amqp://user:password@host:5672 (special characters of the "
        "password percent-encoded; further hosts, after a comma, for kafka:// alone), or @FILE that holds one."
    )
    raise UsageError(message)


def require_answer(wish: str) -> None:
    """Make sure that a broker of somebody else is there; what `up` starts itself is not looked at.

    Raises:
        OutsideError: Nothing takes connections at any address of the URL.
    """
    if wish in KINDS:
        return
    addresses = _addresses(wish)
    if not any(_answers(address) for address in addresses):
        where = ", ".join(f"{host}:{port}" for host, port in addresses)
        message = f"--broker: nothing answers at {where}: start that broker, or correct the URL."
        raise OutsideError(message)


def _addresses(wish: str) -> list[tuple[str, int]]:
    """Return where the brokers of a URL are; nowhere, where it is none."""
    try:
        parts = urlsplit(wish)
        usual = SCHEMES[parts.scheme]
        hosts = [urlsplit(f"//{host}") for host in parts.netloc.rpartition("@")[2].split(",")]
        found = [(host.hostname or "", host.port or usual) for host in hosts]
    except (KeyError, ValueError):
        return []
    # A password with a bare slash, or a second URL: what looks like a host is not all of them, or part of a password.
    whole = "@" not in parts.path + parts.query + parts.fragment
    one = len(found) == 1 or parts.scheme.startswith("kafka")
    return found if whole and one and all(host for host, _ in found) else []


def _answers(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=_PROBE_SECONDS).close()
    except (OSError, UnicodeError):  # the latter of a name that no host can have
        return False
    return True


def as_argument(wish: str, folder: Folder) -> str:
    """Return how to say `wish` on a command line, where others could read it: a URL goes into a file for us alone."""
    if wish in KINDS:
        return wish
    file = folder.secrets / "broker-url"
    write_secret(file, wish)
    return f"@{file}"


def _written(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError as error:
        message = f"--broker: {file} cannot be read: {error.strerror}."
        raise UsageError(message) from None
    except UnicodeDecodeError:
        message = f"--broker: {file} cannot be read: it is no text in UTF-8."
        raise UsageError(message) from None


def broker_of(wish: str, ecosystem: Ecosystem, folder: Folder, *, durable: bool) -> LocalBroker | OutsideBroker:
    """Return the broker that `wish` means, for the services of `ecosystem`; nothing of it is touched yet."""
    if wish not in KINDS:
        return OutsideBroker(wish)
    directory, log, users = folder.server(wish), folder.log(wish), voices(ecosystem.services)
    match wish:
        case "rabbitmq":
            from arnia.local.servers.rabbitmq import Rabbit  # noqa: PLC0415 - only the one that is used

            return Rabbit(directory, free_port(), log=log, users=users)
        case "kafka":
            from arnia.local.servers.kafka import Kafka  # noqa: PLC0415 - only the one that is used

            return Kafka(directory, free_port(), log=log, users=users, durable=durable)
        case _:
            from arnia.local.servers.nats import Nats  # noqa: PLC0415 - only the one that is used

            return Nats(directory, free_port(), log=log, users=users, durable=durable)
