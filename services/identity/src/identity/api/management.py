"""What the handlers that manage users and OAuth clients ask for."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from arnia.chassis.context import CurrentSession
from arnia.chassis.preconditions import Precondition, row_etag
from arnia.chassis.security import CurrentPrincipal
from arnia.errors import InvalidContent, Violation
from identity.api.dependencies import CurrentIssuer
from identity.models.clients import OAuthClient
from identity.models.errors import UserNotFound
from identity.models.users import User
from identity.repositories.sql_store import within
from identity.services import oauth_clients, users
from identity.services.oauth_clients import OAuthClientService
from identity.services.users import UserService


async def user_service(session: CurrentSession, issuer: CurrentIssuer) -> UserService:
    """Return the use cases of users, within the transaction of this request."""
    return UserService(within(session), issuer.passwords)


async def client_service(session: CurrentSession) -> OAuthClientService:
    """Return the use cases of OAuth clients, within the transaction of this request."""
    return OAuthClientService(within(session))


async def user_guard(precondition: Precondition) -> users.Guard:
    """Return what holds the present state of a user against the entity tags that the caller sent."""
    return lambda user: precondition.check(None if user is None else etag(user))


async def client_guard(precondition: Precondition) -> oauth_clients.Guard:
    """Return what holds the present state of an OAuth client against the entity tags that the caller sent."""
    return lambda client: precondition.check(None if client is None else etag(client))


Users = Annotated[UserService, Depends(user_service)]
OAuthClients = Annotated[OAuthClientService, Depends(client_service)]
UserGuard = Annotated[users.Guard, Depends(user_guard)]
ClientGuard = Annotated[oauth_clients.Guard, Depends(client_guard)]


async def current_user(principal: CurrentPrincipal, issuer: CurrentIssuer) -> User:
    """Return the user who calls, read in a transaction of its own: a password may be checked before the next one.

    Raises:
        UserNotFound: a service calls of its own accord.
    """
    try:
        identity = UUID(principal.subject)
    except ValueError:
        detail = "Whoever calls is no user."
        raise UserNotFound(detail) from None
    async with issuer.transactions() as store:
        user = await store.users.get(identity)
    if user is None:
        raise UserNotFound
    return user


CurrentUser = Annotated[User, Depends(current_user)]


def etag(state: User | OAuthClient) -> str:
    """Return the entity tag of a user, or of an OAuth client."""
    return row_etag(state.version, state.created_at)


def require_same_identity(in_url: UUID, in_body: UUID | None) -> None:
    """Refuse a body that speaks of another resource than its URL.

    Raises:
        InvalidContent: It does.
    """
    if in_body not in {None, in_url}:
        detail = "The identity in the body differs from the one in the URL."
        raise InvalidContent(detail, violations=[Violation(detail=detail, code="same-identity", pointer="#/id")])
