"""What one member of a Kafka group reads, and how far its partitions are done.

A group remembers one offset for each partition: everything before it is done. So a message that is acknowledged before
an earlier one of its partition is remembered here until that one is acknowledged too, and is handed over again when
this process ends in between. Each commit waits for the answer. A partition that is taken away takes its receipts with
it: acknowledging one of them does nothing, because whoever has the partition now is given its message again.

The client may be used by one thread at a time; a thread of its own runs all calls, and no call waits for long.
"""

import asyncio
import heapq
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Final, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as KafkaMessage

from arnia.chassis.brokers.broker import Received, Subscription, Undeliverable
from arnia.chassis.brokers.kafka_client import FORBIDDEN, REQUEST_SECONDS, KafkaClient, away, fault_of
from arnia.chassis.brokers.kafka_lag import KafkaLag
from arnia.chassis.brokers.kafka_thread import KafkaThread
from arnia.chassis.messages import Message, Undecodable, read
from arnia.errors import Unavailable

__all__ = ["CONTENT_TYPE", "PREFIX", "KafkaIntake"]

PREFIX: Final = "ce_"
CONTENT_TYPE: Final = "content-type"
HEARTBEATS: Final = 6
"""How many of them fit into what a member may be silent."""
COMMIT_SECONDS: Final = 60.0
"""How long a commit is tried again while Kafka is there. The server looks at what a connection asks in turn, and a
commit behind the request to join again is not answered before every other member has seen to its own partitions."""
SLICE_SECONDS: Final = 0.1
"""The longest wait of one call: a fetch that waits holds up an acknowledgement that much."""
LOOK_SECONDS: Final = 1.0
MOST_KILOBYTES: Final = 16_384
PASSING: Final = frozenset(
    {
        KafkaError.REBALANCE_IN_PROGRESS,
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.NOT_COORDINATOR,
    }
)
"""What a rebalance or a start of the server answers to a commit: the next poll tells what became of the partitions."""
UNANSWERED: Final = frozenset(
    {"COORDINATOR_NOT_AVAILABLE", "REQUEST_TIMED_OUT", "_TIMED_OUT", "_TIMED_OUT_QUEUE", "_TRANSPORT", "_WAIT_COORD"}
)
"""What the client says of a commit that it does not repeat by itself; nobody knows what became of it."""

log: Final = logging.getLogger("arnia.broker")

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class _Share:
    """A partition for as long as this member has it.

    Attributes:
        place: Its topic and its number.
        open: What was handed over and is not committed, by offset and in order, and whether it is acknowledged.
        after: The offset after the last one that was handed over.
        waiting: How many of those are not acknowledged.
        paused: Whether nothing is read of it now; at first too, because a pause outlives the loss of a partition.
    """

    place: tuple[str, int]
    open: dict[int, bool] = field(default_factory=dict)
    after: int = 0
    waiting: int = 0
    paused: bool = True

    @property
    def done(self) -> int:
        """The offset before which everything is acknowledged."""
        return next((offset for offset, acknowledged in self.open.items() if not acknowledged), self.after)

    def partition(self, offset: int = -1001) -> TopicPartition:
        """Return it in the client's words."""
        return TopicPartition(*self.place, offset)

    def close(self, offset: int) -> None:
        """Forget what is before `offset`, which is committed."""
        for each in [each for each in self.open if each < offset]:
            del self.open[each]


class KafkaIntake:
    """A member of a group, and what it was handed."""

    def __init__(self, client: KafkaClient, subscription: Subscription, *, silence: float) -> None:
        """Describe a member of the group that loses its partitions after `silence` seconds."""
        self._client = client
        self._silence = silence
        self._subscription = subscription
        self._thread = KafkaThread("kafka-intake")
        self._consumer: Consumer | None = None
        self._lag = KafkaLag(client, subscription.consumer)
        self._shares: dict[tuple[str, int], _Share] = {}
        self._partitions: list[tuple[str, int]] = []
        self._ready: deque[Received] = deque()
        self._returned: list[tuple[float, int, Received]] = []
        self._turn = count()
        self._fault: KafkaError | None = None
        self._abandoned: asyncio.Future[KafkaError | None] | None = None
        self._seen = time.monotonic()

    async def begin(self) -> None:
        """Join the group.

        Raises:
            Unavailable: Kafka is not there, or there is no such topic.
            Undeliverable: This service may not read there.
        """
        await self._run(self._join)

    async def end(self) -> None:
        """Leave the group, or go on leaving while the process lives; what is not acknowledged is handed to the next."""
        for left in (await asyncio.wait((self._run(self._leave),), timeout=REQUEST_SECONDS))[0]:
            left.result()
        await self._lag.end()
        self._thread.end()

    async def fetch(self, most: int, wait: float) -> Sequence[Received]:
        """Return what is there, or comes within `wait` seconds.

        Raises:
            Unavailable: Kafka was not there at the end of that time.
            Undeliverable: This service may not read there, or no more.
        """
        until = time.monotonic() + wait
        while True:
            if found := self._taken(most):
                self._seen = time.monotonic()
                return found
            left = until - time.monotonic()
            if not await self._free(left):
                raise away()
            if left <= 0:
                await self._look_for(wait)
                return ()
            await self._run(partial(self._poll, most, min(left, SLICE_SECONDS)))
            self._raise_fault()

    async def acknowledge(self, received: Sequence[Received]) -> None:
        """Never hand these over again, once everything before them in their partitions is acknowledged too.

        Those whose partition this member has lost come again; no error says so while Kafka is there, because whoever
        would begin anew for that takes partitions from others, who then would do the same.

        Raises:
            Unavailable: Kafka is not there.
        """
        if not await self._free(0.0):
            self._return(received, 0.0)
            raise away()
        marked = await self._run(partial(self._mark, received))
        shares = list(dict.fromkeys(_receipt(each)[0] for each in marked))
        until = time.monotonic() + COMMIT_SECONDS
        while (fault := await self._committed(shares, marked)) is not None:
            if time.monotonic() > until or not (fault.code() in PASSING or await self._lives_after(fault)):
                log.info("message broker: %s", fault)
                await self._run(partial(self._unmark, marked))
                raise away()
        if not all(self._holds(_receipt(each)[0]) for each in received) and not await self._client.is_there():
            raise away()

    async def give_back(self, received: Sequence[Received], *, delay: float = 0.0) -> None:
        """Hand these over again, after `delay` seconds: to this process, or to whoever has their partitions then."""
        self._return(received, time.monotonic() + delay)

    async def lag(self) -> int:
        """Return how many messages wait for this consumer in all partitions, whoever has them."""
        return await self._lag.measure(self._partitions)

    def _run(self, action: Callable[[], T]) -> asyncio.Future[T]:
        try:
            return asyncio.wrap_future(self._thread.submit(action))
        except RuntimeError as error:  # it has ended
            raise away() from error

    def _join(self) -> None:
        subscription = self._subscription
        consumer = Consumer(
            {
                **self._client.settings,
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "error_cb": _note,
                "fetch.wait.max.ms": 500,
                "group.id": subscription.consumer,
                "heartbeat.interval.ms": int(self._silence / HEARTBEATS * 1000),
                "partition.assignment.strategy": "cooperative-sticky",
                "queued.max.messages.kbytes": MOST_KILOBYTES,
                "session.timeout.ms": int(self._silence * 1000),
            }
        )
        self._consumer = consumer
        try:
            for channel in subscription.channels:
                found = consumer.list_topics(channel, timeout=REQUEST_SECONDS).topics[channel]
                self._fault = self._fault or found.error
                self._partitions += [(channel, number) for number in found.partitions]
            consumer.subscribe(
                list(subscription.channels), on_assign=self._gain, on_revoke=self._lose, on_lost=self._lose
            )
        except KafkaException as error:
            self._fault = fault_of(error)
        self._raise_fault()

    def _leave(self) -> None:
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None
        self._shares.clear()

    def _poll(self, most: int, wait: float) -> None:
        consumer = self._joined()
        room = min(most, self._subscription.in_flight - sum(share.waiting for share in self._shares.values()))
        self._hold(hold=room <= 0)
        first = consumer.poll(wait)
        if first is None:
            return
        for message in [first, *(consumer.consume(room - 1, 0) if room > 1 else ())]:
            self._take(message)

    def _hold(self, *, hold: bool) -> None:
        """Read nothing more, or go on reading, of all partitions."""
        consumer = self._joined()
        changed = [share for share in self._shares.values() if share.paused != hold]
        if changed:
            (consumer.pause if hold else consumer.resume)([share.partition() for share in changed])
            for share in changed:
                share.paused = hold

    def _take(self, message: KafkaMessage) -> None:
        fault = message.error()
        topic, number, offset = message.topic(), message.partition(), message.offset()
        if fault is not None:
            log.info("message broker: %s", fault)
            if fault.code() in FORBIDDEN or fault.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                self._fault = fault
            return
        share = self._shares.get((topic, number)) if topic is not None and number is not None else None
        if share is None or offset is None or offset in share.open:
            return
        share.open[offset] = False
        share.after = offset + 1
        share.waiting += 1
        self._ready.append(_received(message, share, offset))

    def _mark(self, received: Sequence[Received]) -> list[Received]:
        """Remember that these are acknowledged; return those that this member still has."""
        marked: list[Received] = []
        for each in received:
            share, offset = _receipt(each)
            if self._holds(share) and share.open.get(offset) is False:
                share.open[offset] = True
                share.waiting -= 1
                marked.append(each)
        return marked

    def _unmark(self, marked: Sequence[Received]) -> None:
        """Hand these over again, unless they were committed with others."""
        again = [each for each in marked if _receipt(each)[1] in _receipt(each)[0].open]
        for share, offset in map(_receipt, again):
            share.open[offset] = False
            share.waiting += 1
        self._return(again, 0.0)

    def _commit(self, shares: Sequence[_Share]) -> KafkaError | None:
        """Commit how far these are done; return why that is not known to have happened."""
        done = {share: share.done for share in shares if self._holds(share) and share.open}
        offsets = [share.partition(offset) for share, offset in done.items() if offset > next(iter(share.open))]
        if not offsets:
            return None
        try:
            told = self._joined().commit(offsets=offsets, asynchronous=False)
            fault = next((one.error for one in told if one.error is not None), None)
        except KafkaException as error:
            fault = fault_of(error)
        if fault is None:
            for share, offset in done.items():
                share.close(offset)
        else:
            self._poll(1, SLICE_SECONDS)
        return fault

    async def _free(self, seconds: float) -> bool:
        """Tell whether no commit that was given up holds up the client, or none does within `seconds`."""
        return self._abandoned is None or bool((await asyncio.wait((self._abandoned,), timeout=max(0.0, seconds)))[0])

    async def _committed(self, shares: Sequence[_Share], marked: Sequence[Received]) -> KafkaError | None:
        """Commit; give up, as `Unavailable`, a commit without an answer once Kafka has not answered a probe either."""
        committing = self._run(partial(self._commit, shares))
        committing.add_done_callback(lambda done: done.cancelled() or done.exception())  # heard, when given up too
        while not (await asyncio.wait((committing,), timeout=REQUEST_SECONDS))[0]:
            if not await self._client.is_there():
                self._abandoned = committing
                self._run(partial(self._unmark, marked))
                raise away()
        return committing.result()

    async def _lives_after(self, fault: KafkaError) -> bool:
        """Tell whether Kafka is there, although a commit had no answer."""
        return fault.name() in UNANSWERED and await self._client.is_there()

    def _gain(self, _: Consumer, partitions: Sequence[TopicPartition]) -> None:
        for one in partitions:
            self._shares[one.topic, one.partition] = _Share((one.topic, one.partition))

    def _lose(self, _: Consumer, partitions: Sequence[TopicPartition]) -> None:
        for one in partitions:
            self._shares.pop((one.topic, one.partition), None)

    def _taken(self, most: int) -> list[Received]:
        found: list[Received] = []
        now = time.monotonic()
        while self._returned and self._returned[0][0] <= now and len(found) < most:
            found.append(heapq.heappop(self._returned)[2])
        while self._ready and len(found) < most:
            found.append(self._ready.popleft())
        return [each for each in found if self._holds(_receipt(each)[0])]

    def _return(self, received: Sequence[Received], due: float) -> None:
        for each in received:
            heapq.heappush(self._returned, (due, next(self._turn), each))

    def _holds(self, share: _Share) -> bool:
        return self._shares.get(share.place) is share

    async def _look_for(self, wait: float) -> None:
        """See whether Kafka is there, once nothing has come for long."""
        if time.monotonic() - self._seen < max(wait, LOOK_SECONDS):
            return
        if not await self._client.is_there():
            raise away()
        self._seen = time.monotonic()

    def _joined(self) -> Consumer:
        if self._consumer is None:
            raise away()
        return self._consumer

    def _raise_fault(self) -> None:
        fault, self._fault = self._fault, None
        if fault is None:
            return
        if fault.code() in FORBIDDEN:
            text = f"Kafka does not let {self._subscription.consumer} read that: {fault.str()}"
            raise Undeliverable(text, ())
        if fault.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            detail = f"Nobody emits anything about {' or '.join(self._subscription.channels)} yet."
            raise Unavailable(detail)
        raise away()


def _note(error: KafkaError) -> None:
    log.debug("message broker: %s", error)


def _receipt(received: Received) -> tuple[_Share, int]:
    if not isinstance(received.receipt, tuple):
        message = "this was not handed over by Kafka"
        raise TypeError(message)
    share, offset = received.receipt
    return share, offset


def _received(message: KafkaMessage, share: _Share, offset: int) -> Received:
    carried = message.headers() or []
    pairs = carried.items() if isinstance(carried, dict) else carried
    headers = {name: _text(value) for name, value in pairs}
    given = {name[len(PREFIX) :]: value for name, value in headers.items() if name.lower().startswith(PREFIX)}
    kinds = [value for name, value in headers.items() if name.lower() == CONTENT_TYPE]
    body = message.value() or b""
    event: Message | None = None
    fault = ""
    try:
        event = read(given, body, content_type=kinds[0] if kinds else "")
    except Undecodable as error:
        fault = str(error)
    return Received(
        message=event, channel=share.place[0], body=body, headers=headers, fault=fault, receipt=(share, offset)
    )


def _text(value: str | bytes | None) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value or ""
