"""One run: clients write while a nemesis breaks what it can; then what is kept is read until it is right."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tests.ecosystem.garden import eventually
from tests.faults.books import Books, read_books
from tests.faults.checker import Plant, Violation, judge
from tests.faults.ledger import Kind, Ledger, Outcome, read_batches, read_ledger
from tests.faults.nemesis import Nemesis, publish_by_hand
from tests.faults.stand import Stand
from tests.faults.writer import Writers

from arnia.chassis.messages import Message
from arnia.chassis.uuids import uuid7

__all__ = ["LONG", "Run", "Scale"]

LONG: Final = os.environ.get("ARNIA_FAULTS") == "long"
"""Whether this may take as long as it takes, and is not a part of `make test`."""
EASY: Final = 1.0
"""Seconds between two changes of a client once there are enough: what goes wrong from then on is not to be idle."""


SHOWN: Final = 10
"""Of how many deliveries the views have to be whole in the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much of everything there is in a run.

    Attributes:
        broker: What carries the events.
        seed: Of the nemesis and the writers.
        number: How many faults at least.
        changes: How many acknowledged changes at least.
        seconds: How long what is stopped or cut stays so.
        pause: Seconds between two changes of a client.
        settling: Seconds without anything that comes, after which nothing will.
        look: Seconds between two looks at what is kept.
        lanes: How many clients there are.
    """

    broker: str
    seed: int
    number: int
    changes: int
    seconds: float
    pause: float
    settling: float
    look: float
    lanes: int = 4


@dataclass
class Run:
    """A run on a stand.

    Attributes:
        stand: What is broken.
        scale: How long.
        folder: Where the ledger is kept.
        plant: The poison; before it is planted, about nothing.
    """

    stand: Stand
    scale: Scale
    folder: Path
    plant: Plant = field(init=False)

    def __post_init__(self) -> None:
        self._path = self.folder / "ledger.jsonl"
        self._begun = time.monotonic()
        self.ledger = Ledger(self._path)
        self.ledger.note(seed=self.scale.seed, broker=self.scale.broker)
        port, log_in = self.stand.project.port, lambda: self.stand.project.log_in("operator")
        self.writers = Writers(port, self.ledger, log_in, self.scale.seed, self.scale.pause)
        self.nemesis = Nemesis(self.stand, self.scale.seed, self.scale.seconds)

    def endure(self, only: Collection[str] = ()) -> None:
        """Write, and break things meanwhile, until there was enough of both; of the faults those of `only`, if any."""
        scale, nemesis, ledger = self.scale, self.nemesis, self.ledger
        with self.writers.writing(scale.lanes):
            self.plant = _poison(self.stand)
            eventually(lambda: ledger.acknowledged >= scale.lanes)
            while nemesis.done < scale.number or ledger.acknowledged < scale.changes:
                assert not self.writers.broken, self.writers.broken
                if ledger.acknowledged >= scale.changes:
                    self.writers.pause = max(EASY, scale.pause)
                ledger.note(fault=(fault := nemesis.harm(only)), done=nemesis.done, acknowledged=ledger.acknowledged)
                self.say(f"{nemesis.done:4d} of {scale.number} faults, {ledger.acknowledged:6d} acknowledged: {fault}")
                time.sleep(min(1.0, scale.seconds))

    def settle(self) -> list[Violation]:
        """Return what is wrong once nothing is, twice in a row, or once less and less has not been for a long time."""
        until, fewest, clean = time.monotonic() + self.scale.settling, sys.maxsize, 0
        while True:
            begun = time.monotonic()
            changes, batches = read_ledger(self._path), read_batches(self._path)
            violations = judge(changes, self._read(), self.plant, batches)
            clean = 0 if violations else clean + 1
            if len(violations) < fewest:
                until, fewest = time.monotonic() + self.scale.settling, len(violations)
            if clean == 2 or time.monotonic() > until:
                return violations
            self.ledger.note(wrong=len(violations))
            self.say(f"settling: {len(violations)} are not as they should be yet")
            # To look takes from what it waits for, and takes long where there is much.
            time.sleep(max(self.scale.look, 2 * (time.monotonic() - begun)))

    def _read(self) -> Books:
        """Return what is kept, and how the last deliveries that were ordered are shown."""
        books = asyncio.run(read_books(self.stand.databases))
        made = [
            one.delivery for one in read_ledger(self._path) if one.kind is Kind.CREATE and one.outcome is Outcome.OK
        ]
        books.views = self.writers.viewer.read(made[-SHOWN:])
        return books

    def free(self) -> None:
        """Give the poison up, as an operator does."""
        stuck = self.stand.events("dlq")
        aggregate = self.plant.aggregate
        assert {(one["service"], one["aggregate_id"]) for one in stuck} == {("scheduler", str(aggregate))}, stuck
        given_up = ("--aggregate", str(aggregate), "--skip", "--reason", "planted")
        self.stand.events("redrive", "--service", "scheduler", *given_up)
        eventually(lambda: self.stand.events("dlq") == [])
        self.plant = replace(self.plant, parked=())

    def say(self, what: str) -> None:
        """Tell whoever watches how far this is."""
        sys.stderr.write(f"{time.monotonic() - self._begun:7.1f} s  {what}\n")
        sys.stderr.flush()

    def sum_up(self, said: str, violations: Collection[Violation]) -> None:
        """Keep beside the ledger what came of it and, where something is wrong, what the services say of it."""
        wrong = [f"{violation.rule}: {violation.about}" for violation in violations]
        (self.folder / "result.txt").write_text("\n".join([said, *wrong, ""]))
        if violations:
            with suppress(AssertionError):
                (self.folder / "events.json").write_text(json.dumps(self.stand.events("list"), indent=2))
        self.say(said)


def _poison(stand: Stand) -> Plant:
    """Publish by hand what the scheduler cannot read, and something after it that it could."""
    delivery = uuid7()
    messages = [
        Message(
            id=uuid7(),
            type=topic,
            version=1,
            aggregate_type="delivery",
            aggregate_id=delivery,
            sequence=number,
            source="delivery",
            time=datetime.now(UTC),
            payload=json.dumps({"aggregate_id": str(delivery), **fields}).encode(),
        )
        for number, (topic, fields) in enumerate(
            (("delivery.created", {"weight_grams": "heavy"}), ("delivery.rescheduled", {})), start=1
        )
    ]
    asyncio.run(publish_by_hand(stand, messages))
    return Plant(delivery, tuple(message.id for message in messages), ("scheduler",))
