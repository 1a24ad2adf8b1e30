"""What an event costs: through outbox, relay, broker and inbox with an effect, beside FastStream and the bare clients.

    python benchmarks/events.py [--messages 10000] [--rounds 3] [--changes 500] [--broker nats] [--durable]

1. Delay: a writer commits a change and its event fifty times a second; from the moment at which the commit returned to
   the commit of the effect, one INSERT, in another database. Writer, relay and consumer share one process.
2. Rate and CPU: Arnia's outbox is full when the clock starts, and each event is then read, published, confirmed,
   marked, handed over, remembered, counted by aggregate, handled (one INSERT each, or one for the whole batch),
   committed and acknowledged. What FastStream and the bare clients do of that is in `event_peers.py`: far less. The
   same fields, about 800 bytes, in all. What storing an event with its change costs is in `put.py`.

The aim is twice the rate of FastStream without those guarantees, and is held against its *kept* form: there the broker
does the same for both, and what is left out is what Arnia adds. The plain form, where the broker keeps nothing either,
is shown beside it.

Candidates take turns in each round, in an order that alternates, each in a process of its own that does both ends; a
ratio is the median of same-round ratios. Brokers that are not on the machine, and FastStream without `arnia[bench]`,
are left out with a line. Nothing is asserted: the machine decides.
"""

import argparse
import asyncio
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Final, TypeAlias

from event_peers import PEERS
from event_turns import BATCHED, DELAY, ONE, Turn, take
from typing_extensions import override

from arnia.chassis.migrations import upgrade
from arnia.errors import OutsideError
from arnia.local.ports import free_port
from arnia.local.secret_files import write_secret
from arnia.local.servers.kafka import ADMINISTRATOR, Kafka
from arnia.local.servers.nats import Nats
from arnia.local.servers.postgres import Postgres
from arnia.local.servers.rabbitmq import Rabbit
from arnia.local.servers.server import start
from arnia.local.voices import Voice
from arnia.testing.parcels import ParcelModel

BROKERS: Final = ("nats", "rabbitmq", "kafka")
USERS: Final = {"scales": Voice(emits=("parcel",)), "kitchen": Voice(hears=("parcel",))}
BARE: Final = "bare"
MIGRATIONS: Final = Path(__file__).parent.parent / "tests" / "data" / "migrations"
PASSWORD: Final = "benchmark"  # noqa: S105 - of a server that lives for a minute
START_SECONDS: Final = 120.0
TURN_SECONDS: Final = 300.0

BrokerServer: TypeAlias = Nats | Rabbit | Kafka


class OpenNats(Nats):
    """With one more user, who may do everything."""

    @override
    def prepare(self) -> None:
        super().prepare()
        file = self.directory / "nats.conf"
        settings = json.loads(file.read_text())
        users = settings["authorization"]["users"]
        users.append({"user": BARE, "password": users[-1]["password"]})
        write_secret(file, json.dumps(settings))


class OpenRabbit(Rabbit):
    """With one more user, who may do everything."""

    @override
    def prepare(self) -> None:
        super().prepare()
        file = self.directory / "definitions.json"
        held = json.loads(file.read_text())
        held["users"].append({**held["users"][-1], "name": BARE})
        held["permissions"].append({**held["permissions"][-1], "user": BARE} | dict.fromkeys(RIGHTS, ".*"))
        write_secret(file, json.dumps(held))


RIGHTS: Final = ("configure", "write", "read")


def broker_server(name: str, folder: Path, *, durable: bool) -> BrokerServer:
    """Describe the server of a broker."""
    directory, log = folder / name, folder / f"{name}.log"
    match name:
        case "nats":
            return OpenNats(directory, free_port(), log=log, users=USERS, durable=durable)
        case "rabbitmq":
            return OpenRabbit(directory, free_port(), log=log, users=USERS)
        case _:
            return Kafka(directory, free_port(), log=log, users=USERS, durable=durable)


def bare_url(server: BrokerServer) -> str:
    """Return how somebody who may do everything connects."""
    if isinstance(server, Kafka):
        return server.url_of(ADMINISTRATOR)
    last = max(USERS)  # whose password is also the other's
    return server.url_of(last).replace(f"//{last}:", f"//{BARE}:")


@contextmanager
def databases(folder: Path, *, durable: bool) -> Iterator[dict[str, str]]:
    """Give a database to each side, on one server; and the server's process."""
    server = Postgres(folder / "postgres", durable=durable, dies_with_parent=True)
    server.start()
    try:
        urls = {}
        for name in USERS:
            server.create_database(name, name, PASSWORD)
            urls[name] = server.database_url(name, name, PASSWORD)
            asyncio.run(upgrade(ParcelModel.metadata, urls[name], MIGRATIONS))
        assert server.process is not None
        yield urls | {"process": str(server.process.identity.pid)}
    finally:
        server.remove()


def candidates(broker: str) -> list[str]:
    """Return what is measured with a broker."""
    peers = [name for name in PEERS[broker] if find_spec("faststream") or not name.startswith("FastStream")]
    return [ONE, BATCHED, *peers]


def apart(turn: Turn) -> list[float]:
    """Take a turn in a process of its own."""
    print(f"{turn['broker']}: {turn['name']}", end="\r", file=sys.stderr, flush=True)
    told = json.dumps(turn)
    command = [sys.executable, __file__, "turn"]
    try:
        done = subprocess.run(command, input=told, capture_output=True, text=True, check=True, timeout=TURN_SECONDS)
    except subprocess.CalledProcessError as error:
        why = (error.stderr.strip().splitlines() or [""])[-1]
    except subprocess.TimeoutExpired:
        why = f"not over within {TURN_SECONDS:g} s"
    else:
        return [float(word) for word in done.stdout.split()]
    print(f"{turn['broker']}: {turn['name']}: no result. {why}")
    return [math.nan] * 3


def show_delay(broker: str, delays: list[float]) -> None:
    """Print how long a change took."""
    if math.isnan(delays[0]):
        return
    cuts = statistics.quantiles(delays, n=100)
    print(f"{broker}: a committed change to its effect, 50 a second: p50 {cuts[49]:.1f} ms, p99 {cuts[98]:.1f} ms")


def show(rounds: Sequence[Mapping[str, list[float]]]) -> None:
    """Print the table."""
    print(f"{'':28} {'events/s':>9} {'client us':>10} {'servers us':>11} {'Arnia, batch':>13} {'Arnia, each':>12}")
    for name in rounds[0]:
        whole = [each for each in rounds if not math.isnan(each[name][0])]
        if not whole:
            print(f"{name:28} {'none':>9}")
            continue
        rate, client, servers = (statistics.median(each[name][at] for each in whole) for at in range(3))
        batched, one = (statistics.median(each[mine][0] / each[name][0] for each in whole) for mine in (BATCHED, ONE))
        print(f"{name:28} {rate:9,.0f} {client:10.0f} {servers:11.0f} {batched:12.2f}x {one:11.2f}x")


def compare(broker: str, folder: Path, urls: Mapping[str, str], given: argparse.Namespace) -> None:
    """Measure with one broker, and print."""
    server = broker_server(broker, folder, durable=given.durable)
    try:
        start(server, START_SECONDS)
    except OutsideError as error:
        print(f"{broker}: left out. {str(error).splitlines()[0]}")
        return
    try:
        assert server.process is not None
        turn = Turn(
            name=DELAY,
            broker=broker,
            count=given.changes,
            databases={name: urls[name] for name in USERS},
            brokers={name: server.url_of(name) for name in USERS} | {BARE: bare_url(server)},
            processes=[int(urls["process"]), server.process.identity.pid],
        )
        show_delay(broker, apart(turn))
        rounds = []
        for number in range(given.rounds):
            names = candidates(broker) if number % 2 else list(reversed(candidates(broker)))
            taken = {name: apart(Turn(**{**turn, "name": name, "count": given.messages})) for name in names}
            rounds.append({name: taken[name] for name in candidates(broker)})
        show(rounds)
        print(f"{broker}: load when it ended: {os.getloadavg()[0]:.1f}", flush=True)
    finally:
        server.stop()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--changes", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--broker", choices=BROKERS, action="append")
    parser.add_argument("--durable", action="store_true", help="as `arnia up` has it: survive a loss of power")
    given = parser.parse_args()
    if find_spec("faststream") is None:
        print("FastStream: left out; pip install 'arnia[bench]' brings it.")
    print(f"load when it began: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as place, databases(Path(place), durable=given.durable) as urls:
        for broker in given.broker or BROKERS:
            compare(broker, Path(place), urls, given)


if __name__ == "__main__":
    if sys.argv[1:] == ["turn"]:
        print(*take(json.load(sys.stdin)))
    else:
        main()
