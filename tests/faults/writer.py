"""Clients that order, reschedule and cancel deliveries through the edge, and ask again until they are told."""

import http.client
import json
import random
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Final

from tests.ecosystem.garden import Answer, call
from tests.faults.ledger import Change, Kind, Ledger, Outcome

__all__ = ["Writers"]

DELIVERIES: Final = "/api/v2/deliveries"
PLACE: Final = {"position": {"latitude": 45.4642, "longitude": 9.19}}
EPOCH: Final = datetime(2030, 1, 1, tzinfo=UTC)
DEADLINE: Final = "2060-01-01T00:00:00Z"
PATIENCE: Final = 90.0
"""Seconds for which a client asks the same again."""
HASTE: Final = 0.1
"""Which part of the clients that got no answer never asks again."""
LOST: Final = (OSError, http.client.HTTPException)
AGAIN: Final = frozenset({401, 408, 425, 429, 502, 503, 504})
IN_PROGRESS: Final = "/problems/idempotency-in-progress"
UNTOUCHED: Final = frozenset({401, 429})
"""Who is answered this was not even heard."""
ALTERNATIVES: Final = ((Kind.RESCHEDULE, 0.55), (Kind.CANCEL, 0.75))
"""Up to which number drawn a lane changes one of its deliveries, and how; above, it orders another."""


class Writers:
    """Several lanes, each of which does one thing after the other.

    Attributes:
        faults: Answers that nobody may get, such as 500.
        broken: What ended a lane that should have gone on.
        pause: Seconds after each change of a lane.
    """

    def __init__(self, port: int, ledger: Ledger, log_in: Callable[[], str], seed: int, pause: float) -> None:
        """Write to the edge at `port`, in each lane with `pause` seconds after each change."""
        self.faults: list[Answer] = []
        self.broken: list[str] = []
        self._port = port
        self._ledger = ledger
        self._log_in = log_in
        self._seed = seed
        self.pause = pause
        self._numbers = count(1)
        self._token = log_in()
        self._stopping = threading.Event()

    @contextmanager
    def writing(self, lanes: int) -> Iterator[None]:
        """Write for as long as the block lasts; what is being asked for then is asked to its end."""
        threads = [threading.Thread(target=self._write, args=(lane,)) for lane in range(lanes)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            for thread in threads:
                thread.join()

    def _write(self, lane: int) -> None:
        try:
            self._write_on(lane)
        except BaseException:
            self.broken.append(traceback.format_exc())
            raise

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
            _, seen = self._ask("GET", f"{DELIVERIES}/{delivery}", b"", {}, draw)
            if seen is None or "etag" not in seen.headers:
                return None
            headers["If_Match"] = seen.headers["etag"]
        self._ledger.invoke(mark, kind)
        touched, answer = self._ask(method, path, json.dumps(body).encode(), headers, draw)
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

    def _ask(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str], draw: random.Random
    ) -> tuple[bool, Answer | None]:
        """Ask until there is an answer; tell whether an unanswered attempt may have been heard, and the answer."""
        until, touched, pause = time.monotonic() + PATIENCE, False, 0.05
        while time.monotonic() < until:
            try:
                bearer = {"Authorization": f"Bearer {self._token}"}
                answer = call(self._port, method, path, body, **{**headers, **bearer})
            except LOST:
                touched = True
            else:
                in_progress = answer.status == 409 and answer.json().get("type") == IN_PROGRESS
                if answer.status not in AGAIN and not in_progress:
                    if answer.status >= 500:
                        self.faults.append(answer)
                    return touched or answer.status >= 500, (answer if answer.status < 500 else None)
                touched = touched or answer.status not in UNTOUCHED
                self._renew(answer.status)
            if touched and method != "GET" and draw.random() < HASTE:
                return True, None
            time.sleep(pause)
            pause = min(pause * 2, 1.0)
        return touched, None

    def _renew(self, status: int) -> None:
        """Log in again where the token is over; while nobody can, the next attempt does."""
        if status == 401:
            try:
                self._token = self._log_in()
            except (*LOST, AssertionError):
                return


def order(mark: str) -> dict[str, object]:
    """Return an order that carries `mark`, and weighs 500 g."""
    item = {"name": mark, "price": {"amount": "12.30", "currency": "EUR"}, "quantity": 1}
    pickup = EPOCH.isoformat().replace("+00:00", "Z")
    return {"pickup": PLACE, "dropoff": PLACE, "items": [item], "schedule": schedule(pickup)}


def schedule(pickup: str) -> dict[str, object]:
    """Return a schedule that begins then."""
    return {"pickup_time": pickup, "deadline": DEADLINE}
