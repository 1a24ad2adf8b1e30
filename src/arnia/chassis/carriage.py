"""What carries events in a process: a relay for what it emits, a consumer for what it hears, as its role says."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from arnia.chassis.brokers.broker import Broker, Subscription
from arnia.chassis.brokers.opening import open_broker
from arnia.chassis.consumers import Consumer
from arnia.chassis.context import Runtime
from arnia.chassis.crash_points import read_crash_point
from arnia.chassis.database import Database
from arnia.chassis.event_settings import EventSettings
from arnia.chassis.events import Event
from arnia.chassis.hearers import Handler, Hearer
from arnia.chassis.inbox import Inbox, Patience
from arnia.chassis.inbox_store import SqlInbox
from arnia.chassis.outbox_store import SqlOutbox
from arnia.chassis.outlet import Outlet
from arnia.chassis.receptions import EventReception
from arnia.chassis.relay import Relay
from arnia.conventions import variable
from arnia.errors import ServiceError, SettingsError

__all__ = ["carry"]

MEASURE_SECONDS: Final = 2.0
SENDING: Final = frozenset({"all", "relay"})
HEARING: Final = frozenset({"all", "consumer"})

log: Final = logging.getLogger("arnia.events")


@asynccontextmanager
async def carry(runtime: Runtime, events: Sequence[type[Event]], hearers: Sequence[Hearer]) -> AsyncIterator[None]:
    """Send what is emitted and hear what comes, for as long as the block lasts.

    Raises:
        SettingsError: The service hears events and is told of no broker, or its settings are no `EventSettings`.
        OutsideError: The broker refuses the service, or is not there for long enough.
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
        if hearers:
            missing = variable(service, "broker_url")
            raise SettingsError([f"{missing} is missing: {service} hears events, so name their broker"])
        log.warning("no broker is named: events stay in the outbox")
        yield
        return
    handlers = _handlers(hearers)
    emits = sorted({event.aggregate_type for event in events})
    broker = await open_broker(settings.broker_url.get_secret_value(), service, emits)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(broker.close)
        runtime.outlet = Outlet(broker)
        runtime.metrics.others.append(runtime.outlet.collect)
        measures = _Measures(runtime.database, service, settings)
        if events and settings.role in SENDING:
            relay = await stack.enter_async_context(_sending(runtime.database, broker, settings, service))
            measures.relay = relay
        if handlers and settings.role in HEARING:
            consumer = await stack.enter_async_context(_hearing(runtime, broker, settings, handlers, measures))
            measures.consumer = consumer
        runtime.metrics.others.append(measures.collect)
        stack.push_async_callback(_end, asyncio.create_task(measures.keep()))
        yield


@asynccontextmanager
async def _sending(database: Database, broker: Broker, settings: EventSettings, service: str) -> AsyncIterator[Relay]:
    reach = read_crash_point(settings.environment)
    relay = Relay(SqlOutbox(database, service), broker, batch=settings.event_batch, reach=reach)
    task = asyncio.create_task(relay.run(database.hint))
    task.add_done_callback(_complain)
    try:
        yield relay
    finally:
        await _end(task)


@asynccontextmanager
async def _hearing(
    runtime: Runtime,
    broker: Broker,
    settings: EventSettings,
    handlers: Mapping[tuple[str, int], Handler],
    measures: "_Measures",
) -> AsyncIterator[Consumer]:
    if runtime.database is None:
        message = "a consumer needs a database"
        raise TypeError(message)
    reach = read_crash_point(settings.environment)
    store = SqlInbox(runtime.database, runtime.service)
    patience = Patience(
        attempts=settings.event_attempts, first=settings.event_retry_seconds, baseline=settings.event_late_seconds
    )
    inbox = Inbox(store, handlers, partial(EventReception, runtime), patience=patience, reach=reach)
    measures.inbox = inbox
    channels = tuple(sorted({handler.view.aggregate_type for handler in handlers.values()}))
    subscription = Subscription(consumer=runtime.service, channels=channels, in_flight=2 * settings.event_batch)
    consumer = Consumer(broker, subscription, inbox, store, batch=settings.event_batch, reach=reach)
    tasks = [asyncio.create_task(consumer.hear()), asyncio.create_task(consumer.go_on())]
    for task in tasks:
        task.add_done_callback(_complain)
    try:
        yield consumer
    finally:
        consumer.stop()
        await asyncio.wait(tasks, timeout=settings.stop_seconds)
        for task in tasks:
            await _end(task)


def _handlers(hearers: Iterable[Hearer]) -> dict[tuple[str, int], Handler]:
    found: dict[tuple[str, int], Handler] = {}
    for hearer in hearers:
        for key, handler in hearer.handlers.items():
            if key in found:
                message = f"{key[0]} version {key[1]} is heard twice: one function hears it"
                raise TypeError(message)
            found[key] = handler
    return found


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _complain(task: asyncio.Task[None]) -> None:
    """Say that something ended that should go on for ever: a fault of the chassis."""
    if not task.cancelled() and task.exception() is not None:
        log.critical("events are not carried any more", exc_info=task.exception())


class _Measures:
    """What is told about the events of a process."""

    def __init__(self, database: Database, service: str, settings: EventSettings) -> None:
        self._outbox = SqlOutbox(database, service)
        self._store = SqlInbox(database, service)
        self._settings = settings
        self.relay: Relay | None = None
        self.inbox: Inbox | None = None
        self.consumer: Consumer | None = None
        self._gauges: dict[str, float] = {}

    async def keep(self) -> None:
        """Look now and then at what can only be counted where it is."""
        while True:
            with suppress(ServiceError):
                if self.relay is not None and (row := await self._outbox.state()) is not None:
                    self._gauges["arnia_outbox_unsent"] = row["unsent"]
                    self._gauges["arnia_outbox_refused"] = row["refused"]
                    self._gauges["arnia_outbox_oldest_unsent_seconds"] = row["oldest"]
                if self.consumer is not None and (row := await self._store.state()) is not None:
                    self._gauges["arnia_inbox_waiting"] = row["waiting"]
                    self._gauges["arnia_inbox_parked_aggregates"] = row["parked"]
                    self._gauges["arnia_inbox_undecodable"] = row["undecodable"]
                    self._gauges["arnia_consumer_lag"] = await self.consumer.lag()
            await asyncio.sleep(MEASURE_SECONDS)

    def collect(self) -> Iterable[Metric]:
        """Return everything, in prometheus-client's terms."""
        for name, value in sorted(self._gauges.items()):
            yield GaugeMetricFamily(name, _MEANINGS[name], value=value)
        if self.relay is not None:
            yield CounterMetricFamily("arnia_events_sent", "Events that the broker confirmed.", value=self.relay.sent)
        if self.inbox is not None:
            outcomes = CounterMetricFamily("arnia_events_heard", "Events taken over.", labels=("outcome",))
            for outcome in ("handled", "duplicates", "dropped", "early", "late", "failed", "parked"):
                outcomes.add_metric((outcome,), getattr(self.inbox.counts, outcome))
            yield outcomes
        if self.consumer is not None:
            again = self.consumer.redelivered
            yield CounterMetricFamily("arnia_events_redelivered", "Events handed over again.", value=again)


_MEANINGS: Final = {
    "arnia_outbox_unsent": "Events that are not sent yet.",
    "arnia_outbox_refused": "Events that no broker takes.",
    "arnia_outbox_oldest_unsent_seconds": "Age of the oldest event that is not sent.",
    "arnia_inbox_waiting": "Events that wait for an earlier one, or for another try.",
    "arnia_inbox_parked_aggregates": "Aggregates whose events wait for somebody to redrive them.",
    "arnia_inbox_undecodable": "Messages that are no events.",
    "arnia_consumer_lag": "Events that wait at the broker.",
}
