"""Which broker `up` starts, or is told of."""

import socket
from pathlib import Path

import pytest

from arnia.ecosystem import Broker, Database, Ecosystem, Service
from arnia.errors import OutsideError, UsageError
from arnia.local.brokers import KINDS, OutsideBroker, as_argument, broker_of, parse_broker, require_answer
from arnia.local.folder import Folder


@pytest.fixture
def garden() -> Ecosystem:
    """Give an ecosystem in which somebody says something."""
    return Ecosystem(
        name="garden",
        services=(Service(name="rose", owner="gardeners", uses=("events", "rose-db"), emits=("rose.cut",)),),
        resources=(Broker(name="events"), Database(name="rose-db")),
    )


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_a_server_with_its_own_folder(kind: str, garden: Ecosystem, tmp_path: Path) -> None:
    """A kind names the server, its folder and its log, and each service has a connection string of its own."""
    broker = broker_of(kind, garden, Folder(tmp_path), durable=True)
    assert not isinstance(broker, OutsideBroker)
    assert broker.name == kind
    assert broker.log.parent == tmp_path / "logs"
    assert broker.url_of("rose").partition("://")[2].startswith("rose:")
    assert not list(tmp_path.iterdir())


def test_the_broker_of_somebody_else_is_taken_as_it_is(garden: Ecosystem, tmp_path: Path) -> None:
    """A URL is what every service is told."""
    url = "amqp://everybody:secret@broker.example:5672/"
    broker = broker_of(parse_broker(url), garden, Folder(tmp_path), durable=True)
    assert broker.url_of("rose") == url


def test_a_url_is_kept_off_the_command_line(tmp_path: Path) -> None:
    """What the process in the background is told leads to the same wish, and shows no password."""
    folder = Folder(tmp_path)
    folder.create()
    url = "nats://everybody:secret@broker.example:4222"
    argument = as_argument(url, folder)
    assert "secret@" not in argument
    assert parse_broker(argument) == url
    assert (folder.secrets / "broker-url").stat().st_mode & 0o077 == 0
    assert as_argument("kafka", folder) == "kafka"


@pytest.mark.parametrize(
    "wish",
    [
        "",
        "@/nowhere/at/all",
        "redis",
        "http://broker.example",
        "redis://secret@broker.example:5672",
        "amqp://",
        "nats:4222:secret",
        "nats://secret@host:port",
        "kafka://secret@one:1,",
        "nats://rose:12/secret@host:4222",
        "nats://rose:12?secret@host:4222",
        "amqp://rose:12#secret@host:5672",
        "nats://rose:secret@one:1,nats://rose:secret@two:1",
        "kafka://rose:secret@one:1,kafka://rose:secret@two:1",
        "nats://rose:secret@one:1,two:1",
        "amqp://rose:secret@one,two",
    ],
)
def test_anything_else_is_refused_without_repeating_it(wish: str) -> None:
    """A wish that is no broker is told what to write instead, and never shown: it may hold a password."""
    with pytest.raises(UsageError, match="--broker: ") as caught:
        parse_broker(wish)
    assert "secret" not in str(caught.value)
    assert "12" not in str(caught.value)


def test_a_file_that_is_no_text_is_told_by_its_name(tmp_path: Path) -> None:
    """What cannot be read as text holds no URL, and whoever named it learns which file it is."""
    file = tmp_path / "broker"
    file.write_bytes(b"nats://\xff@host")
    with pytest.raises(UsageError, match=f"--broker: {file} cannot be read: it is no text"):
        parse_broker(f"@{file}")


@pytest.mark.parametrize("host", ["broker..example", "b" * 64 + ".example"])
def test_at_a_name_that_no_host_can_have_nothing_answers(host: str) -> None:
    """An empty label, or one of more than 63 characters, is told like any other address where nobody is."""
    with pytest.raises(OutsideError, match="--broker: nothing answers at "):
        require_answer(parse_broker(f"nats://{host}:4222"))


def test_a_broker_of_somebody_else_has_to_answer() -> None:
    """One of the URL's addresses is enough; where none is, they are told, without whoever would have logged in."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        there, gone = server.getsockname()[1], taken.getsockname()[1]
        require_answer(f"kafka://rose:secret@127.0.0.1:{gone},127.0.0.1:{there}?mechanism=PLAIN")
        with pytest.raises(OutsideError, match=f"nothing answers at 127.0.0.1:{gone}: ") as caught:
            require_answer(f"amqp://rose:secret@127.0.0.1:{gone}/")
    assert "secret" not in str(caught.value)
    for kind in KINDS:
        require_answer(kind)
