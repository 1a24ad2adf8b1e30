"""Where a client can go from a user, an OAuth client or a signing key."""

from typing import Final

from arnia.chassis.links import Link, Links
from arnia.conventions import version_prefix
from identity.models.clients import OAuthClient
from identity.models.keys import SigningKey
from identity.models.users import User

VERSION: Final = 1
USERS: Final = f"{version_prefix(VERSION)}/users"
CLIENTS: Final = f"{version_prefix(VERSION)}/oauth-clients"
KEYS: Final = f"{version_prefix(VERSION)}/signing-keys"
ME: Final = "/users/me"


def user_links(user: User) -> Links:
    """Return the relations of a user: itself, and what can be done with it."""
    here = f"{USERS}/{user.id}"
    return {
        **_common(here, USERS),
        "set-password": Link(href=f"{here}/password", method="PUT"),
        "end-sessions": Link(href=f"{here}/sessions", method="DELETE"),
    }


def my_links() -> Links:
    """Return the relations of whoever calls."""
    return {"self": Link(href=ME), "change-password": Link(href=f"{ME}/password", method="PUT")}


def client_links(client: OAuthClient) -> Links:
    """Return the relations of an OAuth client: itself, and what can be done with it."""
    here = f"{CLIENTS}/{client.id}"
    found = _common(here, CLIENTS)
    if not client.registration.public:
        found["set-secret"] = Link(href=f"{here}/secret", method="PUT")
    return found


def key_links(key: SigningKey) -> Links:
    """Return the relations of a signing key: itself, and its withdrawal."""
    here = f"{KEYS}/{key.kid}"
    return {
        "self": Link(href=here),
        "collection": Link(href=KEYS),
        "withdraw": Link(href=here, method="DELETE"),
    }


def _common(here: str, collection: str) -> Links:
    return {
        "self": Link(href=here),
        "collection": Link(href=collection),
        "change": Link(href=here, method="PUT"),
        "edit": Link(href=here, method="PATCH"),
        "remove": Link(href=here, method="DELETE"),
    }
