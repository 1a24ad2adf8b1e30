"""What carries events in a process: a relay for what it emits, a consumer for what it hears, as its role says.

The broker is looked for in the background, for as long as it takes: a service answers requests while there is none,
what it emits waits in its outbox, and what it would hear waits at the broker.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Final

from arnia.chassis.brokers.broker import Broker, Subscription
from arnia.chassis.brokers.opening import broker_system, open_broker
from arnia.chassis.consumers import Consumer
from arnia.chassis.context import Runtime
from arnia.chassis.crash_points import Reach, read_crash_point
from arnia.chassis.database import Database
from arnia.chassis.event_measures import EventMeasures
from arnia.chassis.event_settings import EventSettings
from arnia.chassis.events import Event
from arnia.chassis.hearers import Handler, Hearer
from arnia.chassis.inbox import Inbox, Patience
from arnia.chassis.inbox_store import SqlInbox
from arnia.chassis.outbox_store import SqlOutbox
from arnia.chassis.outlet import Outlet
from arnia.chassis.receptions import EventReception
from arnia.chassis.relay import Relay
from arnia.chassis.spans import HeardSpans
from arnia.conventions import variable
from arnia.errors import SettingsError

__all__ = ["carry"]

SENDING: Final = frozenset({"all", "relay"})
HEARING: Final = frozenset({"all", "consumer"})
FIRST_LOOK: Final = 3.0
"""Seconds that a start waits for the broker; then it goes on without."""
LOOK_AGAIN: Final = 2.0

log: Final = logging.getLogger("arnia.events")


@asynccontextmanager
async def carry(runtime: Runtime, events: Sequence[type[Event]], hearers: Sequence[Hearer]) -> AsyncIterator[None]:
    """Send what is emitted and hear what comes, for as long as the block lasts.

    Raises:
        SettingsError: The service hears events and is told of no broker, or its settings are no `EventSettings`.
    """
    settings, service = runtime.settings, runtime.service
    if isinstance(settings, EventSettings) and settings.role not in HEARING:
        hearers = ()
    if not isinstance(settings, EventSettings) or runtime.database is None:
        if hearers:
            raise SettingsError([f"{service} hears events: let its settings be EventSettings, with a database"])
        yield
        return
    if settings.broker_url is None:
        if hearers or settings.role == "relay":
            missing, does = variable(service, "broker_url"), "hears" if hearers else "sends"
            raise SettingsError([f"{missing} is missing: {service} {does} events, so name their broker"])
        log.warning("no broker is named: events stay in the outbox")
        runtime.describe_events = partial(dict, {"broker": "none is named: events stay in the outbox"})
        yield
        return
    carriage = Carriage(runtime, runtime.database, settings, events, _handlers(hearers))
    runtime.describe_events = carriage.describe
    measuring = asyncio.create_task(carriage.measures.keep())
    carrying = asyncio.create_task(carriage.go())
    carrying.add_done_callback(_complain)
    await carriage.wait(FIRST_LOOK)
    if carrying.done():
        carrying.result()  # what speaks to such a broker is not installed
    try:
        yield
    finally:
        carriage.stopping.set()
        await asyncio.wait([carrying], timeout=settings.stop_seconds)
        await _end(carrying)
        await _end(measuring)


class Carriage:
    """What one process does with events.

    Attributes:
        measures: What is told about it.
        stopping: Set when it is to end: the batch in hand is finished, and no other taken.
    """

    def __init__(
        self,
        runtime: Runtime,
        database: Database,
        settings: EventSettings,
        events: Sequence[type[Event]],
        handlers: Mapping[tuple[str, int], Handler],
    ) -> None:
        """Describe it; nothing begins before `go`.

        Raises:
            SettingsError: The variable of crash points asks for something that is none.
        """
        self._runtime = runtime
        self._database = database
        self._settings = settings
        self._emits = sorted({event.aggregate_type for event in events})
        self._handlers = handlers
        self._reach: Reach = read_crash_point(settings.environment)
        self._connected = asyncio.Event()
        sends, hears = settings.role in SENDING, bool(handlers)
        self.measures = EventMeasures(database, runtime.service, sends=bool(events) and sends, hears=hears)
        self.stopping = asyncio.Event()
        runtime.metrics.others.append(self.measures.collect)

    def describe(self) -> dict[str, str]:
        """Return how the broker is, for operators: who is ready needs none."""
        relay, consumer = self.measures.relay, self.measures.consumer
        away = not self._connected.is_set() or (relay is not None and relay.stuck)
        away = away or (consumer is not None and not consumer.hearing)
        return {"broker": "does not answer: events wait" if away else "answers"}

    async def wait(self, seconds: float) -> None:
        """Wait for the broker for some seconds."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._connected.wait(), seconds)

    async def go(self) -> None:
        """Find the broker, send and hear until it is to end, and part from the broker."""
        connecting = asyncio.create_task(self._connect())
        ending = asyncio.create_task(self.stopping.wait())
        try:
            await asyncio.wait([connecting, ending], return_when=asyncio.FIRST_COMPLETED)
            if connecting.done():
                await self._carry(connecting.result())
        finally:
            await _end(connecting)
            await _end(ending)

    async def _connect(self) -> Broker:
        url, said = self._settings.broker_url, False
        while True:
            try:
                return await open_broker(url.get_secret_value() if url else "", self._runtime.service, self._emits)
            except ImportError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever an adapter raises: the broker may come yet
                log.log(logging.INFO if said else logging.ERROR, "no broker yet, events wait: %s", error)
                said = True
                await asyncio.sleep(LOOK_AGAIN)

    async def _carry(self, broker: Broker) -> None:
        runtime, role = self._runtime, self._settings.role
        sending: asyncio.Task[None] | None = None
        hearing: list[asyncio.Task[None]] = []
        runtime.outlet = Outlet(broker)
        runtime.metrics.others.append(runtime.outlet.collect)
        if self._emits and role in SENDING:
            sending = self._begin_sending(broker)
        if self._handlers and role in HEARING:
            hearing = self._begin_hearing(broker)
        self._connected.set()
        try:
            await self.stopping.wait()
        finally:
            if sending is not None:
                await _end(sending)
            if self.measures.consumer is not None:
                self.measures.consumer.stop()
                await asyncio.wait(hearing, timeout=self._settings.stop_seconds)
            for task in hearing:
                await _end(task)
            await broker.close()

    def _begin_sending(self, broker: Broker) -> asyncio.Task[None]:
        store = SqlOutbox(self._database, self._runtime.service)
        relay = Relay(store, broker, batch=self._settings.event_batch, reach=self._reach)
        self.measures.relay = relay
        return asyncio.create_task(relay.run(self._database.hint))

    def _begin_hearing(self, broker: Broker) -> list[asyncio.Task[None]]:
        settings, service = self._settings, self._runtime.service
        store = SqlInbox(self._database, service)
        patience = Patience(
            attempts=settings.event_attempts, first=settings.event_retry_seconds, baseline=settings.event_late_seconds
        )
        receive = partial(EventReception, self._runtime)
        recorder, url = self._runtime.spans, settings.broker_url
        spans = None
        if recorder is not None and url is not None:
            spans = HeardSpans(recorder, broker_system(url.get_secret_value()), service)
        inbox = Inbox(store, self._handlers, receive, patience=patience, reach=self._reach, spans=spans)
        channels = tuple(sorted({handler.view.aggregate_type for handler in self._handlers.values()}))
        subscription = Subscription(consumer=service, channels=channels, in_flight=2 * settings.event_batch)
        consumer = Consumer(broker, subscription, inbox, store, batch=settings.event_batch, reach=self._reach)
        self.measures.inbox, self.measures.consumer = inbox, consumer
        return [asyncio.create_task(consumer.hear()), asyncio.create_task(consumer.go_on())]


def _handlers(hearers: Iterable[Hearer]) -> dict[tuple[str, int], Handler]:
    found: dict[tuple[str, int], Handler] = {}
    for hearer in hearers:
        for key, handler in hearer.handlers.items():
            if key in found:
                message = f"{key[0]} version {key[1]} is heard twice: one function hears it"
                raise TypeError(message)
            found[key] = handler
    return found


async def _end(task: "asyncio.Task[object]") -> None:
    task.cancel()
    await asyncio.wait([task])


def _complain(task: "asyncio.Task[None]") -> None:
    """Say that something ended that should go on for ever: a fault of the chassis."""
    if not task.cancelled() and task.exception() is not None:
        log.critical("events are not carried any more", exc_info=task.exception())
