"""Handlers that keep their callers waiting are named by a metric, and by `arnia doctor`."""

import os
import time
from pathlib import Path
from typing import Final

import psutil
from tests.unit.chassis_observing import observed_service

from arnia import commands
from arnia.local.budgets import SlowRoute, slow_routes
from arnia.local.folder import Folder
from arnia.local.ports import free_port
from arnia.local.state import ProcessState, ServiceState, State
from arnia.testing.http import AsgiClient, call
from arnia.testing.processes import ServiceProcess

MODULE: Final = "tests.unit.chassis_observing.observed_service"
LATE: Final = "GET /api/v1/things/wait/{milliseconds}"


def running(url: str, data: Path, condition: str = "ready") -> State:
    """Return the state of an ecosystem whose one service listens at `url`."""
    replica = ProcessState.model_validate({"name": "observed-1", "condition": condition, "url": url})
    return State(
        ecosystem="watched",
        pid=os.getpid(),
        started=psutil.Process().create_time(),
        ready=True,
        edge_url="http://127.0.0.1:1",
        data=str(data),
        services={"observed": ServiceState(url=url, pid=None, replicas=(replica,))},
        servers={},
        exposed=(),
    )


async def test_what_exceeds_the_budget_is_counted_by_route() -> None:
    """A handler that takes longer is counted, one that does not is not, and 0 counts nothing."""
    for budget, counted in ((200, True), (0, False)):
        app = observed_service.create().asgi(observed_service.settings(sync_budget_ms=budget))
        client = AsgiClient(app)
        for milliseconds in (0, 300):
            await client.send(call("GET", f"/api/v1/things/wait/{milliseconds}"))
        told = (await client.send(call("GET", "/metrics"))).body.decode()
        line = f'arnia_sync_budget_exceeded_total{{http_request_method="GET",http_route="{LATE[4:]}"}} 1.0'
        assert (line in told) is counted


async def test_what_is_not_waited_for_has_no_budget() -> None:
    """A 202 and a stream may take their time: whoever asked has an answer, or reads what is there."""
    app = observed_service.create().asgi(observed_service.settings(sync_budget_ms=20))
    client = AsgiClient(app)
    answers = [await client.send(call("GET", f"/api/v1/things/{kind}/40")) for kind in ("later", "stream")]
    assert [answer.status for answer in answers] == [202, 200]
    assert "arnia_sync_budget_exceeded_total{" not in (await client.send(call("GET", "/metrics"))).body.decode()


def test_doctor_names_the_route(tmp_path: Path) -> None:
    """Once is an accident; what keeps happening is a finding that says what to do."""
    with ServiceProcess("observed", MODULE, {"sync_budget_ms": 200}, tmp_path / "log") as service:
        state = running(service.url, tmp_path)
        service.status("/api/v1/things/wait/300")
        assert slow_routes(state) == ()
        for _ in range(5):
            service.status("/api/v1/things/wait/300")
        assert slow_routes(state) == (SlowRoute(service="observed", route=LATE, late=6, answers=6),)
        Folder(tmp_path).state.write_text(state.model_dump_json())
        findings = {one.subject: one for one in commands.doctor(data=tmp_path, port=free_port()).findings}
        assert not findings["handlers"].ok
        assert LATE in findings["handlers"].detail
        assert "202" in findings["handlers"].detail
        for _ in range(150):
            service.status("/api/v1/things/wait/0")
        assert slow_routes(state) == ()


def test_who_does_not_answer_is_left_out(tmp_path: Path) -> None:
    """A replica that is down or still starts says nothing, and nobody waits for it."""
    began = time.monotonic()
    assert slow_routes(running(f"http://127.0.0.1:{free_port()}", tmp_path)) == ()
    assert slow_routes(running("http://127.0.0.1:1", tmp_path, condition="starting")) == ()
    assert time.monotonic() - began < 20
