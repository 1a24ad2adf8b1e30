"""Overload: a burst is a queue, what lasts is refused quickly, and what is left is served as if there were no more."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import httpx
from tests.unit.chassis_observing import observed_service

from arnia.chassis.overload import ARRIVED, Overload
from arnia.testing.http import AsgiClient, call
from arnia.testing.processes import ServiceProcess

MODULE: Final = "tests.unit.chassis_observing.observed_service"
GENERATOR: Final = Path(__file__).parents[3] / "benchmarks" / "open_loop.py"
ROUTE: Final = ("GET", "/x")


class Simulated:
    """A process that works on ten requests at once, a tenth of a second each, in simulated time."""

    slots = 10
    work = 0.1

    def __init__(self) -> None:
        self.now = 0.0
        self.overload = Overload(lambda: self.now)
        self._free = [0.0] * self.slots
        self._ends: list[tuple[float, float, bool]] = []
        self.in_time = 0

    def arrive(self) -> bool:
        """Take a request in, if it is admitted."""
        self._finish(self.now)
        alone = self.overload.quiet(self.now, self.now)
        if not self.overload.enters(self.now, self.now):
            return False
        slot = min(range(self.slots), key=self._free.__getitem__)
        self._free[slot] = max(self._free[slot], self.now) + self.work
        self._ends.append((self._free[slot], self.now, alone))
        return True

    def _finish(self, until: float) -> None:
        due = sorted(one for one in self._ends if one[0] <= until)
        self._ends = [one for one in self._ends if one[0] > until]
        for ends, began, alone in due:
            self.now = ends
            self.in_time += ends - began <= 1
            self.overload.leaves(ROUTE, began, alone=alone, counts=True)
        self.now = until

    def drive(self, rate: float, seconds: float) -> tuple[int, int]:
        """Let requests arrive evenly; return how many were refused and how many answered within a second."""
        refused, before = 0, self.in_time
        for _ in range(int(rate * seconds)):
            self.now += 1 / rate
            refused += not self.arrive()
        return refused, self.in_time - before


def test_nobody_is_refused_below_capacity() -> None:
    """Ninety of a hundred that are possible: all are served, however long."""
    process = Simulated()
    refused, good = process.drive(90, 60)
    assert (refused, good > 5380) == (0, True)


def test_a_burst_is_only_a_queue() -> None:
    """A hundred at once are taken in, and where forty are worked off soon nothing is limited after them."""
    process = Simulated()
    assert all(process.arrive() for _ in range(100))
    process = Simulated()
    process.drive(20, 5)
    assert all(process.arrive() for _ in range(40))
    assert process.drive(20, 10)[0] == 0
    assert process.overload.limit is None


def test_goodput_under_five_times_the_load_is_nearly_the_peak() -> None:
    """Thirty seconds of it: nine tenths of what is possible are answered in time, and the rest is refused at once."""
    process = Simulated()
    process.drive(50, 5)
    refused, good = process.drive(500, 30)
    assert good >= 0.9 * 100 * 30
    assert refused >= 11_000
    assert process.overload.limit is not None
    assert process.overload.limit < 40


def test_when_it_is_over_nothing_is_limited_any_more() -> None:
    """Some seconds after the last refusal the limit is gone, and everybody is served again."""
    process = Simulated()
    process.drive(50, 5)
    process.drive(500, 10)
    process.drive(50, 8)
    assert process.overload.limit is None
    assert process.drive(90, 10)[0] == 0


def test_overload_never_passes_for_normal() -> None:
    """Ten minutes of it: what is learned from a crowded process does not move the target."""
    process = Simulated()
    process.drive(50, 5)
    process.drive(500, 600)
    _, good = process.drive(500, 10)
    assert good >= 0.9 * 100 * 10


def test_a_service_that_became_slower_is_measured_anew() -> None:
    """What takes twice as long from now on, for other reasons than load, is not refused for ever."""
    process = Simulated()
    process.drive(50, 5)
    process.work = 0.5
    process.drive(18, 60)
    assert process.drive(18, 30)[0] == 0


async def test_a_refusal_is_a_problem_with_a_trace_and_says_when_to_come_back() -> None:
    """503 with Retry-After, in the words of every other problem, and health is answered all the same."""
    app = observed_service.create().asgi(observed_service.settings())
    overload = app._overload
    assert overload is not None
    overload.limit, overload._bad_since = 0, 0.0
    client, trace = AsgiClient(app), "0af7651916cd43dd8448eb211c80319c"
    parent = {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    answer = await client.send(call("GET", "/api/v1/things/quick", headers=parent))
    assert (answer.status, answer.header("retry-after")) == (503, "1")
    assert answer.media_type == "application/problem+json"
    assert answer.json()["type"] == "/problems/unavailable"
    assert answer.json()["trace_id"] == answer.header("x-request-id") == trace
    assert int(answer.header("content-length") or "0") == len(answer.body)
    for path in ("/livez", "/metrics", "/problems/unavailable"):
        assert (await client.send(call("GET", path))).status == 200
    assert "arnia_requests_shed_total 1.0" in (await client.send(call("GET", "/metrics"))).body.decode()


async def test_shedding_can_be_turned_off() -> None:
    """By setting nobody is refused, and nothing of it is in the metrics."""
    app = observed_service.create().asgi(observed_service.settings(shed_overload=False))
    assert "arnia_requests_shed" not in (await AsgiClient(app).send(call("GET", "/metrics"))).body.decode()


async def test_what_waited_longer_than_its_caller_does_is_not_started() -> None:
    """The deadline counts from the arrival: whose turn comes after it gets 504, and no work is done."""
    app = observed_service.create().asgi(observed_service.settings())

    async def delayed(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, ARRIVED: asyncio.get_running_loop().time() * 0}, receive, send)

    answer = await AsgiClient(delayed).send(call("GET", "/api/v1/things/quick", headers={"request-timeout-ms": "100"}))
    assert answer.status == 504


def _drive(url: str, rate: float, seconds: float) -> Any:
    command = [sys.executable, str(GENERATOR), url, str(rate), str(seconds)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def test_a_real_process_goes_on_serving_under_too_much_load(tmp_path: Path) -> None:
    """Five times what its processor can do: it goes on with its work, refuses the rest, and says so in its metrics."""
    with ServiceProcess("observed", MODULE, {"log_level": "error"}, tmp_path / "log") as service:
        url = f"{service.url}/api/v1/things/burn/20"
        peak = _drive(url, 0, 2)["goodput"]
        over = _drive(url, 5 * peak, 6)
        # Its core is shared with others: nine tenths are what `benchmarks/overload.py` shows on a quiet one.
        assert over["goodput"] > 0.4 * peak
        assert over["statuses"]["503"] > over["statuses"]["200"]
        assert over["milliseconds"]["503"]["p50"] < 1000
        shed = httpx.get(f"{service.url}/metrics", timeout=60).text
        assert "arnia_requests_shed_total 0.0" not in shed
        assert service.status("/livez") == 200
