"""A service that emits and hears, as processes on real servers: nothing lost, doubled, out of order or stuck."""

import asyncio
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.events.scales import EMPTY, Scales
from tests.events.scales_service import DEADLY, POISON, SLOW

from arnia.chassis.crash_points import POINTS
from arnia.chassis.database import Database
from arnia.chassis.uuids import uuid7
from arnia.local.servers.nats import Nats
from arnia.testing.processes import ServiceProcess
from arnia.testing.proxy import Fault, Proxy

pytestmark = pytest.mark.anyio


@pytest.fixture
async def scales(database: Database, database_url: str, nats: Nats, tmp_path: Path) -> Scales:
    """Give the service with nothing in its tables."""
    async with database.session(read_only=False) as session:
        await session.execute(EMPTY)
    return Scales(database, database_url, nats, tmp_path)


@pytest.mark.parametrize("point", [point for point in POINTS if not point.startswith("redrive.")])
async def test_a_crash_at_any_point_is_mended_by_the_next_start(scales: Scales, point: str) -> None:
    """Killed at each durable step, first and a second time, the service has each effect once, in order."""
    sound, poisoned = [uuid7() for _ in range(4)], [uuid7() for _ in range(2)]
    await scales.emit(sound, [1, 2, 3])
    await scales.emit(poisoned, [1, POISON, 3])
    for crash_at in (point, f"{point}:2" if point != "inbox.parked" else point):
        await asyncio.to_thread(_crash, scales, crash_at)
        said = scales.emitted[sound[0]]
        await scales.emit(sound, [said + 1, said + 2])
    with scales.process():
        left = await scales.settle()
    effects = await scales.effects()
    assert [effects[parcel] for parcel in sound] == [[1, 2, 3, 4, 5, 6, 7]] * len(sound)
    assert [effects[parcel] for parcel in poisoned] == [[1], [1]]
    assert left["parked"] == len(poisoned)


def _crash(scales: Scales, crash_at: str) -> None:
    assert scales.process(crash_at=crash_at).run() == -signal.SIGKILL


async def test_a_deadly_event_parks_its_aggregate(scales: Scales) -> None:
    """An event that kills every process that hears it is parked in the end, and others are heard."""
    deadly, sound = uuid7(), uuid7()
    await scales.emit([deadly], [1, DEADLY, 3])
    await scales.emit([sound], [1, 2, 3])
    killed = 0
    while killed < 10 and not (await scales.left())["parked"]:
        service = scales.process(event_attempts=2)
        service.begin()
        while service.alive and not (await scales.left())["parked"]:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.05)
        killed += not service.alive
        service.kill()
    with scales.process(event_attempts=2):
        await scales.settle()
    assert await scales.effects() == {deadly: [1], sound: [1, 2, 3]}
    assert killed


async def test_sigterm_finishes_the_batch_in_hand(scales: Scales) -> None:
    """Told to stop in the middle of a batch, the process commits and acknowledges it: nothing comes again."""
    parcel = uuid7()
    await scales.emit([uuid7(), uuid7()], [1, 2])
    with scales.process() as service:
        await scales.settle()
        await scales.emit([parcel], [SLOW])
        while (await scales.left())["unsent"]:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.3)
        assert parcel not in await scales.effects()
        service.terminate()
        assert await asyncio.to_thread(service.wait) == 0
    assert (await scales.effects())[parcel] == [SLOW]
    with scales.process() as service:
        await asyncio.sleep(1.5)
        assert metric(service.read("/metrics"), "arnia_events_redelivered_total") == 0
    assert (await scales.effects())[parcel] == [SLOW]


async def test_a_broker_that_is_away_holds_nobody_up(scales: Scales) -> None:
    """Without a broker the service starts, is ready and says so; what it emits arrives when the broker does."""
    parcel = uuid7()
    scales.nats.stop()
    with scales.process() as service:
        await scales.emit([parcel], [1, 2])
        assert "does not answer" in service.read("/readyz")
        scales.nats.spawn()
        await scales.settle()
        assert service.read("/readyz").count("answers") == 2
        scales.nats.stop()
        await scales.emit([parcel], [3, 4])
        while "does not answer" not in await asyncio.to_thread(service.read, "/readyz"):  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.1)
        assert service.status("/readyz") == 200
        scales.nats.spawn()
        await scales.settle()
    assert await scales.effects() == {parcel: [1, 2, 3, 4]}


async def test_a_database_that_comes_and_goes_loses_nothing(scales: Scales) -> None:
    """While its connections break, in the middle of answers too, a service keeps its batch, and goes on in order."""
    parcels = [uuid7() for _ in range(3)]
    parts = urlsplit(scales.database_url)
    async with Proxy(parts.port or 0) as proxy:
        place = f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{proxy.port}"
        service = scales.process(database_url=parts._replace(netloc=place).geturl())
        await asyncio.to_thread(service.__enter__)
        try:
            for fault in (Fault.RESET, Fault.TRUNCATE, Fault.REFUSE):
                said = scales.emitted[parcels[0]]
                await scales.emit(parcels, [said + 1, said + 2])
                proxy.fault = fault
                await scales.emit(parcels, [said + 3])
                await asyncio.sleep(1)
                proxy.heal()
            left = await scales.settle()
            assert service.alive
        finally:
            service.kill()
    assert left["parked"] == 0
    assert await scales.effects() == {parcel: list(range(1, 10)) for parcel in parcels}


async def test_roles_apart_do_what_one_does(scales: Scales) -> None:
    """A process that answers, one that relays and one that consumes do together what one does with all roles."""
    parcel = uuid7()
    with scales.process(role="api") as api:
        await scales.emit([parcel], [1, 2])
        await asyncio.sleep(0.5)
        assert (await scales.left())["unsent"] == 2
        with scales.process(role="relay") as relay:
            while (await scales.left())["unsent"]:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.05)
            assert (await scales.left())["heard"] == 0
            with scales.process(role="consumer") as consumer:
                await scales.settle()
                names = [service.read("/metrics") for service in (api, relay, consumer)]
    assert ["arnia_events_sent" in text for text in names] == [False, True, False]
    assert ["arnia_events_heard" in text for text in names] == [False, False, True]
    assert await scales.effects() == {parcel: [1, 2]}


async def test_who_hears_needs_a_broker(scales: Scales) -> None:
    """A service that hears, or a relay, ends with 2 and names the variable when no broker is told."""
    for role in ("all", "relay", "consumer"):
        service = scales.process(role=role, broker_url=None)
        assert await asyncio.to_thread(service.run) == 2
        assert "SCALES_BROKER_URL is missing" in service.log.read_text()


@pytest.mark.parametrize("point", [point for point in POINTS if point.startswith("redrive.")])
async def test_an_interrupted_redrive_goes_on(scales: Scales, point: str) -> None:
    """Killed in the middle, a redrive has redriven some or none; the same again does the others, each event once."""
    poisoned = [uuid7() for _ in range(3)]
    await scales.emit(poisoned, [1, POISON, 3])
    with scales.process():
        await scales.settle()
    asked: dict[str, object] = {"action": "redrive", "every": True, "reason": "mended", "by": "maia", "skip": False}
    code, _ = await asyncio.to_thread(partial(scales.ask, asked, crash_at=f"{point}:2"))
    assert code == -signal.SIGKILL
    assert (await scales.left())["parked"] == (2 if point == "redrive.before" else 1)
    code, done = await asyncio.to_thread(scales.ask, asked)
    assert (code, len(done)) == (0, 2 if point == "redrive.before" else 1)
    with scales.process():
        assert (await scales.settle())["parked"] == 3
    for parcel in poisoned:
        given_up = {"action": "redrive", "aggregate": parcel, "reason": "hopeless", "skip": True}
        assert (await asyncio.to_thread(scales.ask, given_up))[0] == 0
    with scales.process():
        assert (await scales.settle())["parked"] == 0
    assert await scales.effects() == {parcel: [1, 3] for parcel in poisoned}


async def test_figures_move(scales: Scales) -> None:
    """What waits, how long, where, what is parked and what came again: each has a figure, which moves."""
    late, poisoned = uuid7(), uuid7()
    scales.nats.stop()
    with scales.process(event_batch=500, role="all") as service:
        await scales.emit([poisoned], [1, POISON, 3])
        await _until(service, "arnia_outbox_unsent", lambda figure: figure == 3)
        await _until(service, "arnia_outbox_oldest_unsent_seconds", lambda figure: figure > 1)
        scales.nats.spawn()
        await scales.settle()
        await _until(service, "arnia_outbox_unsent", lambda figure: figure == 0)
        await _until(service, "arnia_outbox_oldest_unsent_seconds", lambda figure: figure == 0)
        await _until(service, "arnia_inbox_parked_aggregates", lambda figure: figure == 1)
        await _until(service, "arnia_events_sent_total", lambda figure: figure == 3)
        await scales.emit([late], [1, 2])
        await scales.settle()
        await scales.tear(late)
        await scales.emit([late], [3])
        await _until(service, "arnia_inbox_waiting", lambda figure: figure == 1)
        await _until(service, "arnia_consumer_lag", lambda figure: figure == 0)
    with scales.process(role="all", event_batch=1) as service:
        async with scales.closed():
            await scales.emit([uuid7()], [1, 2, 3, 4, 5])
            await scales.stall()
            await _until(service, "arnia_consumer_lag", lambda figure: figure == 5)
            service.kill()
    with scales.process(role="consumer") as service:
        await _until(service, "arnia_consumer_lag", lambda figure: figure == 0)
        await _until(service, "arnia_events_redelivered_total", lambda figure: figure > 0)


async def _until(service: ServiceProcess, name: str, right: Callable[[float], bool]) -> None:
    async with asyncio.timeout(60):
        while not right(metric(await asyncio.to_thread(service.read, "/metrics"), name)):  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.1)


def metric(text: str, name: str) -> float:
    """Return a figure."""
    return sum(
        float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith((f"{name} ", f"{name}{{"))
    )
