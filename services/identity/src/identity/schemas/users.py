"""Users as the API shows them: never a password, nor what became of one."""

from datetime import datetime
from typing import Annotated, Final, Self
from uuid import UUID

from pydantic import ConfigDict, Field

from arnia.chassis.cursors import CollectionQuery
from arnia.chassis.links import Links, Resource
from arnia.chassis.schemas import Body
from identity.models.users import Profile, User
from identity.models.values import MAX_ROLES, MIN_PASSWORD_CHARACTERS, Email, Role, Username
from identity.repositories.users import Filters, Sort

MAX_PASSWORD_CHARACTERS: Final = 256

Password = Annotated[
    str,
    Field(
        min_length=MIN_PASSWORD_CHARACTERS,
        max_length=MAX_PASSWORD_CHARACTERS,
        description="Any characters; length is what makes it hard to guess.",
        examples=["a swarm of honest bees"],
    ),
]


class UserBody(Body):
    """What whoever manages users decides about one."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"username": "maia", "email": "maia@example.org", "roles": ["customer"]}]}
    )

    username: Username
    email: Email | None = None
    roles: list[Role] = Field(default_factory=list, max_length=MAX_ROLES, description="What the user is in the system.")
    active: bool = Field(default=True, description="False: cannot log in, and every session ends.")

    @classmethod
    def of(cls, profile: Profile) -> Self:
        """Show a profile of the domain, as it could have been sent."""
        return cls(username=profile.username, email=profile.email, roles=sorted(profile.roles), active=profile.active)

    def profile(self) -> Profile:
        """Return what this means in the domain."""
        return Profile(username=self.username, email=self.email, roles=frozenset(self.roles), active=self.active)


class UserReplacement(UserBody):
    """A whole user; it may repeat its identity, which then has to be that of the URL."""

    id: UUID | None = None


class UserView(Resource):
    """A user, and what can be done with it now."""

    id: UUID
    username: str
    email: str | None
    roles: tuple[str, ...]
    active: bool
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, user: User, links: Links) -> Self:
        """Show a user of the domain."""
        return cls(
            id=user.id,
            **dict(UserBody.of(user.profile)),
            created_at=user.created_at,
            updated_at=user.updated_at,
            links=links,
        )


class UserPage(Resource):
    """Some users, in order, and the way to the next ones."""

    items: tuple[UserView, ...]


class UserQuery(CollectionQuery):
    """Which users to list, and in which order."""

    sort: Sort = Field(default=Sort.CREATED_AT, description="Order; a leading - means the last first.")
    username: Username | None = Field(default=None, description="The one with this name.")
    role: Role | None = Field(default=None, description="Who has this role.")
    active: bool | None = Field(default=None, description="Whether they may log in.")

    def filters(self) -> Filters:
        """Return what this means in the domain."""
        return Filters(username=self.username, role=self.role, active=self.active)


class PasswordBody(Body):
    """A new password."""

    password: Password


class PasswordChange(PasswordBody):
    """A new password, from somebody who knows the present one."""

    current_password: Annotated[str, Field(max_length=MAX_PASSWORD_CHARACTERS, description="The present password.")]
