"""Reads what was told and what came of it, and says what is wrong."""

import logging
import random
from collections import defaultdict
from collections.abc import Coroutine, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from tests.simulation.memory_inbox import InboxTables
from tests.simulation.scripts import Script, write_script
from tests.simulation.story import Story, Wiring
from tests.simulation.world import World
from typing_extensions import override

from arnia.chassis.inbox_turns import State

__all__ = ["Outcome", "play", "run"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run.

    Attributes:
        seed: What it was drawn from.
        violations: What is wrong; nothing is where all is well.
        trace: What happened, where it was asked for.
        faults: How many things went wrong on purpose.
        points: How often each crash point was come by.
    """

    seed: int
    violations: list[str]
    trace: list[str]
    faults: int
    points: dict[str, int]


def play(
    seed: int,
    wiring: Wiring | None = None,
    *,
    script: Script | None = None,
    traced: bool = False,
    target: tuple[str, int] | None = None,
) -> Outcome:
    """Play the story of `seed`, and judge it.

    Args:
        seed: What everything is drawn from.
        wiring: How the parts are put together.
        script: Another story than the seed's own.
        traced: Whether to tell what happens.
        target: The crash point at which a process is killed, and the how manieth time.
    """
    world = World(seed, traced=traced)
    world.target = target
    with (wiring or Wiring()).planted():
        return run(world, seed, _play(world, script or write_script(world.draw), wiring))


def run(world: World, seed: int, main: Coroutine[object, object, None]) -> Outcome:
    """Run what happens in a world to its end."""
    with _drawing_from(seed), _listening(world):
        world.loop.run(main)
    world.violations.extend(world.loop.complaints)
    return Outcome(seed, world.violations, world.trace or [], world.faults, world.points)


@contextmanager
def _drawing_from(seed: int) -> Iterator[None]:
    """Let the code under test, which draws its pauses from the module, draw the same ones each time."""
    before = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(before)


class _Listener(logging.Handler):
    def __init__(self, world: World) -> None:
        super().__init__(logging.ERROR)
        self._world = world

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self._world.complain(f"the code under test complains: {record.getMessage()} {record.exc_text or ''}")


@contextmanager
def _listening(world: World) -> Iterator[None]:
    """Take an error in the log for a violation; warnings are what faults are for."""
    logger, listener = logging.getLogger("arnia"), _Listener(world)
    level = logger.level
    logger.setLevel(logging.ERROR)
    logger.addHandler(listener)
    try:
        yield
    finally:
        logger.removeHandler(listener)
        logger.setLevel(level)


async def _play(world: World, script: Script, wiring: Wiring | None) -> None:
    story = Story(world, script, wiring)
    await story.play()
    _judge(story, redriven=False)
    if not world.violations:
        await story.redrive()
        _judge(story, redriven=True)
    await story.close()


def _judge(story: Story, *, redriven: bool) -> None:
    for violation in (*_broker(story), *_kept(story)):
        story.world.complain(violation)
    for name in story.inboxes:
        for violation in _consumer(story, name, redriven=redriven):
            story.world.complain(f"{name}: {violation}")


def _kept(story: Story) -> Iterator[str]:
    lost = story.acknowledged - set(story.outbox.outbox.committed)
    if lost:
        yield f"{len(lost)} acknowledged changes are not in the database"


def _broker(story: Story) -> Iterator[str]:
    seen: set[UUID] = set()
    last: dict[UUID, int] = defaultdict(int)
    for message in story.wire.log:
        if message.id in seen:
            continue
        seen.add(message.id)
        if message.id not in story.outbox.outbox.committed and message.id not in story.direct:
            yield f"published without a cause: {_name(message.aggregate_id, message.sequence)}"
        if message.sequence and message.sequence != last[message.aggregate_id] + 1:
            told = _name(message.aggregate_id, message.sequence)
            yield f"published out of order: {told} after {last[message.aggregate_id]}"
        last[message.aggregate_id] = message.sequence or last[message.aggregate_id]


def _consumer(story: Story, name: str, *, redriven: bool) -> Iterator[str]:
    tables = story.inboxes[name]
    rows = story.outbox.outbox.committed
    numbers = {key: row.message.sequence for key, row in rows.items()}
    behind = set() if redriven else _behind(story, name)
    seen: dict[UUID, int] = defaultdict(int)
    last: dict[UUID, int] = defaultdict(int)
    for effect in tables.database.effects:
        seen[effect.key] += 1
        known = effect.key in numbers or effect.key in story.direct
        if not known or (effect.message_id not in numbers and effect.message_id not in story.direct):
            yield f"an effect without a cause: {effect.key.int >> 64}"
        number = numbers.get(effect.key, 0)
        if number and number < last[effect.aggregate_id]:
            yield f"out of order: {_name(effect.aggregate_id, number)} after {last[effect.aggregate_id]}"
        last[effect.aggregate_id] = max(number, last[effect.aggregate_id])
    for key in [*numbers, *story.confirmed]:
        expected = 0 if key in behind else 1
        if seen[key] != expected:
            number = numbers.get(key, 0)
            about = rows[key].message if key in rows else story.direct[key]
            yield f"{_name(about.aggregate_id, number)} has {seen[key]} effects instead of {expected}"
    yield from (f"direct {key.int >> 64} has {seen[key]} effects" for key in story.direct if seen[key] > 1)
    yield from _states(tables, behind)


def _states(tables: InboxTables, behind: Iterable[UUID]) -> Iterator[str]:
    parked = {row.message.id for row in tables.of(State.PARKED)}
    if parked != set(behind):
        causes = sorted({row.cause for row in tables.of(State.PARKED)})
        yield f"{len(parked)} are parked instead of {len(set(behind))}: {causes}"
    if dropped := tables.of(State.DROPPED):
        yield f"{len(dropped)} were dropped"
    if tables.stowed:
        yield f"{len(tables.stowed)} were taken for no events"


def _behind(story: Story, name: str) -> set[UUID]:
    """Return the keys of what is poison for a consumer, and of what follows it."""
    place = story.script.poison.get(name)
    rows = story.outbox.outbox.committed
    poison = None if place is None else next((row for key, row in rows.items() if story.places[key] == place), None)
    if poison is None:
        return set()
    first = poison.message
    return {
        key
        for key, row in rows.items()
        if row.message.aggregate_id == first.aggregate_id and row.message.sequence >= first.sequence
    }


def _name(thing: UUID, number: int) -> str:
    return f"{str(thing)[-3:]}#{number}"
