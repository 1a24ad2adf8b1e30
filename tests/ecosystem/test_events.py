"""What is done in one service, and what follows from it in others: with real servers, whatever is killed meanwhile."""

import asyncio
import json
import math
import os
import secrets
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg
import psutil
import pytest
from tests.ecosystem.garden import PATIENCE, Project, eventually

from arnia.commands.declaration import load
from arnia.local.servers.nats import permissions
from arnia.local.servers.postgres import Postgres
from arnia.local.voices import voices
from arnia.testing.issuer import TestIssuer
from arnia.testing.postgres import fresh_database
from arnia.testing.processes import ServiceProcess

ROOT: Final = Path(__file__).parents[2]
PRODUCERS: Final = ("delivery", "drone", "identity", "scheduler")
BROKERS: Final = os.environ.get("EVENTS_BROKERS", "nats").split()
"""What carries the events: one after the other, as `arnia up --broker` calls them; `make faults` asks for all three."""
MANY: Final = int(os.environ.get("EVENTS_MANY", "100"))
"""Deliveries that are ordered while a consumer is away; `make faults` asks for more."""
AWAY_SECONDS: Final = float(os.environ.get("EVENTS_AWAY_SECONDS", "3"))
"""How long the broker is away while somebody writes; `make faults` asks for more."""
PLACE: Final = {"position": {"latitude": 45.4642, "longitude": 9.19}}
ORDER: Final = json.dumps(
    {
        "pickup": PLACE,
        "dropoff": PLACE,
        "items": [{"name": "Honey jar", "price": {"amount": "12.30", "currency": "EUR"}, "quantity": 2}],
        "schedule": {"pickup_time": "2030-12-01T12:00:00Z", "deadline": "2030-12-01T14:00:00Z"},
    }
).encode()
KILOGRAM: Final = 1.0
"""What an order weighs."""
CAPACITY: Final = 900.0
DRONE: Final = {
    "name": "Maia", "model": "Carrier", "capacity_kg": CAPACITY, "battery": 80, "position": PLACE["position"]
}  # fmt: skip
SOON_SECONDS: Final = 1.0
"""Within which a delivery is scheduled and notified."""
TRIES: Final = 10
"""Deliveries of which one has to be so quick: on a machine with much else to do, most may not be."""
SECONDS_EACH: Final = 0.5
"""How much longer it may take for each delivery that follows, on a machine with much else to do."""
MOST_A_SECOND: Final = 300
"""How many deliveries may be ordered while the broker is away, at most: each needs its place on a drone."""
MOST_LOST: Final = 0.001
TYPED: Final = {"Content_Type": "application/json"}
DELIVERIES: Final = "/api/v2/deliveries"


@dataclass
class Hive:
    """The reference ecosystem with its drone, and notification beside it: it comes last, and nobody was told of it."""

    project: Project
    notification: ServiceProcess
    database: str
    drones: list[str]
    broker: str
    password: str

    def order(self) -> str:
        """Order a delivery, and return its identity."""
        answer = self.project.call("POST", DELIVERIES, ORDER, **TYPED)
        assert answer.status == 201, answer
        return str(answer.json()["id"])

    def status(self, delivery: str) -> str:
        """Return how far a delivery has come."""
        return str(self.project.call("GET", f"{DELIVERIES}/{delivery}").json()["status"])

    def told(self, topic: str, deliveries: Collection[str]) -> Counter[str]:
        """Return how often something was told of each of these."""

        async def read() -> list[UUID]:
            connection = await asyncpg.connect(self.database)
            try:
                rows = await connection.fetch(
                    "SELECT aggregate_id FROM notifications WHERE topic = $1 AND aggregate_id = ANY($2)",
                    topic,
                    [UUID(delivery) for delivery in deliveries],
                )
                return [row["aggregate_id"] for row in rows]
            finally:
                await connection.close()

        return Counter(str(one) for one in asyncio.run(read()))

    def unsent(self, service: str) -> int:
        """Return how many events of a service the broker has not confirmed."""
        secrets = self.project.data / "secrets"
        url = (secrets / service / f"{service}_database_url").read_text()

        async def read() -> int:
            connection = await asyncpg.connect(url)
            try:
                return int(await connection.fetchval("SELECT count(*) FROM arnia_outbox WHERE sent_at IS NULL"))
            finally:
                await connection.close()

        return asyncio.run(read())

    def all_are_told(self, topic: str, deliveries: Collection[str]) -> bool:
        """Tell whether something was told of each of these; fail where it was told twice."""
        found = self.told(topic, deliveries)
        assert set(found.values()) <= {1}, "somebody was told twice"
        return found.keys() == set(deliveries)

    def has_followed(self, delivery: str) -> bool:
        """Tell whether a delivery is scheduled, and everybody was told of it and of its drone, once."""
        told = (self.all_are_told(topic, [delivery]) for topic in ("delivery.created", "assignment.reserved"))
        return self.status(delivery) == "scheduled" and all(told)

    def promised_kg(self) -> float:
        """Return what is taken off the drones' capacities."""
        shown = [self.project.call("GET", f"/api/v1/drones/{drone}").json() for drone in self.drones]
        return sum(float(one["capacity_kg"]) - float(one["free_kg"]) for one in shown)

    def make_room(self, deliveries: float) -> None:
        """Take as many drones into the fleet as carry so many deliveries more, whatever the others carry."""
        for _ in range(math.ceil(deliveries * KILOGRAM / CAPACITY)):
            made = self.project.call("POST", "/api/v1/drones", json.dumps(DRONE).encode(), **TYPED)
            assert made.status == 201, made
            self.drones.append(made.json()["id"])

    def follows(self, deliveries: Collection[str]) -> float:
        """Wait until everybody has heard of each of these, exactly once; return how many seconds that took."""
        begun, patience = time.monotonic(), PATIENCE + SECONDS_EACH * len(deliveries)
        for topic in ("delivery.created", "assignment.reserved"):
            eventually(partial(self.all_are_told, topic, deliveries), patience)
        return time.monotonic() - begun

    def tell_broker(self, which: signal.Signals) -> None:
        """Send the broker a signal: all of it, where it is a script that has started something."""
        server = psutil.Process(self.project.process(self.broker).pid)
        for process in (server, *server.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):  # some end with those before them
                process.send_signal(which)

    def pids(self) -> list[tuple[str, int | None, int]]:
        """Return which processes the producers are."""
        found = [self.project.process(name) for name in PRODUCERS]
        return [(one.name, one.pid, one.restarts) for one in found]


def _admit(project: Project, service: str, password: str) -> str:
    """Let the running NATS know a service that the page did not start; return where it is for that one.

    Whoever starts the broker writes down its users anew, so after a restart it has to be told again.
    """
    server, path = project.process("nats"), project.data / "nats" / "nats.conf"
    assert server.pid is not None
    configuration = json.loads(path.read_text())
    [declared] = [one for one in load(ROOT / "ecosystem.py").ecosystem.services if one.name == service]
    allowed = permissions(service, voices([declared])[service])
    user = {"user": service, "password": password, "permissions": allowed}
    configuration["authorization"]["users"].append(user)
    path.write_text(json.dumps(configuration))
    os.kill(server.pid, signal.SIGHUP)
    return f"nats://{service}:{password}@{server.url.rpartition('/')[2]}"


def _known(project: Project, service: str, password: str) -> str:
    """Return where a broker that learns of nobody while it runs is for a service that it knew from the start."""
    del password
    return (project.data / "secrets" / service / f"{service}_broker_url").read_text()


ADMIT: Final[Mapping[str, Callable[[Project, str, str], str]]] = {"nats": _admit, "rabbitmq": _known, "kafka": _known}
"""How each broker comes to know the service that comes last."""


@pytest.fixture(scope="module", params=BROKERS)
def hive(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    postgres_server: Postgres,
    issuer: TestIssuer,
) -> Iterator[Hive]:
    """Run the ecosystem without notification; then notification, as one that comes later."""
    broker, folder = request.param, tmp_path_factory.mktemp("events")
    project = Project(ROOT, folder / "data", prefix=(sys.executable,))
    project.environment["NOTIFICATION_ROLE"] = "api"  # where it has to be there, it hears nothing
    known = (*PRODUCERS, "notification") if ADMIT[broker] is _known else PRODUCERS
    only = [word for name in known for word in ("--only", name)]
    password = secrets.token_urlsafe(32)
    with ExitStack() as stack:
        stack.callback(project.remove)
        started = project.run("up", "--detach", "--port", "0", "--broker", broker, *only)
        assert started.returncode == 0, started.stderr
        project.headers["Authorization"] = f"Bearer {project.log_in('operator')}"
        database = stack.enter_context(fresh_database(postgres_server))
        settings = {
            "issuer": issuer.url,
            "database_url": database,
            "cursor_key": "a key that is only known here",
            "broker_url": ADMIT[broker](project, "notification", password),
        }
        log = folder / "notification.log"
        notification = ServiceProcess("notification", "notification.main", settings, log)
        stack.callback(notification.kill)
        hive = Hive(project, notification, database, [], broker, password)
        hive.make_room(CAPACITY)
        yield hive


def test_a_delivery_is_scheduled_and_a_late_subscriber_hears_of_it(hive: Hive) -> None:
    """Whoever comes third hears what is told from then on; no producer is touched, and a delivery finds its drone."""
    before = hive.order()
    eventually(lambda: hive.status(before) == "scheduled")
    producers = hive.pids()
    hive.notification.__enter__()
    delivery = hive.order()
    eventually(lambda: hive.status(delivery) == "scheduled")
    for topic in ("delivery.created", "assignment.reserved"):
        eventually(lambda topic=topic: hive.all_are_told(topic, [delivery]))  # type: ignore[misc]  # bound at once
    assert hive.pids() == producers


def test_a_delivery_is_scheduled_and_notified_within_a_second(hive: Hive) -> None:
    """From the order until it is scheduled, and everybody was told, the quickest of some takes a second at most."""
    took = list[float]()
    for _ in range(TRIES):
        begun = time.monotonic()
        delivery = hive.order()
        eventually(partial(hive.has_followed, delivery))
        took.append(time.monotonic() - begun)
        if took[-1] <= SOON_SECONDS:
            break
    assert min(took) <= SOON_SECONDS, took


def test_the_trace_of_an_order_leads_to_its_drone(hive: Hive) -> None:
    """The request that orders, and the drone service's answer to what the scheduler asks for it, are in one trace."""
    ordered = hive.project.call("POST", DELIVERIES, ORDER, **TYPED)
    eventually(lambda: hive.status(ordered.json()["id"]) == "scheduled")

    def served() -> list[tuple[str, str]]:
        shown = hive.project.run("trace", ordered.headers["x-request-id"], "--json")
        requests = json.loads(shown.stdout)["requests"] if shown.returncode == 0 else []
        return [(one["process"].partition("-")[0], one["request"].rpartition("/")[0]) for one in requests]

    eventually(lambda: ("drone", "PUT /api/v1/drone-reservations") in served())
    assert ("delivery", "POST /api/v2") in served()


def test_a_cancelled_delivery_gives_its_drone_back(hive: Hive) -> None:
    """Cancelled at once or once it is scheduled, a delivery keeps nothing of any drone."""
    promised = hive.promised_kg()
    orders = [hive.order() for _ in range(6)]
    eventually(lambda: hive.status(orders[0]) == "scheduled")
    for delivery in orders:
        path = f"{DELIVERIES}/{delivery}/cancellation"
        assert hive.project.call("PUT", path, b'{"reason": "no longer needed"}', **TYPED).status == 201
    eventually(lambda: hive.all_are_told("delivery.cancelled", orders))
    eventually(lambda: hive.promised_kg() == promised)
    assert {hive.status(delivery) for delivery in orders} == {"cancelled"}
    refused = hive.project.call("PUT", f"/api/v1/assignments/{orders[0]}", b'{"weight_kg": 1}', **TYPED)
    assert (refused.status, refused.json()["type"]) == (409, "/problems/scheduler-delivery-over")


def test_who_was_away_hears_everything_once(hive: Hive, record_property: Callable[[str, object], None]) -> None:
    """What happens while a consumer is not there it hears once it is started: as many notifications, none twice."""
    hive.make_room(MANY)
    hive.notification.terminate()
    assert hive.notification.wait() == 0
    try:
        deliveries = [hive.order() for _ in range(MANY)]
    finally:
        hive.notification.__enter__()
    record_property("seconds until all were notified", hive.follows(deliveries))
    assert hive.told("delivery.created", deliveries).total() == MANY


def test_a_scheduler_that_dies_before_the_answer_reserves_once(hive: Hive) -> None:
    """Killed while the drone service has its question, the next one asks the same: one reservation, and a drone."""
    promised = hive.promised_kg()
    drone, scheduler = hive.project.process("drone"), hive.project.process("scheduler")
    assert drone.pid is not None
    assert scheduler.pid is not None
    os.kill(drone.pid, signal.SIGSTOP)
    try:
        delivery = hive.order()
        path = f"/api/v1/assignments/{delivery}"
        eventually(lambda: hive.project.call("GET", path).status == 200)
        assert hive.project.call("GET", path).json()["status"] == "requested"
        time.sleep(0.5)  # it asks within the next tick of its loop, and whoever is asked cannot say so
        os.kill(scheduler.pid, signal.SIGKILL)
        eventually(lambda: hive.project.process("scheduler").restarts > scheduler.restarts)
    finally:
        os.kill(drone.pid, signal.SIGCONT)
    eventually(lambda: hive.status(delivery) == "scheduled")
    assert hive.promised_kg() == pytest.approx(promised + KILOGRAM)
    eventually(lambda: hive.all_are_told("assignment.reserved", [delivery]))


def test_what_was_told_needs_its_producer_no_more(hive: Hive) -> None:
    """Stopped once the broker has its event, the delivery service is missed by nobody: all that follows, follows."""
    delivering, scheduling = (hive.project.process(name).pid for name in ("delivery", "scheduler"))
    assert delivering is not None
    assert scheduling is not None
    os.kill(scheduling, signal.SIGSTOP)  # whoever hears of it is away too, until the producer is
    hive.notification.send(signal.SIGSTOP)
    try:
        delivery = hive.order()
        eventually(lambda: hive.unsent("delivery") == 0)
        os.kill(delivering, signal.SIGSTOP)
        assert hive.told("delivery.created", [delivery]).total() == 0
        os.kill(scheduling, signal.SIGCONT)
        hive.notification.send(signal.SIGCONT)
        hive.follows([delivery])
        assert psutil.Process(delivering).status() == psutil.STATUS_STOPPED
    finally:
        for pid in (scheduling, delivering):
            os.kill(pid, signal.SIGCONT)
        hive.notification.send(signal.SIGCONT)
    eventually(lambda: hive.status(delivery) == "scheduled")


def test_a_broker_that_dies_stops_no_write(hive: Hive) -> None:
    """While the broker is killed and comes back each write is acknowledged, and afterwards everything has followed."""
    name = hive.broker
    broker = hive.project.process(name)
    with hive.project.writing(DELIVERIES, lanes=2, body=ORDER) as writer:
        eventually(lambda: len(writer.acknowledged) > 10)
        hive.tell_broker(signal.SIGKILL)
        eventually(lambda: hive.project.process(name).restarts > broker.restarts)
        eventually(lambda: hive.project.process(name).condition == "ready")
        ADMIT[name](hive.project, "notification", hive.password)
        reached = len(writer.acknowledged)
        eventually(lambda: len(writer.acknowledged) > reached + 10)
    assert (writer.refused, writer.broken) == ([], [])
    hive.follows(writer.acknowledged)
    assert hive.told("delivery.created", writer.acknowledged).total() == len(writer.acknowledged)


def test_a_broker_that_is_away_stops_no_write(hive: Hive, record_property: Callable[[str, object], None]) -> None:
    """While the broker does nothing, 999 of 1000 writes and more are acknowledged, and all of them have followed."""
    hive.make_room(MOST_A_SECOND * AWAY_SECONDS)
    hive.tell_broker(signal.SIGSTOP)
    try:
        with hive.project.writing(DELIVERIES, lanes=2, body=ORDER) as writer:
            time.sleep(AWAY_SECONDS)
            eventually(lambda: len(writer.acknowledged) > 10)
        assert hive.told("delivery.created", writer.acknowledged).total() == 0
    finally:
        hive.tell_broker(signal.SIGCONT)
    lost = len(writer.refused) + len(writer.broken)
    took = hive.follows(writer.acknowledged)
    figures = f"{len(writer.acknowledged)} acknowledged, {lost} not; all had followed {took:.1f} s after"
    record_property("while the broker was away", figures)
    sys.stderr.write(f"{hive.broker} away for {AWAY_SECONDS:g} s: {figures}\n")
    assert lost <= MOST_LOST * len(writer.acknowledged)
