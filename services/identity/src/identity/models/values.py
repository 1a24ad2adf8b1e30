"""Value objects: compared by content, never changed, valid by construction. Every limit is written here, once."""

from typing import Annotated, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

MAX_PASSWORD_BYTES: Final = 1024
MIN_PASSWORD_CHARACTERS: Final = 12
MIN_SECRET_CHARACTERS: Final = 32
MAX_ROLES: Final = 20
MAX_SCOPES: Final = 100
MAX_REDIRECTS: Final = 20
OIDC_SCOPES: Final = frozenset({"openid", "profile", "email", "offline_access"})
"""Scopes of OpenID Connect: they ask about the user, of no audience in particular."""

Username = Annotated[
    str,
    Field(
        min_length=2,
        max_length=64,
        pattern=r"^[a-z0-9][a-z0-9._-]*$",
        description="What the user logs in with: lower case, so that no two look alike.",
        examples=["maia"],
    ),
]
Email = Annotated[
    str,
    Field(
        min_length=3,
        max_length=254,
        pattern=r"^[!#-?A-Z^-~]+@[A-Za-z0-9.-]+$",
        description="Where the user gets mail; nobody has checked it.",
        examples=["maia@example.org"],
    ),
]
Role = Annotated[
    str, Field(min_length=1, max_length=40, pattern=r"^[a-z][a-z0-9-]*$", description="What a user is in the system.")
]
ClientName = Annotated[
    str,
    Field(
        min_length=2,
        max_length=64,
        pattern=r"^[a-z0-9][a-z0-9._-]*$",
        description="The `client_id`: of a service, its name.",
        examples=["scheduler"],
    ),
]
Scope = Annotated[
    str,
    Field(
        min_length=1,
        max_length=100,
        pattern=r"^[!#-\[\]-~]+$",
        description="What an OAuth client may do (RFC 6749, 3.3).",
        examples=["drones:read"],
    ),
]
Audience = Annotated[
    str, Field(min_length=1, max_length=200, pattern=r"^[!#-\[\]-~]+$", description="For whom a token is: a service.")
]
RedirectUri = Annotated[
    str,
    Field(
        min_length=8,
        max_length=1000,
        pattern=r"^https?://[A-Za-z0-9.\[\]:-]+(/[A-Za-z0-9/._~!$&'()*+,;=:@%?-]*)?$",
        description="Where an authorization ends: compared to the letter, without a fragment.",
        examples=["https://app.example.org/callback"],
    ),
]


class Value(BaseModel):
    """A frozen value."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def is_identity(subject: str) -> bool:
    """Tell whether a subject is a user, whose identity is a UUID, and no service, whose is its name."""
    try:
        return str(UUID(subject)) == subject
    except ValueError:
        return False
