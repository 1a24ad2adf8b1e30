"""What every broker promises to those whose connections are torn, asked of its real server through a proxy."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from typing import ClassVar, Final
from uuid import UUID

import pytest
from tests.brokers.premises import (
    CHANNELS,
    PATIENCE,
    Premises,
    collect,
    drained,
    events,
    facts,
    fetch_all,
    insist,
    patiently,
)

from arnia.chassis.brokers.broker import Broker, Intake, Received
from arnia.chassis.messages import Message
from arnia.errors import Unavailable
from arnia.testing.proxy import Fault, Proxy

__all__ = ["AWAY_SECONDS", "Tearing"]

AWAY_SECONDS: Final = 20.0
"""By when somebody who publishes has to be told that the broker is not there."""
FAULTS: Final = (Fault.TEAR, Fault.TEAR_ANSWER)
"""Either way of a connection; where nothing of a frame arrives, or its end is announced, is what fault runs do too."""


class Tearing:
    """The part of the suite that cuts.

    Attributes:
        knows_again: Whether the broker keeps once what was published twice under one id.
    """

    knows_again: ClassVar[bool] = False

    @pytest.mark.parametrize("lasting", [True, False], ids=["long", "once"])
    @pytest.mark.parametrize("fault", FAULTS)
    async def test_publishes_through_a_connection_that_is_torn(
        self, premises: Premises, fault: Fault, *, lasting: bool
    ) -> None:
        """What is confirmed is there once; what is not is told in time, and can be published again."""
        before, told = facts("torn", 3), facts("torn", 60, size=2000)
        async with (
            premises.wire() as wire,
            premises.broker("writer", emits=CHANNELS, through=wire) as writer,
        ):
            async with premises.reading("reader", "torn"):
                await writer.publish(before)
            confirmed = await _published(writer, told, wire, fault, lasting=lasting)
            assert not (lasting and confirmed)
            if not confirmed:
                await insist(writer, told)
        async with premises.reading("reader", "torn") as intake:
            got = await _all_of(intake, {message.id for message in (*before, *told)})
            counts = Counter(message.id for message in got)
            if confirmed or self.knows_again:
                assert set(counts.values()) == {1}
            first = dict.fromkeys(message.id for message in got if message.aggregate_id == told[0].aggregate_id)
            assert list(first) == [message.id for message in told]

    @pytest.mark.parametrize("fault", FAULTS)
    async def test_reads_through_a_connection_that_is_torn(self, premises: Premises, fault: Fault) -> None:
        """What was acknowledged never comes again, what was not does, and whoever reads is told, and reads on."""
        told, later = facts("cut", 30), facts("cut", 5)
        async with premises.broker("writer", emits=CHANNELS) as writer:
            await writer.publish(told)
            async with premises.wire() as wire, premises.reading("reader", "cut", through=wire) as intake:
                held = await collect(intake, 30)
                sure = await _acknowledged(intake, held[:10])
                assert len(sure) == 10
                wire.fault = fault
                sure |= await _acknowledged(intake, held[10:20])
                with pytest.raises(Unavailable):
                    await fetch_all(intake, 2.0)
                wire.heal()
                await writer.publish(later)
                assert await patiently(intake, 1)
        async with premises.reading("reader", "cut") as intake:
            came = await drained(intake, {message.id for message in (*told[20:], *later)})
            assert not came & sure
            assert await intake.fetch(10, 1.0) == ()


async def _published(writer: Broker, told: Sequence[Message], wire: Proxy, fault: Fault, *, lasting: bool) -> bool:
    """Publish while `fault` is there, until the next connection or until the end; tell whether all is confirmed."""
    connections, wire.fault = wire.connections, fault
    publishing = asyncio.create_task(asyncio.wait_for(writer.publish(told), AWAY_SECONDS))
    while not publishing.done() and (lasting or wire.connections == connections):  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0.001)
    wire.heal()
    try:
        await publishing
    except Unavailable:
        return False
    return True


async def _acknowledged(intake: Intake, received: Sequence[Received]) -> set[UUID]:
    """Return what was acknowledged for sure."""
    try:
        await intake.acknowledge(received)
    except Unavailable:
        return set()
    return {message.id for message in events(received)}


async def _all_of(intake: Intake, wanted: set[UUID]) -> list[Message]:
    """Fetch and acknowledge until all of `wanted` have come and nothing more does; return what came, in order."""
    found: list[Message] = []
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        more = await intake.fetch(len(wanted), 1.0)
        await intake.acknowledge(more)
        found += events(more)
        if not more and wanted <= {message.id for message in found}:
            break
    return found
