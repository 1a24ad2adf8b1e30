"""What is told about the events of a process: what waits where, and what happened."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from arnia.chassis.consumers import Consumer
from arnia.chassis.database import Database
from arnia.chassis.inbox import Inbox
from arnia.chassis.inbox_store import SqlInbox
from arnia.chassis.outbox_store import SqlOutbox
from arnia.chassis.relay import Relay
from arnia.errors import ArniaError

__all__ = ["EventMeasures"]

MEASURE_SECONDS: Final = 2.0
MEANINGS: Final = {
    "arnia_outbox_unsent": "Events that are not sent yet.",
    "arnia_outbox_refused": "Events that no broker takes.",
    "arnia_outbox_oldest_unsent_seconds": "Age of the oldest event that is not sent.",
    "arnia_inbox_waiting": "Events that wait for an earlier one, or for another try.",
    "arnia_inbox_parked_aggregates": "Aggregates whose events wait for somebody to redrive them.",
    "arnia_inbox_undecodable": "Messages that are no events.",
    "arnia_consumer_lag": "Events that wait at the broker.",
}


class EventMeasures:
    """What is told about the events of a process."""

    def __init__(self, database: Database, service: str, *, sends: bool, hears: bool) -> None:
        """Measure what `service` keeps in its `database`: of what this process sends, and of what it hears."""
        self._sends = sends
        self._hears = hears
        self._outbox = SqlOutbox(database, service)
        self._store = SqlInbox(database, service)
        self.relay: Relay | None = None
        self.inbox: Inbox | None = None
        self.consumer: Consumer | None = None
        self._gauges: dict[str, float] = {}

    async def keep(self) -> None:
        """Look now and then at what can only be counted where it is."""
        while True:
            with suppress(ArniaError):
                if self._sends and (row := await self._outbox.state()) is not None:
                    self._gauges["arnia_outbox_unsent"] = row["unsent"]
                    self._gauges["arnia_outbox_refused"] = row["refused"]
                    self._gauges["arnia_outbox_oldest_unsent_seconds"] = row["oldest"]
                if self._hears and (row := await self._store.state()) is not None:
                    self._gauges["arnia_inbox_waiting"] = row["waiting"]
                    self._gauges["arnia_inbox_parked_aggregates"] = row["parked"]
                    self._gauges["arnia_inbox_undecodable"] = row["undecodable"]
                if self.consumer is not None:
                    self._gauges["arnia_consumer_lag"] = await self.consumer.lag()
            await asyncio.sleep(MEASURE_SECONDS)

    def collect(self) -> Iterable[Metric]:
        """Return everything, in prometheus-client's terms."""
        for name, value in sorted(self._gauges.items()):
            yield GaugeMetricFamily(name, MEANINGS[name], value=value)
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
