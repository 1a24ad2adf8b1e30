"""How much waits for a Kafka group, as somebody sees who looks on and never joins it.

A consumer is asked, and not the client for administrators: that one ends the whole process when a group's coordinator
has just moved (librdkafka up to 2.16; confluent-kafka-javascript issue 374 has the trace), and goes on to ask for what
was before a leader changed. It is not the consumer that reads either, whose requests wait for a rebalance.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

from arnia.chassis.brokers.kafka_client import REQUEST_SECONDS, KafkaClient, away

__all__ = ["KafkaLag"]

_UNKNOWN_OFFSET: Final = 0


class KafkaLag:
    """Measures one group; connects when it is asked for the first time."""

    def __init__(self, client: KafkaClient, group: str) -> None:
        self._settings = {**client.settings, "group.id": group, "enable.auto.commit": False}
        self._consumer: Consumer | None = None
        self._turn = asyncio.Lock()

    async def measure(self, partitions: Sequence[tuple[str, int]]) -> int:
        """Return how many messages of these partitions the group has not committed.

        Raises:
            Unavailable: Kafka is not there.
        """
        async with self._turn:
            try:
                return await asyncio.to_thread(self._measure, [TopicPartition(*place) for place in partitions])
            except KafkaException as error:
                await asyncio.to_thread(self._part)
                raise away() from error

    async def end(self) -> None:
        """Part."""
        async with self._turn:
            await asyncio.to_thread(self._part)

    def _measure(self, partitions: Sequence[TopicPartition]) -> int:
        if self._consumer is None:
            self._consumer = Consumer(self._settings)
        waiting = 0
        for told in self._consumer.committed(list(partitions), timeout=REQUEST_SECONDS):
            if told.error is not None:
                raise KafkaException(told.error)
            found = self._consumer.get_watermark_offsets(told, timeout=REQUEST_SECONDS)
            if found is None:
                raise away()
            first, end = found
            waiting += max(0, end - (first if told.offset < _UNKNOWN_OFFSET else told.offset))
        return waiting

    def _part(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            consumer.close()
