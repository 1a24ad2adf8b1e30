"""An ecosystem on a broker that somebody else runs: `up` is told where, and the broker is nothing of its own."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from tests.ecosystem.garden import Project, eventually

from arnia.local.ports import free_port
from arnia.local.secret_files import write_secret
from arnia.local.servers.nats import Nats

PIZZERIA: Final = Path(__file__).parents[2] / "examples" / "03_events"
USER: Final = "everybody"
PASSWORD: Final = "known-to-every-service"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Nats]:
    """Run a NATS of somebody else, who knows one user."""
    nats = Nats(tmp_path / "elsewhere", free_port(), log=tmp_path / "nats.log", users={}, durable=False)
    nats.prepare()
    file = nats.directory / "nats.conf"
    users = {"users": [{"user": USER, "password": PASSWORD}]}
    write_secret(file, json.dumps({**json.loads(file.read_text()), "authorization": users}))
    nats.spawn()
    try:
        eventually(nats.ready)
        yield nats
    finally:
        nats.stop()


@pytest.fixture
def pizzeria(tmp_path: Path) -> Iterator[Project]:
    """Give a page with a service that tells and one that hears."""
    project = Project(PIZZERIA, tmp_path / "data", prefix=(sys.executable,))
    yield project
    project.remove()


def kept(nats: Nats) -> set[str]:
    """Return which streams and consumers the broker has on disk."""
    return {json.loads(path.read_text())["name"] for path in nats.directory.rglob("meta.inf")}


def test_events_travel_by_a_broker_of_somebody_else(broker: Nats, pizzeria: Project) -> None:
    """What is told is heard through it; `status` does not count it, and `down` leaves it as it is, with what it has."""
    assert broker.process is not None
    running = broker.process.pid
    wish = broker.url.replace("://", f"://{USER}:{PASSWORD}@")
    started = pizzeria.run("up", "--detach", "--port", "0", "--broker", wish)
    assert started.returncode == 0, started.stderr
    dish = pizzeria.call("POST", "/api/v1/orders/marinara").headers["location"]
    eventually(lambda: pizzeria.call("GET", dish).json()["pizzas"] == ["marinara"])
    assert kept(broker) == {"order", "kitchen"}
    shown = pizzeria.run("status", "--json")
    assert (shown.returncode, set(pizzeria.state.servers)) == (0, {"postgres", "edge"})
    assert PASSWORD not in shown.stdout
    assert not [one.pid for one in pizzeria.processes() if PASSWORD in " ".join(one.cmdline())]
    assert pizzeria.run("down").returncode == 0
    assert (broker.process.alive, broker.process.pid, broker.ready()) == (True, running, True)
    assert kept(broker) == {"order", "kitchen"}


@pytest.mark.parametrize(
    ("wish", "code", "said"),
    [
        ("nats://rose:" + PASSWORD + "@127.0.0.1:{port}", 3, "arnia: --broker: nothing answers at 127.0.0.1:{port}: "),
        ("redis://rose:" + PASSWORD + "@127.0.0.1:{port}", 2, "arnia: --broker: write nats, rabbitmq, kafka, a URL "),
        (
            "nats://rose:" + PASSWORD + "@broker..example:{port}",
            3,
            "arnia: --broker: nothing answers at broker..example:",
        ),
        ("nats://rose:1/" + PASSWORD + "@127.0.0.1:{port}", 2, "arnia: --broker: write nats, rabbitmq, kafka, a URL "),
    ],
    ids=["away", "of no kind", "of no name", "with a bare slash"],
)
def test_a_broker_that_cannot_be_is_one_sentence(pizzeria: Project, wish: str, code: int, said: str) -> None:
    """A URL at which nothing answers, and one of no broker's kind, start nothing, and the password is not repeated."""
    port = free_port()
    told = pizzeria.run("up", "--detach", "--port", "0", "--broker", wish.format(port=port))
    assert (told.returncode, told.stdout) == (code, "")
    assert told.stderr.startswith(said.format(port=port))
    assert PASSWORD not in told.stderr
    assert not pizzeria.data.exists()
