"""What a declared client costs: calls/s and client CPU per call at 50 in flight, beside the bare libraries.

The upstream is a process of its own on another core, and answers the same 82 bytes of JSON to all. Each client runs
in a process of its own, in rounds that alternate; a ratio is the median of same-round ratios of CPU per call. The
declared client also validates the answer, keeps the deadline, the budget, the breaker and the bulkhead, and counts.

Bare libraries parse the answer into a dictionary and look at nothing, and what is compared with aiohttp is compared
with that. "aiohttp, validated" does by hand what a caller of a service must besides: it sends the same headers, has a
timeout, looks at the status, and reads the answer as the same model.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import aiohttp
import httpx2
import uvloop
from pydantic import BaseModel
from pyreqwest.client import ClientBuilder

from arnia.chassis.answer_cache import AnswerCache
from arnia.chassis.calls import Caller
from arnia.chassis.client import CallPolicy, Client, Origin, get
from arnia.chassis.dependency import Dependency
from arnia.chassis.traces import Trace
from arnia.chassis.transport_httpx import HttpxTransport
from arnia.chassis.transport_pyreqwest import PyreqwestTransport
from arnia.chassis.transports import TransportOptions

IN_FLIGHT, SECONDS, ROUNDS = 50, 2.0, 5
PATH = f"/api/v1/drones/{UUID(int=7)}"
BODY = json.dumps({"id": str(UUID(int=7)), "model": "kestrel", "free_kg": 2.5, "x": "y"}).encode()
NAMES = ("declared, pyreqwest", "declared, httpx", "pyreqwest", "aiohttp", "aiohttp, validated", "httpx")

Call = Callable[[], Awaitable[object]]
Close = Callable[[], Awaitable[None]]


class Drone(BaseModel):
    """What the callers that validate see of the answer."""

    id: UUID
    model: str


class Upstream(asyncio.Protocol):
    """Answers every request with the same bytes."""

    ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(BODY) + BODY

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(self.ANSWER * data.count(b"\r\n\r\n"))


async def serve() -> None:
    """Run the upstream until it is ended."""
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def declared(url: str, carrier: str) -> tuple[Call, Close]:
    """Return a call of a declared client."""

    class Drones(Client, service="drone"):
        @get("/drones/{drone_id}")
        async def read(self, drone_id: UUID) -> Drone: ...

    options = TransportOptions(url=url, max_connections=IN_FLIGHT, connect_seconds=10)
    transport = PyreqwestTransport(options) if carrier == "pyreqwest" else HttpxTransport(options)
    caller = Caller(
        Dependency("drone", CallPolicy(timeout_ms=30_000, breaker_slow_ms=30_000)), transport, None, AnswerCache()
    )

    trace = Trace("1" * 32)

    async def call() -> object:
        origin = Origin(deadline=time.monotonic() + 60, request_id="r", trace=trace)
        return await Drones(caller, origin).read(UUID(int=7))

    return call, caller.close


def bare_pyreqwest(url: str) -> tuple[Call, Close]:
    """Return a call of pyreqwest."""

    client = ClientBuilder().http1_only().no_proxy().max_connections(IN_FLIGHT).build()

    async def call() -> object:
        return await (await client.get(url + PATH).build().send()).json()

    return call, client.close


async def bare_aiohttp(url: str) -> tuple[Call, Close]:
    """Return a call of aiohttp."""

    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=IN_FLIGHT))

    async def call() -> object:
        async with session.get(url + PATH) as answer:
            return await answer.json()

    return call, session.close


async def careful_aiohttp(url: str) -> tuple[Call, Close]:
    """Return a call of aiohttp by somebody who is careful."""

    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=IN_FLIGHT))
    trace = Trace("1" * 32)

    async def call() -> object:
        headers = {
            "accept": "application/json",
            "x-request-id": "r",
            "arnia-retry": "above",
            "request-timeout-ms": "30000",
            "traceparent": trace.parent_of(trace.new_call()),
        }
        timeout = aiohttp.ClientTimeout(total=30)
        async with session.get(f"{url}/api/v1/drones/{UUID(int=7)}", headers=headers, timeout=timeout) as answer:
            answer.raise_for_status()
            return Drone.model_validate_json(await answer.read())

    return call, session.close


def bare_httpx(url: str) -> tuple[Call, Close]:
    """Return a call of httpx, under the name that it is maintained by."""

    client = httpx2.AsyncClient(limits=httpx2.Limits(max_connections=IN_FLIGHT, max_keepalive_connections=IN_FLIGHT))

    async def call() -> object:
        return (await client.get(url + PATH)).json()

    return call, client.aclose


async def measure(name: str, url: str) -> tuple[float, float]:
    """Return calls/s and microseconds of CPU per call of the client `name`."""
    if name.startswith("declared"):
        call, close = declared(url, name.rpartition(" ")[2])
    elif name.startswith("aiohttp"):
        call, close = await (bare_aiohttp if name == "aiohttp" else careful_aiohttp)(url)
    else:
        call, close = {"pyreqwest": bare_pyreqwest, "httpx": bare_httpx}[name](url)
    done = 0

    async def keep_calling(until: float) -> None:
        nonlocal done
        while time.perf_counter() < until:
            await call()
            done += 1

    await asyncio.gather(*(keep_calling(time.perf_counter() + 0.3) for _ in range(IN_FLIGHT)))
    done, began, cpu = 0, time.perf_counter(), time.process_time()
    await asyncio.gather(*(keep_calling(began + SECONDS) for _ in range(IN_FLIGHT)))
    result = done / (time.perf_counter() - began), (time.process_time() - cpu) / done * 1e6
    await close()
    return result


def main() -> None:
    """Measure and print."""
    cores = sorted(os.sched_getaffinity(0))
    with subprocess.Popen([sys.executable, __file__, "serve"], stdout=subprocess.PIPE, text=True) as upstream:
        os.sched_setaffinity(upstream.pid, {cores[-1]})
        os.sched_setaffinity(0, {cores[0]})
        assert upstream.stdout is not None
        url = f"http://127.0.0.1:{int(upstream.stdout.readline())}"
        try:
            rounds = [{name: _apart(name, url) for name in NAMES} for _ in range(ROUNDS)]
        finally:
            upstream.terminate()
    print(f"{'client':22} {'calls/s':>9} {'CPU us/call':>12} {'of aiohttp':>11}")
    for name in NAMES:
        rate, cpu = (statistics.median(each[name][at] for each in rounds) for at in (0, 1))
        ratio = statistics.median(each[name][1] / each["aiohttp"][1] for each in rounds)
        print(f"{name:22} {rate:9,.0f} {cpu:12.1f} {ratio:11.2f}")


def _apart(name: str, url: str) -> tuple[float, float]:
    done = subprocess.run([sys.executable, __file__, name, url], check=True, capture_output=True, text=True)
    rate, cpu = done.stdout.split()
    return float(rate), float(cpu)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve"]:
            uvloop.run(serve())
        case [name, url]:
            print(*uvloop.run(measure(name, url)))
        case _:
            main()
