"""`/users/me`: whoever calls, as they are known here."""

from typing import Any, Final

from arnia.chassis.replies import Reply, no_content, ok
from arnia.chassis.routing import Router
from arnia.chassis.security import allow
from arnia.chassis.transactions import apart
from arnia.conventions import PROBLEM_MEDIA_TYPE
from identity.api.dependencies import CurrentIssuer, Source
from identity.api.links import my_links
from identity.api.management import CurrentUser, UserGuard, Users, etag
from identity.schemas.users import PasswordChange, UserView
from identity.services.users import confirm

GONE: Final[dict[int | str, dict[str, Any]]] = {
    404: {
        "description": "Who calls is not known any more; the token outlives its user.",
        "content": {PROBLEM_MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}

router = Router(prefix="/users/me", tags=["users"], dependencies=[allow("openid")])


@router.get("", responses=GONE, dependencies=[allow("openid", "profile", "email")])
async def read_me(user: CurrentUser) -> Reply[UserView]:
    """Read who calls."""
    return ok(UserView.of(user, my_links()), etag=etag(user))


@router.put("/password", status_code=204, responses=GONE, dependencies=[apart])
async def change_password(
    body: PasswordChange, user: CurrentUser, users: Users, guard: UserGuard, issuer: CurrentIssuer, source: Source
) -> Reply[None]:
    """Change one's own password, knowing the present one; every session ends, this one too."""
    await confirm(issuer.authenticator, user, body.current_password, source)
    changed = await users.protect(user.id, body.password, guard)
    return no_content(etag=etag(changed))
