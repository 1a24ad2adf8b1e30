"""Who does what a command asks of the issuer, and what somebody is told who may not."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from arnia.commands.issuer import Issuer
from arnia.conventions import LOOPBACK
from arnia.errors import ArniaError
from arnia.local.credentials import Credentials
from arnia.local.folder import Folder
from arnia.local.state import State


class Refusing(BaseHTTPRequestHandler):
    """Grants no scope."""

    def do_POST(self) -> None:
        """Answer as RFC 6749 (5.2) says."""
        body = json.dumps({"error": "invalid_scope"}).encode()
        self.send_response(400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def issuer(tmp_path: Path) -> Iterator[Issuer]:
    """Give the issuer of an ecosystem in which nobody is granted anything."""
    with ThreadingHTTPServer((LOOPBACK, 0), Refusing) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        edge = f"http://{LOOPBACK}:{server.server_port}"
        state = State(
            ecosystem="hive",
            pid=1,
            started=0.0,
            ready=True,
            edge_url=edge,
            data=str(tmp_path),
            services={},
            servers={},
            issuer="identity",
        )
        with Issuer(Folder(tmp_path), state, Credentials.draw()) as issuer:
            yield issuer
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("user", "told"),
    [
        ("demo", "'demo' (customer) may not do this, which needs users:manage: leave out --user to be 'operator'."),
        ("operator", "'operator' may not do this: no service exposes what needs users:manage; see `arnia graph`."),
    ],
)
def test_who_may_not_is_told_why_and_who_may(issuer: Issuer, user: str, told: str) -> None:
    """A user without the role hears what is missing and who has it; the operator, what the declaration lacks."""
    with pytest.raises(ArniaError) as caught:
        issuer.act_as(user, "users:manage")
    assert str(caught.value) == told
