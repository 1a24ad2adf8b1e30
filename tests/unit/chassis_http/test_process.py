"""The process of a service: how it starts, refuses to, drains and ends."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

HERE = Path(__file__).parent
CODE = "from sample_service import create\nfrom arnia.chassis.process import run\nrun(create)\n"
HASTY = """
import logging, os, signal

class Hasty(logging.Handler):
    def emit(self, record):
        if record.getMessage().startswith("Application startup complete"):
            os.kill(os.getpid(), signal.SIGTERM)

logging.getLogger("uvicorn.error").addHandler(Hasty())
"""
NOTE = "/api/v1/notes/00000000-0000-0000-0000-000000000001"


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def command(*verbs: str) -> list[str]:
    """Return the command line of the sample service."""
    return [sys.executable, "-c", CODE, *verbs]


def environment(**settings: str) -> dict[str, str]:
    """Return an environment with nothing but `settings`."""
    return {"PYTHONPATH": str(HERE), "PATH": os.environ["PATH"], **settings}


@contextmanager
def running(log: Path, **settings: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Run the sample service until the block ends; yield its process and URL."""
    port = free_port()
    given = environment(SAMPLE_PORT=str(port), **settings)
    with log.open("wb") as stream:
        process = subprocess.Popen(command(), env=given, stdout=stream, stderr=stream, cwd=log.parent)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                if httpx.get(f"{url}/readyz").status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.05)
        else:
            pytest.fail(f"not ready: {log.read_text()}")
        yield process, url
    finally:
        process.kill()
        process.wait()


def test_wrong_settings_end_the_process_before_a_port_opens(tmp_path: Path) -> None:
    """Exit 2, one line a fault on stderr, each naming its variable."""
    given = environment(SAMPLE_LOG_LEVEL="canary", SAMPLE_MAX_BODY_BYTES="0")
    ended = subprocess.run(command(), env=given, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert ended.returncode == 2
    lines = ended.stderr.splitlines()
    assert {line.split()[0] for line in lines} == {"SAMPLE_PORT", "SAMPLE_LOG_LEVEL", "SAMPLE_MAX_BODY_BYTES"}
    assert "canary" not in ended.stderr + ended.stdout


def test_unknown_verb_is_wrong_usage(tmp_path: Path) -> None:
    """A verb that does not exist ends with exit 2 and the verbs that do."""
    ended = subprocess.run(command("fly"), env=environment(), capture_output=True, text=True, cwd=tmp_path, check=False)
    assert ended.returncode == 2
    assert "serve" in ended.stderr


def test_contract_needs_no_settings(tmp_path: Path) -> None:
    """The contract is printed from the code alone."""
    ended = subprocess.run(command("contract"), env=environment(), capture_output=True, cwd=tmp_path, check=True)
    told = json.loads(ended.stdout)
    assert set(told) == {"openapi", "protocols", "settings", "asyncapi", "calls", "routers"}
    assert told["openapi"]["v1"]["paths"]["/api/v1/notes"]


def test_tables_of_a_service_without_any(tmp_path: Path) -> None:
    """The tables and the first migration are printed from the code alone; without a database there are none."""
    ended = subprocess.run(command("tables"), env=environment(), capture_output=True, cwd=tmp_path, check=True)
    assert json.loads(ended.stdout) == {"tables": [], "migration": None}


def test_logs_are_json_lines_without_what_was_sent(tmp_path: Path) -> None:
    """Each line on stdout is one JSON object; a request's line has its trace and no query or body."""
    log = tmp_path / "log"
    with running(log) as (process, url):
        httpx.get(f"{url}{NOTE}?canary=canary", headers={"X-Request-Id": "mine"})
        httpx.post(f"{url}/api/v1/notes", json={"text": 1, "canary": "canary"})
        httpx.get(f"{url}/plain/fault")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    request = next(line for line in lines if line.get("request_id") == "mine")
    assert request["path"] == NOTE
    assert request["status"] == 400
    assert (request["service"], request["version"]) == ("sample", "0.0.0")
    assert not [line for line in lines if "canary=" in str(line) or "'canary': 'canary'" in str(line)]
    assert any("exception" in line and line["trace_id"] for line in lines)


def test_port_that_is_taken_ends_the_process(tmp_path: Path) -> None:
    """A port in use is something outside: exit 3, or uvicorn's own 1, but never a hang."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        given = environment(SAMPLE_PORT=str(taken.getsockname()[1]))
        ended = subprocess.run(command(), env=given, capture_output=True, cwd=tmp_path, check=False, timeout=30)
    assert ended.returncode == 3


def test_hears_a_signal_before_its_port_is_open(tmp_path: Path) -> None:
    """A signal that comes when the application has begun, and nobody is listened to yet, ends the process too."""
    given = environment(SAMPLE_PORT=str(free_port()))
    ended = subprocess.run(
        [sys.executable, "-c", HASTY + CODE], env=given, capture_output=True, cwd=tmp_path, check=False, timeout=60
    )
    assert b"Application startup complete" in ended.stdout
    assert ended.returncode == 0


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x00\x01\x02\r\n\r\n",
        b"GET /\x00canary HTTP/1.1\r\nHost: a\r\n\r\n",
        b"canary\r\n\r\n",
        b"POST /api/v1/notes HTTP/1.1\r\nHost: a\r\nContent-Length: canary\r\n\r\n",
        b"POST /api/v1/notes HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_no_http_is_told_as_a_problem(raw: bytes, served: str) -> None:
    """Broken framing gets 400 as problem details, and the connection ends."""
    host, _, port = served.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(raw)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in answer
    assert b"canary" not in answer


def test_head_without_an_end_is_cut(served: str) -> None:
    """A head that never ends is refused with 431 long before it fills the memory, and large bodies are not meant."""
    host, _, port = served.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX-Long: ")
        connection.sendall(b"x" * 300_000)
        assert connection.recv(65536).startswith(b"HTTP/1.1 431 ")
    assert httpx.post(f"{served}/api/v1/notes", json={"text": "x" * 500_000}).status_code == 201


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One running sample service for the tests that only talk to it."""
    with running(tmp_path_factory.mktemp("served") / "log") as (_, url):
        yield url


async def test_stopping_under_load_loses_no_request(tmp_path: Path) -> None:
    """After SIGTERM everybody is still answered until they go elsewhere, and the process ends with 0.

    Like the edge, the clients open no new connection once readiness says no; what they sent before is answered.
    """
    with running(tmp_path / "log", SAMPLE_DRAIN_SECONDS="3") as (process, url):
        leaving = asyncio.Event()
        clients = [asyncio.create_task(ask_until(leaving, int(url.rpartition(":")[2]))) for _ in range(20)]
        await asyncio.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        async with httpx.AsyncClient() as probe:
            while (await probe.get(f"{url}/readyz")).status_code == 200:  # noqa: ASYNC110 - another process is asked
                await asyncio.sleep(0.01)
            assert (await probe.get(f"{url}/livez")).status_code == 200
        leaving.set()
        answered = await asyncio.gather(*clients)
        assert await asyncio.to_thread(process.wait, 30) == 0
    assert all(count > 0 for count in answered)


async def ask_until(leaving: asyncio.Event, port: int) -> int:
    """Ask over and over, on kept connections, until it is time to leave; fail if a request is not answered."""
    answered = 0
    while not leaving.is_set():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        told_to_close = False
        while not told_to_close and not leaving.is_set():
            writer.write(f"GET {NOTE} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            assert head.startswith(b"http/1.1 200")
            await reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]))
            answered += 1
            told_to_close = b"connection: close" in head
        writer.close()
    return answered


def exchanged(url: str, request: bytes) -> bytes:
    """Return what comes back for `request`, its last header among it, until the server has answered."""
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(request)
        return connection.recv(65_536)


def test_requests_that_clients_seldom_send(tmp_path: Path) -> None:
    """OPTIONS * lists the methods, a request without Host or with two is refused, and no body is cut off unnoticed."""
    upgrade = b"Connection: upgrade\r\nUpgrade: h2c\r\nContent-Type: application/json\r\nContent-Length: 12\r\n"
    with running(tmp_path / "log") as (_, url):
        everywhere = exchanged(url, b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")
        assert everywhere.startswith(b"HTTP/1.1 204")
        assert b"allow: DELETE, GET, HEAD, OPTIONS, PATCH, POST\r\n" in everywhere
        for hosts in (b"", b"Host: a\r\nHost: b\r\n"):
            assert exchanged(url, f"GET {NOTE} HTTP/1.1\r\n".encode() + hosts + b"\r\n").startswith(b"HTTP/1.1 400")
        assert exchanged(url, f"GET {NOTE} HTTP/1.0\r\n\r\n".encode()).startswith(b"HTTP/1.1 200")
        cut = exchanged(url, b"POST /api/v1/notes HTTP/1.1\r\nHost: a\r\n" + upgrade + b'\r\n{"text":"x"}')
        assert cut.startswith(b"HTTP/1.1 400")
        assert b"connection: close\r\n" in cut


def test_help_says_what_each_verb_does(tmp_path: Path) -> None:
    """--help needs no settings, names every verb and ends with 0."""
    done = subprocess.run(
        command("--help"), env=environment(), capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert all(f"\n  {verb} " in done.stdout for verb in ("serve", "migrate", "contract", "tables"))


def test_a_service_is_a_plain_asgi_application(tmp_path: Path) -> None:
    """`uvicorn module:service` serves it on the server's own port; a wrong setting ends the start with its sentence."""
    (tmp_path / "plain.py").write_text("from sample_service import create\nservice = create()\n")
    port = free_port()
    line = [sys.executable, "-m", "uvicorn", "plain:service", "--port", str(port)]
    told = subprocess.run(
        line, env=environment(SAMPLE_LOG_LEVEL="loud"), capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert told.returncode == 3
    assert "SAMPLE_LOG_LEVEL is not valid: it must be one of 'debug'" in told.stderr
    assert "Traceback" not in told.stderr
    with subprocess.Popen(line, env=environment(), cwd=tmp_path, stderr=subprocess.DEVNULL) as process:
        try:
            with httpx.Client(transport=httpx.HTTPTransport(retries=10)) as client:
                assert client.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
        finally:
            process.terminate()
