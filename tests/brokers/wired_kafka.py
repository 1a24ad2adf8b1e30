"""Lets a Kafka be reached through a proxy: whoever comes that way is told the proxy's port, and stays on it."""

from pathlib import Path

from arnia.conventions import LOOPBACK
from arnia.local.secret_files import write_secret
from arnia.local.servers.kafka import read_properties

__all__ = ["lay_wire"]

WIRED = "WIRED"


def lay_wire(directory: Path, inner: int, outer: int) -> None:
    """Let the Kafka with its data in `directory` listen besides at `inner`, and call that `outer`, from its next start.

    Who comes the direct way is told the direct way, as before.
    """
    given = read_properties(directory / "server.properties")
    more = {
        "listeners": f"{WIRED}://{LOOPBACK}:{inner}",
        "advertised.listeners": f"{WIRED}://{LOOPBACK}:{outer}",
        "listener.security.protocol.map": f"{WIRED}:SASL_PLAINTEXT",
    }
    own = {name: f"{given[name]},{value}" for name, value in more.items()}
    own[f"listener.name.{WIRED.lower()}.plain.sasl.jaas.config"] = given["listener.name.client.plain.sasl.jaas.config"]
    own["controller.quorum.voters"] = given["controller.quorum.voters"]  # whose port is among the listeners
    write_secret(directory / "own.properties", "".join(f"{name}={value}\n" for name, value in own.items()))
