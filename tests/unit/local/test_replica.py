"""What a process of a service says about itself, as the supervisor reads it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typing_extensions import override

from arnia.conventions import NO_KEYS_YET
from arnia.errors import UsageError
from arnia.local.ports import free_port
from arnia.local.replica import Code, Replica, is_told


@contextmanager
def saying(status: int, issuer: str) -> Iterator[int]:
    """Run a service that says so; yield its port."""

    class Ready(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"status": "ready", "dependencies": {"issuer": issuer}}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Ready)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def replica(port: int, folder: Path) -> Replica:
    """Return a process of a service that listens on `port`."""
    return Replica("bees-1", Code("bees", folder, folder), port, folder / "log")


@pytest.mark.parametrize(
    ("status", "issuer", "ready", "believes"),
    [(200, "keys 3 s old", True, True), (200, NO_KEYS_YET, True, False), (503, "keys 3 s old", False, False)],
)
def test_is_ready_before_it_can_verify_tokens(
    tmp_path: Path, status: int, issuer: str, *, ready: bool, believes: bool
) -> None:
    """A service may be ready without the issuer's keys; whoever starts an ecosystem waits for both."""
    with saying(status, issuer) as port:
        asked = replica(port, tmp_path)
        assert (asked.ready(), asked.believes()) == (ready, believes)


def test_who_does_not_answer_is_neither(tmp_path: Path) -> None:
    """A process that does not listen is not ready."""
    asked = replica(free_port(), tmp_path)
    assert (asked.ready(), asked.believes()) == (False, False)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("BEES_KEY=x", True),
        ("export bees_key = 'x'  # of the hive", True),
        ("# BEES_KEY=x", False),
        ("OTHER_BEES_KEY=x", False),
        ("BEES_KEYS=BEES_KEY=x", False),
        ("BEES_KEY=", False),
        ("BEES_KEY=''", False),
        ("BEES_KEY", False),
        ("", False),
    ],
)
def test_a_service_is_told_what_its_settings_find_in_its_dotenv(written: str, *, told: bool, tmp_path: Path) -> None:
    """A comment, an empty value and the end of another name say nothing; case and quotes do not matter."""
    assert not is_told("BEES_KEY", tmp_path)
    (tmp_path / ".env").write_text(f"BEES_PORT=1\n{written}\n", encoding="utf-8")
    assert is_told("BEES_KEY", tmp_path) is told


@pytest.mark.parametrize(("given", "told"), [("y", True), ("", False)])
def test_what_the_environment_says_hides_the_dotenv(
    given: str, *, told: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service's settings take an empty variable as it is, so `.env` does not count then."""
    (tmp_path / ".env").write_text("BEES_KEY=x", encoding="utf-8")
    monkeypatch.setenv("BEES_KEY", given)
    assert is_told("BEES_KEY", tmp_path) is told
    (tmp_path / ".env").unlink()
    assert is_told("BEES_KEY", tmp_path) is told


def test_a_dotenv_that_is_no_text_is_told_by_its_name(tmp_path: Path) -> None:
    """The service could not read it either."""
    (tmp_path / ".env").write_bytes(b"BEES_KEY=\xff")
    with pytest.raises(UsageError, match=f"{tmp_path / '.env'} cannot be read: "):
        is_told("BEES_KEY", tmp_path)
