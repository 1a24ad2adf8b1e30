"""The verb `keys`: what the tokens of the running ecosystem are signed with."""

from datetime import datetime
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict
from typing_extensions import override

from arnia.commands.actions import OPERATOR, KeyAction
from arnia.commands.issuer import Issuer
from arnia.commands.result import Result

_KEYS: Final = "/api/v1/signing-keys"
_SCOPE: Final = "keys:manage"


class Key(BaseModel):
    """A signing key, as the issuer shows one."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    kid: str
    algorithm: str
    turn: str
    signs_from: datetime
    signs_until: datetime | None = None


class KeysResult(Result):
    """The keys, in the order in which they sign.

    Attributes:
        made: The id of the one that was made; empty for a list.
    """

    made: str = ""
    keys: tuple[Key, ...]

    @override
    def text(self) -> str:
        lines = [f"{key.kid}  {key.algorithm}  {key.turn:8}  {_span(key)}" for key in self.keys]
        return "\n".join([f"Made {self.made}.", *lines] if self.made else lines)


def keys(action: KeyAction, *, user: str = OPERATOR, file: Path | None = None, data: Path | None = None) -> KeysResult:
    """List the signing keys of what runs here, or make another, which takes over once every cache has it.

    Args:
        action: What to do.
        user: Who does it, of those in the credentials file.
        file: The `ecosystem.py`; the nearest one upward when None.
        data: The folder that `up` was given.

    Raises:
        OutsideError: Nothing runs.
        ArniaError: The issuer says no.
    """
    with Issuer.running(file, data) as issuer:
        issuer.act_as(user, _SCOPE)
        made = ""
        if action is KeyAction.ROTATE:
            made = str(issuer.call("POST", _KEYS)[0].get("kid", ""))
        items = issuer.call("GET", _KEYS)[0].get("items")
    found = tuple(Key.model_validate(item) for item in (items if isinstance(items, list) else ()))
    return KeysResult(made=made, keys=found)


def _span(key: Key) -> str:
    begins = f"from {key.signs_from:%Y-%m-%d %H:%M:%S}"
    return begins if key.signs_until is None else f"{begins} until {key.signs_until:%Y-%m-%d %H:%M:%S}"
