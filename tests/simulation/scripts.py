"""What a run is made of, drawn from its seed."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from tests.simulation.memory_broker import STYLES, Style
from tests.simulation.world import CALM, Rates

from arnia.chassis.inbox import Patience

__all__ = ["CONSUMERS", "Script", "write_script"]

CONSUMERS: Final = ("kitchen", "garden")
PATIENCE: Final = Patience(attempts=9, first=0.1, longest=1.0, lease=3.0, baseline=3.0, gap=0.5)
BRIEF: Final = Patience(attempts=4, first=0.1, longest=1.0, lease=1.0, baseline=3.0, gap=0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """One story.

    Attributes:
        style: How the broker hands over.
        rates: What it does besides.
        relays: How many relays run.
        processes: How many processes each consumer has.
        things: What it is all about.
        writers: For each writer its changes; for each change what it tells about, thing by thing.
        undone: Which changes are undone at the end, as places in the order of all changes.
        direct: How many events are published past the outbox, without a sequence.
        transient: How many attempts fail for a while, by the place of the event; for each consumer.
        poison: The place of the event that no attempt of a consumer gets over, for each that has one.
        deadly: Whether poison kills the process instead of raising.
        faults: How many things go wrong.
    """

    style: Style
    rates: Rates = CALM
    relays: int = 1
    processes: dict[str, int] = field(default_factory=lambda: dict.fromkeys(CONSUMERS, 1))
    things: Sequence[UUID] = (UUID(int=1),)
    writers: Sequence[Sequence[Sequence[UUID]]] = ()
    undone: frozenset[int] = frozenset()
    direct: int = 0
    transient: dict[tuple[str, int], int] = field(default_factory=dict)
    poison: dict[str, int] = field(default_factory=dict)
    deadly: bool = False
    faults: int = 0
    batch: int = 4
    gathers: frozenset[str] = frozenset()
    patience: Patience = PATIENCE


def write_script(draw: random.Random) -> Script:
    """Draw a story."""
    things = [UUID(int=number + 1) for number in range(draw.randint(1, 4))]
    writers = [[_change(draw, things) for _ in range(draw.randint(2, 4))] for _ in range(draw.randint(1, 3))]
    count = sum(len(change) for changes in writers for change in changes)
    changes = sum(map(len, writers))
    deadly = draw.random() < 0.08
    poison = {consumer: draw.randrange(count) for consumer in CONSUMERS if draw.random() < (0.6 if deadly else 0.2)}
    failing = draw.sample(range(count), min(count, 0 if deadly else draw.choice((0, 0, 1, 2))))
    return Script(
        style=draw.choice(STYLES),
        rates=_rates(draw),
        relays=draw.randint(1, 3),
        processes={consumer: draw.randint(1, 2) for consumer in CONSUMERS},
        things=things,
        writers=writers,
        undone=frozenset(draw.sample(range(changes), 1 if draw.random() < 0.3 else 0)),
        direct=draw.choice((0, 0, 0, 1, 2)),
        transient={(draw.choice(CONSUMERS), place): draw.randint(1, 2) for place in failing},
        poison=poison,
        deadly=deadly and bool(poison),
        faults=draw.randint(0, 1) if deadly else draw.randint(0, 6),
        batch=draw.choice((1, 2, 4, 16)),
        gathers=frozenset({CONSUMERS[1]} if draw.random() < 0.3 else ()),
        patience=BRIEF if deadly else PATIENCE,
    )


def _change(draw: random.Random, things: Sequence[UUID]) -> Sequence[UUID]:
    return [draw.choice(things) for _ in range(draw.choice((1, 1, 1, 2, 3)))]


def _rates(draw: random.Random) -> Rates:
    if draw.random() < 0.3:
        return CALM
    late, doubled, torn, unheard = (draw.choice((0.0, 0.05, 0.3)) for _ in range(4))
    return Rates(late=late, doubled=doubled, torn=torn, unheard=unheard)
