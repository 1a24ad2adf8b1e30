"""The process of a service: how it starts, refuses to, drains and ends."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import httpx2
import pytest
from tests.unit.chassis_http.sample_service import create

from arnia.chassis.process import run
from arnia.local.ports import free_port
from arnia.testing.processes import ServiceProcess

HERE: Final = Path(__file__).parent
SAMPLE: Final = "tests.unit.chassis_http.sample_service"
HASTY: Final = "tests.unit.chassis_http.hasty_service"
NOTE: Final = "/api/v1/notes/00000000-0000-0000-0000-000000000001"

Asked = Callable[[str], tuple[int, str, str]]


def running(log: Path, **settings: object) -> ServiceProcess:
    """Return the sample service as a process, which runs until its block ends."""
    return ServiceProcess("sample", SAMPLE, settings, log)


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Asked:
    """Ask the service for something that ends by itself; return the exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("SAMPLE_")]:
        monkeypatch.delenv(name)

    def outcome(*verbs: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["sample", *verbs])
        with pytest.raises(SystemExit) as ended:
            run(create)
        assert isinstance(ended.value.code, int)
        return ended.value.code, *capsys.readouterr()

    return outcome


def test_wrong_settings_end_the_process_before_a_port_opens(ask: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 2, one line a fault on stderr, each naming its variable."""
    monkeypatch.setenv("SAMPLE_LOG_LEVEL", "canary")
    monkeypatch.setenv("SAMPLE_MAX_BODY_BYTES", "0")
    code, out, err = ask("serve")
    assert code == 2
    assert {line.split()[0] for line in err.splitlines()} == {
        "SAMPLE_PORT",
        "SAMPLE_LOG_LEVEL",
        "SAMPLE_MAX_BODY_BYTES",
    }
    assert "canary" not in err + out


def test_unknown_verb_is_wrong_usage(ask: Asked) -> None:
    """A verb that does not exist ends with exit 2 and the verbs that do."""
    code, _, err = ask("fly")
    assert code == 2
    assert "serve" in err


def test_contract_needs_no_settings(ask: Asked) -> None:
    """The contract is printed from the code alone."""
    code, out, _ = ask("contract")
    told = json.loads(out)
    assert code == 0
    assert set(told) == {"openapi", "protocols", "settings", "asyncapi", "calls", "routers"}
    assert told["openapi"]["v1"]["paths"]["/api/v1/notes"]


def test_tables_of_a_service_without_any(ask: Asked) -> None:
    """The tables and the first migration are printed from the code alone; without a database there are none."""
    code, out, _ = ask("tables")
    assert (code, json.loads(out)) == (0, {"tables": [], "migration": None})


def test_logs_are_json_lines_without_what_was_sent(tmp_path: Path) -> None:
    """Each line on stdout is one JSON object; a request's line has its trace and no query or body."""
    log = tmp_path / "log"
    with running(log) as process, httpx2.Client(base_url=process.url) as client:
        client.get(f"{NOTE}?canary=canary", headers={"X-Request-Id": "mine"})
        client.post("/api/v1/notes", json={"text": 1, "canary": "canary"})
        client.get("/plain/fault")
        process.terminate()
        assert process.wait() == 0
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
        assert running(tmp_path / "log", port=taken.getsockname()[1]).run() == 3


def test_hears_a_signal_before_its_port_is_open(tmp_path: Path) -> None:
    """A signal that comes when the application has begun, and nobody is listened to yet, ends the process too."""
    log = tmp_path / "log"
    assert ServiceProcess("sample", HASTY, {}, log).run() == 0
    assert "Application startup complete" in log.read_text()


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
    assert httpx2.post(f"{served}/api/v1/notes", json={"text": "x" * 500_000}).status_code == 201


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One running sample service for the tests that only talk to it."""
    with running(tmp_path_factory.mktemp("served") / "log") as process:
        yield process.url


async def test_stopping_under_load_loses_no_request(tmp_path: Path) -> None:
    """After SIGTERM everybody is still answered until they go elsewhere, and the process ends with 0.

    Like the edge, the clients open no new connection once readiness says no; what they sent before is answered.
    Nothing is shed: on a busy machine twenty of them that ask all the time are an overload.
    """
    with running(tmp_path / "log", drain_seconds=3, shed_overload=False) as process:
        leaving = asyncio.Event()
        clients = [asyncio.create_task(ask_until(leaving, process.port)) for _ in range(20)]
        await asyncio.sleep(0.5)
        process.terminate()
        async with httpx2.AsyncClient(base_url=process.url, timeout=60) as probe:
            while (await probe.get("/readyz")).status_code == 200:  # noqa: ASYNC110 - another process is asked
                await asyncio.sleep(0.01)
            assert (await probe.get("/livez")).status_code == 200
        leaving.set()
        answered = await asyncio.gather(*clients)
        assert await asyncio.to_thread(process.wait) == 0
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


def test_requests_that_clients_seldom_send(served: str) -> None:
    """OPTIONS * lists the methods, a request without Host or with two is refused, and no body is cut off unnoticed."""
    upgrade = b"Connection: upgrade\r\nUpgrade: h2c\r\nContent-Type: application/json\r\nContent-Length: 12\r\n"
    everywhere = exchanged(served, b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")
    assert everywhere.startswith(b"HTTP/1.1 204")
    assert b"allow: DELETE, GET, HEAD, OPTIONS, PATCH, POST\r\n" in everywhere
    for hosts in (b"", b"Host: a\r\nHost: b\r\n"):
        assert exchanged(served, f"GET {NOTE} HTTP/1.1\r\n".encode() + hosts + b"\r\n").startswith(b"HTTP/1.1 400")
    assert exchanged(served, f"GET {NOTE} HTTP/1.0\r\n\r\n".encode()).startswith(b"HTTP/1.1 200")
    cut = exchanged(served, b"POST /api/v1/notes HTTP/1.1\r\nHost: a\r\n" + upgrade + b'\r\n{"text":"x"}')
    assert cut.startswith(b"HTTP/1.1 400")
    assert b"connection: close\r\n" in cut


def test_help_says_what_each_verb_does(ask: Asked) -> None:
    """--help needs no settings, names every verb and ends with 0."""
    code, out, err = ask("--help")
    assert (code, err) == (0, "")
    assert all(f"\n  {verb} " in out for verb in ("serve", "migrate", "contract", "tables"))


def test_a_service_is_a_plain_asgi_application(tmp_path: Path) -> None:
    """`uvicorn module:service` serves it on the server's own port; a wrong setting ends the start with its sentence."""
    (tmp_path / "plain.py").write_text("from sample_service import create\nservice = create()\n")
    port = free_port()
    environment = {"PYTHONPATH": str(HERE), "PATH": os.environ["PATH"]}
    line = [sys.executable, "-m", "uvicorn", "plain:service", "--port", str(port)]
    wrong = {**environment, "SAMPLE_LOG_LEVEL": "loud"}
    told = subprocess.run(line, env=wrong, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert told.returncode == 3
    assert "SAMPLE_LOG_LEVEL is not valid: it must be one of 'debug'" in told.stderr
    assert "Traceback" not in told.stderr
    with subprocess.Popen(line, env=environment, cwd=tmp_path, stderr=subprocess.DEVNULL) as process:
        try:
            with httpx2.Client(transport=httpx2.HTTPTransport(retries=10)) as client:
                assert client.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
        finally:
            process.terminate()
