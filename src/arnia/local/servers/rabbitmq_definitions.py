"""What a RabbitMQ server holds before anybody connects: users, permissions, exchanges, queues.

A queue that is there before the first message is published misses none of them, whoever starts first. The names and
arguments are those that a service gives when it connects (`arnia.chassis.brokers.rabbitmq_topology`): the server
refuses it if they differ, and a test holds them together.
"""

import base64
import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from arnia.local.voices import Voice

Json: TypeAlias = "dict[str, object]"

KEEP_MILLISECONDS: Final = 14 * 86_400_000
MOST_UNHEARD: Final = 1_000_000
MOST_DELIVERIES: Final = 100
_HOST: Final = {"vhost": "/"}


def definitions(voices: Mapping[str, Voice], passwords: Mapping[str, str]) -> Json:
    """Return them, in RabbitMQ's own format; passwords are in there as salted hashes only."""
    emitted = sorted({channel for voice in voices.values() for channel in voice.emits})
    exchanges: list[Json] = []
    queues: list[Json] = []
    bindings: list[Json] = []
    for channel in emitted:
        unheard = f"{channel}.unheard"
        exchanges += [_exchange(channel, "topic", **{"alternate-exchange": unheard}), _exchange(unheard, "fanout")]
        rest = {"x-message-ttl": KEEP_MILLISECONDS, "x-max-length": MOST_UNHEARD, "x-overflow": "drop-head"}
        queues.append(_queue(unheard, **rest))
        bindings.append(_binding(unheard, unheard, ""))
    for name, voice in sorted(voices.items()):
        if not voice.hears:
            continue
        dead = f"{name}.dead"
        exchanges.append(_exchange(dead, "fanout"))
        queues.append(_queue(dead))
        bindings.append(_binding(dead, dead, ""))
        for channel in voice.hears:
            queues.append(_queue(f"{name}.{channel}", **_worked_off(dead)))
            if channel in emitted:
                bindings.append(_binding(channel, f"{name}.{channel}", "#"))
    return {
        "vhosts": [{"name": "/"}],
        "users": [_user(name, passwords[name]) for name in sorted(voices)],
        "permissions": [{"user": name, **_HOST, **permissions(name, voice)} for name, voice in sorted(voices.items())],
        "exchanges": exchanges,
        "queues": queues,
        "bindings": bindings,
    }


def permissions(name: str, voice: Voice) -> dict[str, str]:
    """Return what a service may make, write to and read from, as RabbitMQ's three regular expressions."""
    made = [f"{channel}.unheard" for channel in voice.emits]
    own = [f"{name}.{channel}" for channel in voice.hears] + ([f"{name}.dead"] if voice.hears else [])
    return {
        "configure": _any_of((*voice.emits, *made, *own)),
        "write": _any_of((*voice.emits, *made, *own)),
        "read": _any_of((*voice.emits, *made, *own, *voice.hears)),
    }


def _worked_off(dead: str) -> Json:
    return {
        "x-single-active-consumer": True,
        "x-delivery-limit": MOST_DELIVERIES,
        "x-dead-letter-exchange": dead,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }


def _exchange(name: str, kind: str, **arguments: object) -> Json:
    flags = {"durable": True, "auto_delete": False, "internal": False}
    return {"name": name, **_HOST, "type": kind, **flags, "arguments": arguments}


def _queue(name: str, **arguments: object) -> Json:
    flags = {"durable": True, "auto_delete": False}
    return {"name": name, **_HOST, **flags, "arguments": {"x-queue-type": "quorum", **arguments}}


def _binding(source: str, queue: str, key: str) -> Json:
    where = {"source": source, "destination": queue, "destination_type": "queue"}
    return {**where, **_HOST, "routing_key": key, "arguments": {}}


def _user(name: str, password: str) -> Json:
    salt = secrets.token_bytes(4)
    digest = salt + hashlib.sha256(salt + password.encode()).digest()
    algorithm = "rabbit_password_hashing_sha256"
    return {
        "name": name,
        "password_hash": base64.b64encode(digest).decode(),
        "hashing_algorithm": algorithm,
        "tags": "",
    }


def _any_of(names: Iterable[str]) -> str:
    found = sorted(set(names))
    return f"^({'|'.join(re.escape(name) for name in found)})$" if found else "^$"
