"""Operate: one public function a verb, with the verb's name and its parameters.

What the `arnia` program does, these functions do: each takes plain keyword arguments, asks nothing, prints nothing and
returns a frozen `Result` (`arnia.commands.result`). Faults are raised as `ArniaError`.

The table below names the room of each verb; a room is imported when its verb is first used, so that importing this
door is cheap. A room is a noun and never has the name of a verb: Python would put the module in the function's place.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from arnia.commands.access import token as token
    from arnia.commands.accounts import users as users
    from arnia.commands.agreement import contract as contract
    from arnia.commands.creation import new as new
    from arnia.commands.diagnosis import doctor as doctor
    from arnia.commands.facts import events as events
    from arnia.commands.journey import trace as trace
    from arnia.commands.lifecycle import down as down
    from arnia.commands.lifecycle import up as up
    from arnia.commands.picture import graph as graph
    from arnia.commands.registrations import oauth_clients as oauth_clients
    from arnia.commands.report import logs as logs
    from arnia.commands.report import status as status
    from arnia.commands.rollout import migrate as migrate
    from arnia.commands.rollout import roll as roll
    from arnia.commands.signatures import keys as keys
    from arnia.commands.synthesis import synth as synth
    from arnia.commands.verdict import check as check

_ROOMS = {
    "check": "verdict",
    "contract": "agreement",
    "doctor": "diagnosis",
    "down": "lifecycle",
    "events": "facts",
    "graph": "picture",
    "keys": "signatures",
    "logs": "report",
    "migrate": "rollout",
    "new": "creation",
    "oauth_clients": "registrations",
    "roll": "rollout",
    "status": "report",
    "synth": "synthesis",
    "token": "access",
    "trace": "journey",
    "up": "lifecycle",
    "users": "accounts",
}

__all__ = [
    "check",
    "contract",
    "doctor",
    "down",
    "events",
    "graph",
    "keys",
    "logs",
    "migrate",
    "new",
    "oauth_clients",
    "roll",
    "status",
    "synth",
    "token",
    "trace",
    "up",
    "users",
]


if not TYPE_CHECKING:  # a type checker knows the verbs from above, and should refuse any other name

    def __getattr__(name: str) -> object:
        if name not in _ROOMS:
            message = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(message)
        verb: object = getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)
        globals()[name] = verb
        return verb


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
