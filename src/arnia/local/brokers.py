"""Which broker an ecosystem runs on here: one of those that `up` can start, or one that somebody else runs."""

from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

from arnia.ecosystem import Ecosystem
from arnia.errors import UsageError
from arnia.local.folder import Folder
from arnia.local.ports import free_port
from arnia.local.process import Process
from arnia.local.secret_files import write_secret
from arnia.local.voices import voices

DEFAULT: Final = "nats"
KINDS: Final = ("nats", "rabbitmq", "kafka")
SCHEMES: Final = ("nats", "tls", "amqp", "amqps", "kafka", "kafka+ssl")


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
    parts = urlsplit(wish)
    if parts.scheme in SCHEMES and parts.hostname:
        return wish
    # Not repeated: there may be a password in it.
    message = (
        f"--broker: write {', '.join(KINDS)}, a URL such as amqp://user:password@host:5672, or @FILE that holds one."
    )
    raise UsageError(message)


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
