"""Everything is killed, stopped and cut while clients write; afterwards each acknowledged change has its one effect."""

import asyncio
import json
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import asyncpg
import pytest
from tests.ecosystem.garden import eventually
from tests.faults.books import WITNESS, read_books
from tests.faults.checker import Plant, Violation, judge
from tests.faults.ledger import Ledger, Outcome, read_ledger
from tests.faults.nemesis import Nemesis, publish_by_hand
from tests.faults.stand import Stand, standing
from tests.faults.writer import Writers

from arnia.chassis.messages import Message
from arnia.chassis.uuids import uuid7

LONG: Final = os.environ.get("ARNIA_FAULTS") == "long"
SHORT_SEED: Final = 5
"""The short form is the same at each run; the long one looks for what nobody has seen."""
LANES: Final = 4
PAUSE: Final = 0.02 if LONG else 0.1
SETTLING: Final = 300.0 if LONG else 60.0
"""Seconds without anything that comes, after which nothing will."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of everything there is in a run."""

    broker: str
    seed: int
    number: int
    changes: int
    seconds: float


@pytest.fixture(scope="module")
def scale(request: pytest.FixtureRequest) -> Scale:
    """Give what was asked for, or the form that belongs to the occasion."""

    def told(name: str, otherwise: float) -> float:
        given = request.config.getoption(f"--faults-{name}", default=None)
        return float(otherwise if given is None else given)

    return Scale(
        broker=request.config.getoption("--faults-broker", default="nats"),
        seed=int(told("seed", time.time_ns() % 1_000_000 if LONG else SHORT_SEED)),
        number=int(told("number", 100 if LONG else 4)),
        changes=int(told("changes", 20_000 if LONG else 100)),
        seconds=told("seconds", 30.0 if LONG else 1.0),
    )


@pytest.fixture(scope="module")
def stand(scale: Scale, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """Give the ecosystem, its services behind wires."""
    with standing(tmp_path_factory.mktemp("stand"), scale.broker) as stand:
        asyncio.run(_witness(stand))
        stand.wire()
        yield stand


def test_no_fault_loses_doubles_or_delays_a_change_for_ever(
    stand: Stand, scale: Scale, record_property: Callable[[str, object], None]
) -> None:
    """Whatever is killed, stopped or cut: each acknowledged change has one effect everywhere, and nothing else has."""
    kept = Path(tempfile.mkdtemp(prefix=f"arnia-faults-{scale.seed}-"))  # pytest forgets its own folders soon
    ledger = Ledger(kept / "ledger.jsonl")
    ledger.note(seed=scale.seed, broker=scale.broker)
    writers = Writers(stand.project.port, ledger, lambda: stand.project.log_in("operator"), scale.seed, PAUSE)
    nemesis = Nemesis(stand, scale.seed, scale.seconds)
    try:
        with writers.writing(LANES):
            plant = _poison(stand)
            eventually(lambda: ledger.acknowledged >= LANES)
            while nemesis.done < scale.number or ledger.acknowledged < scale.changes:
                ledger.note(fault=nemesis.harm(), done=nemesis.done, acknowledged=ledger.acknowledged)
                time.sleep(min(1.0, scale.seconds))
        violations = _settle(stand, ledger, kept / "ledger.jsonl", plant)
        figures = Counter(change.outcome.value for change in read_ledger(kept / "ledger.jsonl"))
        wrong = Counter(violation.rule for violation in violations)
        said = f"seed {scale.seed}: {nemesis.done} faults, {dict(figures)}, wrong: {dict(wrong)}"
        record_property("faults", said)
        sys.stderr.write(f"{said}\n")
        (kept / "events.json").write_text(json.dumps(stand.events("list"), indent=2))
        assert (violations[:20], writers.faults[:5]) == ([], []), f"{said}; see {kept}"
        assert figures[Outcome.OK] >= scale.changes
        _free(stand, plant)
        freed = _settle(stand, ledger, kept / "ledger.jsonl", replace(plant, parked=()))
        assert freed == [], f"{said}; see {kept}"
    except BaseException:
        shutil.copytree(stand.project.data / "logs", kept / "logs")
        raise
    else:
        if not LONG:
            shutil.rmtree(kept)
    finally:
        ledger.close()


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


def _free(stand: Stand, plant: Plant) -> None:
    """Give the poison up, as an operator does."""
    stuck = stand.events("dlq")
    assert {(one["service"], one["aggregate_id"]) for one in stuck} == {("scheduler", str(plant.aggregate))}, stuck
    given_up = ("--aggregate", str(plant.aggregate), "--skip", "--reason", "planted")
    stand.events("redrive", "--service", "scheduler", *given_up)
    eventually(lambda: stand.events("dlq") == [])


def _settle(stand: Stand, ledger: Ledger, path: Path, plant: Plant) -> list[Violation]:
    """Return what is wrong once nothing is, twice in a row, or once less and less has not been for a long time."""
    until, fewest, clean = time.monotonic() + SETTLING, sys.maxsize, 0
    while True:
        violations = judge(read_ledger(path), asyncio.run(read_books(stand.databases)), plant)
        clean = 0 if violations else clean + 1
        if len(violations) < fewest:
            until, fewest = time.monotonic() + SETTLING, len(violations)
        if clean == 2 or time.monotonic() > until:
            return violations
        ledger.note(wrong=len(violations))
        time.sleep(2.0 if LONG else 0.5)


async def _witness(stand: Stand) -> None:
    connection = await asyncpg.connect(stand.databases["notification"])
    try:
        await connection.execute(WITNESS)
    finally:
        await connection.close()
