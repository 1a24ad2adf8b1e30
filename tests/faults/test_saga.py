"""The saga, swept: the scheduler dies at each durable step, and no delivery stays half scheduled for that."""

import asyncio
import json
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import psutil
import pytest
from tests.ecosystem.garden import eventually
from tests.faults.books import read_books
from tests.faults.checker import Violation, judge
from tests.faults.ledger import Change, Kind, Ledger, Outcome, read_ledger
from tests.faults.mortal_scheduler import DIES_AT
from tests.faults.runs import LONG
from tests.faults.stand import Stand, standing
from tests.faults.writer import DELIVERIES, order

from arnia.testing.processes import ServiceProcess

pytestmark = pytest.mark.skipif(not LONG, reason="it takes minutes: make faults")

MODULE: Final = "tests.faults.mortal_scheduler"
SETTLING: Final = 120.0
"""Seconds after which nothing is mended any more, on a machine with much else to do."""
CLAIM: Final = ("driven: claim", "driven: committed claim")


def _kept(status: str) -> tuple[str, ...]:
    """Return the steps in which the driver keeps what came of a question."""
    return ("driven: lock", *(f"driven: {step} {status}" for step in ("save", "saved", "committed")))


ORDERED: Final = (
    *("heard: lock", "heard: add", "heard: added"),
    *(*CLAIM, "driven: reserve", "driven: reserved"),
    *_kept("reserved"),
)
CANCELLED: Final = (
    *("heard: lock", "heard: save releasing", "heard: saved releasing"),
    *(*CLAIM, "driven: release", "driven: released"),
    *_kept("released"),
)
UNANSWERED: Final = ("driven: reserve", *_kept("refused"))
COMPENSATED: Final = (*CLAIM, "driven: release", "driven: released", *_kept("refused"))


class Sweep:
    """An ecosystem, one scheduler of which does all that is driven, and dies as it is told."""

    def __init__(self, stand: Stand, folder: Path) -> None:
        self.stand = stand
        self.deliveries = 0
        self._folder = folder
        self._dies_at = folder / "dies-at"
        self._path = folder / "ledger.jsonl"
        self._ledger = Ledger(self._path)
        self._lives = 0

    def close(self) -> None:
        """Order nothing more."""
        self._ledger.close()

    def order(self) -> str:
        """Order a delivery, and return its identity."""
        self.deliveries += 1
        return self._change(Kind.CREATE, f"order {self.deliveries}")

    def cancel(self, delivery: str) -> None:
        """Cancel it."""
        self._change(Kind.CANCEL, f"cancellation of {delivery}", delivery)

    def status(self, path: str) -> str:
        """Return the status of a delivery or an assignment; nothing where there is none yet."""
        answer = self.stand.project.call("GET", path)
        return str(answer.json()["status"]) if answer.status == 200 else ""

    def is_scheduled(self, delivery: str) -> bool:
        """Tell whether a delivery has its drone, and was told."""
        return self.status(f"{DELIVERIES}/{delivery}") == "scheduled"

    def is_refused(self, delivery: str) -> bool:
        """Tell whether a drone is looked for no more."""
        return self.status(f"/api/v1/assignments/{delivery}") == "refused"

    def wrong(self) -> list[Violation]:
        """Return what is not as it should be, in any service."""
        return judge(read_ledger(self._path), asyncio.run(read_books(self.stand.databases)))

    def settle(self) -> list[Violation]:
        """Return what is still wrong once nothing is, or after a long time."""
        with suppress(AssertionError):
            eventually(lambda: not self.wrong(), SETTLING)
        return self.wrong()

    def live(self, seconds: float) -> ServiceProcess:
        """Return the next life of the scheduler, which looks for a drone for so many seconds."""
        self._lives += 1
        supervised = psutil.Process(self.stand.project.process("scheduler").pid)
        told = {name: value for name, value in supervised.environ().items() if name.startswith("SCHEDULER_")}
        life = ServiceProcess("scheduler", MODULE, {}, self._folder / f"scheduler-{self._lives}.log")
        own = {"SCHEDULER_ROLE": "all", "SCHEDULER_PORT": str(life.port), DIES_AT: str(self._dies_at)}
        life.environment |= told | own | {"SCHEDULER_ASSIGNMENT_SECONDS": str(seconds)}
        return life

    @contextmanager
    def dying_at(self, place: str, life: ServiceProcess) -> Iterator[None]:
        """Let this life end at `place` because of what the block does, and fail where it does not come there."""
        self._dies_at.write_text(place)
        try:
            yield
            assert life.wait() == -signal.SIGKILL, f"it did not die at {place!r}: {life.log.read_text()[-2000:]}"
        finally:
            self._dies_at.unlink()

    def _change(self, kind: Kind, mark: str, delivery: str = "") -> str:
        cancelling = kind is Kind.CANCEL
        path = f"{DELIVERIES}/{delivery}/cancellation" if cancelling else DELIVERIES
        body = json.dumps({"reason": mark} if cancelling else order(mark)).encode()
        self._ledger.invoke(mark, kind)
        made = self.stand.project.call("PUT" if cancelling else "POST", path, body, Content_Type="application/json")
        assert made.status == 201, made
        identity = delivery or str(made.json()["id"])
        self._ledger.end(Change(mark, kind, Outcome.OK, identity))
        return identity


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sweep]:
    """Give the ecosystem; what `arnia up` starts of the scheduler answers only."""
    folder = tmp_path_factory.mktemp("sweep")
    with standing(folder, "nats", told={"SCHEDULER_ROLE": "api"}) as stand:
        sweep = Sweep(stand, folder)
        try:
            yield sweep
        finally:
            sweep.close()


Story = Callable[[Sweep, str, ServiceProcess], None]


def _is_ordered(sweep: Sweep, place: str, life: ServiceProcess) -> None:
    with sweep.dying_at(place, life):
        sweep.order()


def _is_cancelled(sweep: Sweep, place: str, life: ServiceProcess) -> None:
    delivery = sweep.order()
    eventually(lambda: sweep.is_scheduled(delivery))
    with sweep.dying_at(place, life):
        sweep.cancel(delivery)


def _is_unanswered(sweep: Sweep, place: str, life: ServiceProcess) -> None:
    sweep.stand.signal("drone", signal.SIGSTOP)
    try:
        with sweep.dying_at(place, life):
            sweep.order()
    finally:
        sweep.stand.signal("drone", signal.SIGCONT)


def _is_compensated(sweep: Sweep, place: str, life: ServiceProcess) -> None:
    sweep.stand.signal("drone", signal.SIGSTOP)
    try:
        delivery = sweep.order()
        eventually(lambda: sweep.is_refused(delivery))
        with sweep.dying_at(place, life):
            sweep.stand.signal("drone", signal.SIGCONT)
    finally:
        sweep.stand.signal("drone", signal.SIGCONT)


@pytest.mark.parametrize(
    ("story", "places", "seconds"),
    [
        pytest.param(_is_ordered, ORDERED, 120.0, id="ordered"),
        pytest.param(_is_cancelled, CANCELLED, 120.0, id="cancelled"),
        pytest.param(_is_unanswered, UNANSWERED, 1.0, id="unanswered"),
        pytest.param(_is_compensated, COMPENSATED, 1.0, id="compensated"),
    ],
)
def test_a_scheduler_that_dies_at_any_step_leaves_nothing_half(
    sweep: Sweep, story: Story, places: Sequence[str], seconds: float
) -> None:
    """Killed at each step of the saga, the next life ends it: a drone that is known everywhere, or given back."""
    life = sweep.live(seconds)
    try:
        life.__enter__()
        for place in places:
            story(sweep, place, life)
            life = sweep.live(seconds)
            life.__enter__()
            assert sweep.settle() == [], f"after {place!r}"
    finally:
        life.kill()
