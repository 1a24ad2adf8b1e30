"""What goes wrong, and when: drawn from a seed."""

import math
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.simulation.database import Database
from tests.simulation.loop import VirtualLoop
from tests.simulation.processes import Killed, Process

from arnia.chassis.messages import Message
from arnia.errors import Unavailable

if TYPE_CHECKING:
    from tests.simulation.memory_broker import Wire

__all__ = ["CALM", "Rates", "World"]

KINDS: Final = ("kill", "freeze", "cut", "database", "broker", "slow", "stop")
WEIGHTS: Final = (5, 3, 2, 1, 1, 2, 1)
SHOWN: Final = 3
"""How many characters of an id the trace shows."""


@dataclass(frozen=True, slots=True)
class Rates:
    """How often the broker does what it may.

    Attributes:
        late: A message is handed over late, after others that came after it.
        doubled: A message is there twice.
        torn: A publication breaks off, or its confirmation is lost.
        unheard: An acknowledgement is lost.
    """

    late: float = 0.0
    doubled: float = 0.0
    torn: float = 0.0
    unheard: float = 0.0


CALM: Final = Rates()


class World:
    """One run: its time, its processes, its servers and its faults.

    Attributes:
        loop: What runs everything.
        random: The next number between 0 and 1.
        rates: What the broker does.
        trace: What happened, where somebody wants to read it.
        violations: What should not have happened.
        faults: How many things went wrong on purpose.
        lost: How many servers are away.
        points: How often each crash point was come by.
    """

    def __init__(self, seed: int, *, traced: bool = False) -> None:
        self.draw = random.Random(seed)  # noqa: S311 - it has to come again
        self.random = self.draw.random
        order = random.Random(self.draw.random())  # noqa: S311 - see above
        self.loop = VirtualLoop(order)  # type: ignore[abstract]  # sockets and threads are not simulated
        self.rates = CALM
        self.trace: list[str] | None = [] if traced else None
        self.violations: list[str] = []
        self.databases: list[Database] = []
        self.wire: Wire | None = None
        self.living: dict[str, Process] = {}
        self.faults = 0
        self.lost = 0
        self.points: dict[str, int] = {}
        self.target: tuple[str, int] | None = None
        self._left = 0
        self._fuse = math.inf

    def plan(self, faults: int) -> None:
        """Let so many things go wrong from now on."""
        self._left = faults
        self._light()

    def heal(self) -> None:
        """Let nothing more go wrong."""
        self._left, self._fuse, self.rates = 0, math.inf, CALM

    def launch(self, process: Process) -> None:
        """Start a process."""
        self.living[process.name] = process
        process.start()

    def bury(self, process: Process) -> None:
        """Tear what a dead process had open, and start it again after a while."""
        for database in self.databases:
            database.cut(process)
        if self.wire is not None:
            self.wire.lose(process)
        del self.living[process.name]
        if process.restarts:
            self.loop.call_later(0.05 + 1.5 * self.random(), self.launch, process.reborn())

    def note(self, who: str, what: str, message: Message | None = None) -> None:
        """Write into the trace."""
        if self.trace is not None:
            about = "" if message is None else f" {str(message.aggregate_id)[-SHOWN:]}#{message.sequence}"
            self.trace.append(f"{self.loop.now:9.4f} {who:<12} {what}{about}")

    def complain(self, violation: str) -> None:
        """Say that something is wrong."""
        self.note("CHECKER", violation)
        self.violations.append(violation)

    def delay(self, process: Process, place: str) -> float:
        """Return how long a step takes, after whatever goes wrong there."""
        usual = 0.001 + 0.009 * self.random()
        self._fuse -= 1
        if self._fuse > 0:
            return usual
        kind = self._strike(process, place)
        if kind == "slow":
            self.note(process.name, f"SLOW {place}")
            return usual + 4.0 * self.random()
        return usual

    def come_by(self, process: Process, point: str) -> None:
        """Come by a place between two steps."""
        if not point.startswith("answer."):
            self.points[point] = count = self.points.get(point, 0) + 1
            if self.target == (point, count):
                self.note(process.name, f"at {point}")
                process.kill()
                raise Killed
        self._fuse -= 2
        if self._fuse > 0:
            return
        kind = self._strike(process, point)
        if kind in {"cut", "slow"} and point.startswith("answer."):
            self.note(process.name, f"LOST {point}")
            message = "The answer is lost."
            raise Unavailable(message)

    def _strike(self, process: Process, place: str) -> str:
        self._left -= 1
        self._light()
        self.faults += 1
        kind = self.draw.choices(KINDS, WEIGHTS)[0]
        if kind == "kill":
            self.note(process.name, f"at {place}")
            process.kill()
            raise Killed
        if kind == "freeze":
            self._freeze(process)
        elif kind == "stop":
            process.stop()
        elif kind == "cut":
            self.note(process.name, f"CUT OFF at {place}")
            for database in self.databases:
                database.cut(process)
        elif kind == "database":
            self._lose(self.draw.choice(self.databases))
        elif kind == "broker" and self.wire is not None:
            self._lose(self.wire)
        return kind

    def _freeze(self, process: Process) -> None:
        process.freeze(0.3 + 6.0 * self.random())
        wire = self.wire
        if wire is not None:
            self.loop.call_later(wire.style.patience, lambda: wire.lose(process) if process.frozen else None)
        if self.random() < 0.4:
            for database in self.databases:
                self.loop.call_later(self.random() * 3.0, database.cut, process)

    def _lose(self, server: "Database | Wire") -> None:
        name = server.name if isinstance(server, Database) else "broker"
        self.note(name, "AWAY")
        server.away = True
        self.lost += 1
        if isinstance(server, Database):
            server.crash()
        self.loop.call_later(0.1 + 2.0 * self.random(), self._find, server, name)

    def _find(self, server: "Database | Wire", name: str) -> None:
        self.lost -= 1
        if self.lost:
            # Another fault may have hit the same server, or another one: all are back together.
            return
        for each in (*self.databases, self.wire):
            if each is not None:
                each.away = False
        self.note(name, "BACK")

    def _light(self) -> None:
        self._fuse = 1 + int(self.random() ** 2 * 150) if self._left > 0 else math.inf
