"""Clients that order, reschedule and cancel deliveries through the edge, send positions, and look at views."""

import json
import random
import threading
import traceback
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import Final

from tests.ecosystem.garden import Answer
from tests.faults.asking import Asker
from tests.faults.flights import Flights
from tests.faults.ledger import Change, Kind, Ledger, Outcome
from tests.faults.views import Viewer

__all__ = ["Writers"]

DELIVERIES: Final = "/api/v2/deliveries"
PLACE: Final = {"position": {"latitude": 45.4642, "longitude": 9.19}}
EPOCH: Final = datetime(2030, 1, 1, tzinfo=UTC)
DEADLINE: Final = "2060-01-01T00:00:00Z"
ALTERNATIVES: Final = ((Kind.RESCHEDULE, 0.55), (Kind.CANCEL, 0.75))
"""Up to which number drawn a lane changes one of its deliveries, and how; above, it orders another."""


EASIER: Final = 0.4
"""Seconds between two batches of positions, and between two looks at a view: changes are what a run counts."""


class Writers:
    """Several lanes, each of which does one thing after the other.

    Attributes:
        broken: What ended a lane that should have gone on.
        pause: Seconds after each change of a lane.
        viewer: Who looks at views.
    """

    def __init__(self, port: int, ledger: Ledger, log_in: Callable[[], str], seed: int, pause: float) -> None:
        """Write to the edge at `port`, in each lane with `pause` seconds after each change."""
        self.broken: list[str] = []
        self._asker = Asker(port, log_in)
        self._ledger = ledger
        self._seed = seed
        self.pause = pause
        self._numbers = count(1)
        self._ordered: list[str] = []
        self._flights = Flights(self._asker, ledger)
        self.viewer = Viewer(self._asker, self._ordered)
        self._stopping = threading.Event()

    @property
    def faults(self) -> list[Answer]:
        """Answers that nobody may get, such as 500."""
        return self._asker.faults

    @contextmanager
    def writing(self, lanes: int) -> Iterator[None]:
        """Write for as long as the block lasts; what is being asked for then is asked to its end.

        Besides the `lanes` that change deliveries two send positions, and one looks at views.
        """
        beside = (self._flights.send, self._flights.send, self.viewer.look)
        works = [partial(self._write_on, lane) for lane in range(lanes)]
        works += [partial(self._repeat, do, lanes + number) for number, do in enumerate(beside)]
        threads = [threading.Thread(target=self._work, args=(work,)) for work in works]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            for thread in threads:
                thread.join()

    def _work(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException:
            self.broken.append(traceback.format_exc())
            raise

    def _repeat(self, do: Callable[[random.Random], None], lane: int) -> None:
        draw = random.Random(self._seed * 1000 + lane)  # noqa: S311 - a seeded run, no secret
        while not self._stopping.wait(EASIER):
            do(draw)

    def _write_on(self, lane: int) -> None:
        draw, mine = random.Random(self._seed * 1000 + lane), list[str]()  # noqa: S311 - a seeded run, no secret
        while not self._stopping.wait(self.pause):
            drawn = draw.random()
            kind = next((kind for kind, most in ALTERNATIVES if mine and drawn < most), Kind.CREATE)
            delivery = draw.choice(mine) if kind is not Kind.CREATE else ""
            change = self._change(kind, delivery, next(self._numbers), draw)
            if change is None:
                continue
            if kind is Kind.CREATE and change.delivery:
                mine.append(change.delivery)
                self._ordered.append(change.delivery)
            elif kind is Kind.CANCEL and change.outcome is not Outcome.FAIL:
                mine.remove(delivery)

    def _change(self, kind: Kind, delivery: str, number: int, draw: random.Random) -> Change | None:
        """Ask for one change and write down what came of it; nothing where the delivery could not be read before."""
        mark = f"change {self._seed} {number}"
        headers = {"Content_Type": "application/json", "Idempotency_Key": str(uuid.UUID(int=draw.getrandbits(128)))}
        method, path, body = "POST", DELIVERIES, order(mark)
        if kind is Kind.RESCHEDULE:
            mark = (EPOCH + timedelta(seconds=number)).isoformat().replace("+00:00", "Z")
            method, path, body = "PUT", f"{DELIVERIES}/{delivery}/schedule", schedule(mark)
        elif kind is Kind.CANCEL:
            method, path, body = "PUT", f"{DELIVERIES}/{delivery}/cancellation", {"reason": mark}
        if kind is not Kind.CREATE:
            _, seen = self._asker.ask("GET", f"{DELIVERIES}/{delivery}", b"", {}, draw)
            if seen is None or "etag" not in seen.headers:
                return None
            headers["If_Match"] = seen.headers["etag"]
        self._ledger.invoke(mark, kind)
        touched, answer = self._asker.ask(method, path, json.dumps(body).encode(), headers, draw)
        if answer is None:
            outcome = Outcome.UNKNOWN if touched else Outcome.FAIL
        else:
            # A PUT that was heard before may itself have made the tag old that it is sent with again.
            refused = Outcome.UNKNOWN if touched and answer.status == 412 else Outcome.FAIL
            outcome = Outcome.OK if answer.status < 300 else refused
        if kind is Kind.CREATE and answer is not None and outcome is Outcome.OK:
            delivery = str(answer.json()["id"])
        change = Change(mark, kind, outcome, delivery)
        self._ledger.end(change)
        return change


def order(mark: str) -> dict[str, object]:
    """Return an order that carries `mark`, and weighs 500 g."""
    item = {"name": mark, "price": {"amount": "12.30", "currency": "EUR"}, "quantity": 1}
    pickup = EPOCH.isoformat().replace("+00:00", "Z")
    return {"pickup": PLACE, "dropoff": PLACE, "items": [item], "schedule": schedule(pickup)}


def schedule(pickup: str) -> dict[str, object]:
    """Return a schedule that begins then."""
    return {"pickup_time": pickup, "deadline": DEADLINE}
