"""The people of a local ecosystem: made once, with random passwords, in a file for the owner of the machine alone."""

import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from arnia.errors import OutsideError
from arnia.local.envoy_types import Json
from arnia.local.oauth_clients import FIRST_PARTY
from arnia.local.secret_files import write_secret

ROLES: Final[Mapping[str, tuple[str, ...]]] = {"demo": ("customer",), "operator": ("customer", "operator")}
_PASSWORD_BYTES: Final = 18


class Person(BaseModel):
    """Somebody who can log in."""

    model_config = ConfigDict(frozen=True)

    password: str
    roles: tuple[str, ...]


class Credentials(BaseModel):
    """Who can log in, by name.

    Attributes:
        client_id: The OAuth client that they log in with, which has no secret.
        users: By username.
    """

    model_config = ConfigDict(frozen=True)

    client_id: str = FIRST_PARTY
    users: Mapping[str, Person]

    @classmethod
    def draw(cls) -> "Credentials":
        """Return new ones."""
        people = {
            name: Person(password=secrets.token_urlsafe(_PASSWORD_BYTES), roles=roles) for name, roles in ROLES.items()
        }
        return cls(users=people)

    @classmethod
    def read(cls, path: Path) -> "Credentials | None":
        """Return those kept at `path`; None where there are none.

        Raises:
            OutsideError: Somebody changed them, so that they cannot be read.
        """
        try:
            return cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError:
            message = f"{path} cannot be read any more: remove it, and set new passwords with the issuer's program."
            raise OutsideError(message) from None

    def write(self, path: Path) -> None:
        """Keep them at `path`."""
        write_secret(path, self.model_dump_json(indent=2) + "\n")

    def first_users(self) -> str:
        """Return what the issuer makes its first users of, as JSON."""
        users: list[Json] = [
            {
                "username": name,
                "password": person.password,
                "roles": list(person.roles),
                "email": f"{name}@localhost.example",
            }
            for name, person in self.users.items()
        ]
        return json.dumps(users)
