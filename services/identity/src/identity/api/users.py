"""`/api/v1/users`: who may log in, for those who manage them."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from arnia.chassis.cursors import CurrentCursors
from arnia.chassis.patches import Patch
from arnia.chassis.replies import Reply, created, no_content, ok
from arnia.chassis.routing import Router
from arnia.chassis.security import allow
from identity.api import pages
from identity.api.links import USERS, VERSION, user_links
from identity.api.management import UserGuard, Users, etag, require_same_identity
from identity.models.users import User
from identity.repositories.users import Place
from identity.schemas.users import PasswordBody, UserBody, UserPage, UserQuery, UserReplacement, UserView

router = Router(
    version=VERSION, prefix="/users", tags=["users"], dependencies=[allow("users:manage", roles=["operator"])]
)


def view(user: User) -> UserView:
    """Show a user."""
    return UserView.of(user, user_links(user))


@router.get("")
async def list_users(query: Annotated[UserQuery, Query()], users: Users, cursors: CurrentCursors) -> Reply[UserPage]:
    """List users, a page at a time."""
    mark = pages.begin(query, cursors)
    after = None if mark is None else Place(mark.key, mark.id)
    shown, last = pages.cut(await users.find(query.filters(), query.sort, after, query.limit + 1), query.limit)
    place = None if last is None else Place.of(last, query.sort)
    links = pages.lead_on(query, cursors, None if place is None else pages.Mark(place.key, place.id))
    return ok(UserPage(items=tuple(view(user) for user in shown), links=links))


@router.post("")
async def create_user(body: UserBody, users: Users) -> Reply[UserView]:
    """Register somebody: each time a new user, who can log in once there is a password."""
    user = await users.create(body.profile())
    return created(view(user), location=f"{USERS}/{user.id}", etag=etag(user))


@router.get("/{user_id}")
async def read_user(user_id: UUID, users: Users) -> Reply[UserView]:
    """Read a user, and what can be done with it."""
    user = await users.get(user_id)
    return ok(view(user), etag=etag(user))


@router.put("/{user_id}")
async def put_user(user_id: UUID, body: UserReplacement, users: Users, guard: UserGuard) -> Reply[UserView]:
    """Register the user with this identity, or replace what is known of them."""
    require_same_identity(user_id, body.id)
    change = await users.put(user_id, body.profile(), guard)
    if change.before is None:
        return created(view(change.after), location=f"{USERS}/{user_id}", etag=etag(change.after))
    return no_content(etag=etag(change.after))


@router.patch("/{user_id}")
async def patch_user(user_id: UUID, patch: Patch[UserBody], users: Users, guard: UserGuard) -> Reply[UserView]:
    """Change some of what is known of a user; one who is not active any more is logged out everywhere."""
    change = await users.edit(user_id, lambda profile: patch.apply(UserBody.of(profile)).profile(), guard)
    return ok(view(change.after), etag=etag(change.after))


@router.delete("/{user_id}")
async def delete_user(user_id: UUID, users: Users, guard: UserGuard) -> Reply[None]:
    """Forget a user; whatever they were granted ends."""
    await users.remove(user_id, guard)
    return no_content()


@router.put("/{user_id}/password", status_code=204)
async def put_password(user_id: UUID, body: PasswordBody, users: Users, guard: UserGuard) -> Reply[None]:
    """Give a user another password; every session ends."""
    user = await users.protect(user_id, body.password, guard)
    return no_content(etag=etag(user))


@router.delete("/{user_id}/sessions")
async def delete_sessions(user_id: UUID, users: Users, guard: UserGuard) -> Reply[None]:
    """Log a user out everywhere; tokens that were issued are refused within seconds."""
    await users.end_sessions(user_id, guard)
    return no_content()
