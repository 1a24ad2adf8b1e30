"""Load on one URL: Debian's wrk where it is installed, else a small closed-loop generator of this folder."""

import asyncio
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

CONNECTIONS = 50


@dataclass(frozen=True)
class Load:
    """What to send; a body makes it a POST."""

    url: str
    body: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def generator() -> str:
    """Name the program that makes the load."""
    return "wrk" if shutil.which("wrk") else "asyncio generator of benchmarks/load.py"


def drive(load: Load, seconds: float) -> tuple[int, int]:
    """Send for `seconds`; return how many requests were answered and how many of them not with a 2xx."""
    return _wrk(load, seconds) if shutil.which("wrk") else asyncio.run(_loop(load, seconds))


def _wrk(load: Load, seconds: float) -> tuple[int, int]:
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "request.lua")
        script.write_text(f"wrk.method='POST'; wrk.body=[[{load.body}]]" if load.body else "wrk.method='GET'")
        fields = {"Content-Type": "application/json", **load.headers} if load.body else load.headers
        script.open("a").write(
            "\nfunction done(summary, latency, requests)"
            "\n  print('ANSWERED ' .. summary.requests .. ' ' .. summary.errors.status) end\n"
        )
        named = [part for name, value in fields.items() for part in ("-H", f"{name}: {value}")]
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:.0f}s", *named, "-s", str(script), load.url]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    counts = next(line for line in printed.splitlines() if line.startswith("ANSWERED"))
    return int(counts.split()[1]), int(counts.split()[2])


async def _loop(load: Load, seconds: float) -> tuple[int, int]:
    ends = time.monotonic() + seconds
    counts = await asyncio.gather(*(_connection(load, ends) for _ in range(CONNECTIONS)))
    return sum(answered for answered, _ in counts), sum(refused for _, refused in counts)


async def _connection(load: Load, ends: float) -> tuple[int, int]:
    target = urlsplit(load.url)
    reader, writer = await asyncio.open_connection(target.hostname, target.port)
    body = (load.body or "").encode()
    head = f"{'POST' if body else 'GET'} {target.path} HTTP/1.1\r\nHost: {target.netloc}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in load.headers.items())
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    request, answered, refused = head.encode() + b"\r\n" + body, 0, 0
    while time.monotonic() < ends:
        writer.write(request)
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
        length = next(int(line.partition(":")[2]) for line in lines if line.startswith("content-length"))
        await reader.readexactly(length)
        answered += 1
        refused += not lines[0].split()[1].startswith("2")
    writer.close()
    return answered, refused
