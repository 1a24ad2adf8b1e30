"""An open loop of requests: so many a second, whether or not the ones before were answered, as the world asks.

`python benchmarks/open_loop.py URL RATE SECONDS` prints one JSON document; RATE 0 is a closed loop of 10 connections.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from urllib.parse import urlsplit

GOOD_SECONDS = 1.0
"""Who is answered later has gone."""
LATE_SECONDS = 0.05
"""A refusal is to be there within this."""
CLOSED_LOOP = 10
MOST_CONNECTIONS = 1000


class Generator:
    """Sends requests over connections that it keeps, and opens one more where none is idle."""

    def __init__(self, url: str) -> None:
        target = urlsplit(url)
        self.host, self.port = target.hostname or "", target.port or 80
        self.request = f"GET {target.path} HTTP/1.1\r\nHost: {target.netloc}\r\n\r\n".encode()
        self.statuses: Counter[int] = Counter()
        self.seconds: dict[int, list[float]] = {}
        self.good = 0
        self.connections = 0
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def once(self) -> None:
        """Send one request, and note what comes of it."""
        began = time.perf_counter()
        try:
            status = await self._exchange()
        except (OSError, asyncio.IncompleteReadError):
            self.statuses[0] += 1
            return
        took = time.perf_counter() - began
        self.statuses[status] += 1
        self.seconds.setdefault(status, []).append(took)
        self.good += status == 200 and took <= GOOD_SECONDS

    async def _exchange(self) -> int:
        if self._idle:
            connection = self._idle.pop()
        elif self.connections < MOST_CONNECTIONS:
            self.connections += 1
            connection = await asyncio.open_connection(self.host, self.port)
        else:
            return 0
        reader, writer = connection
        writer.write(self.request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        at = head.index(b"content-length:") + 15
        await reader.readexactly(int(head[at : head.index(b"\r", at)]))
        self._idle.append(connection)
        return int(head[9:12])

    async def run(self, rate: float, seconds: float) -> None:
        """Send `rate` requests a second."""
        began, sent, tasks = time.perf_counter(), 0, set()
        while (now := time.perf_counter() - began) < seconds:
            while sent < now * rate:
                sent += 1
                task = asyncio.create_task(self.once())
                tasks.add(task)
                task.add_done_callback(tasks.discard)
            await asyncio.sleep(0.001)
        if tasks:
            await asyncio.wait(tasks, timeout=5)

    async def loop(self, seconds: float) -> None:
        """Send the next request when the one before is answered, on a few connections."""
        ends = time.perf_counter() + seconds

        async def follow() -> None:
            while time.perf_counter() < ends:
                await self.once()

        await asyncio.gather(*(follow() for _ in range(CLOSED_LOOP)))


def _quantiles(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    named = {name: round(ordered[int(len(ordered) * at)] * 1000, 1) for name, at in (("p50", 0.5), ("p99", 0.99))}
    return {**named, "late": sum(value > LATE_SECONDS for value in values) / len(values)}


def main() -> None:
    """Generate and print."""
    url, rate, seconds = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
    generator = Generator(url)
    began = time.perf_counter()
    asyncio.run(generator.run(rate, seconds) if rate else generator.loop(seconds))
    told = {
        "goodput": generator.good / min(seconds, time.perf_counter() - began),
        "statuses": dict(generator.statuses),
        "milliseconds": {status: _quantiles(values) for status, values in generator.seconds.items()},
        "connections": generator.connections,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
