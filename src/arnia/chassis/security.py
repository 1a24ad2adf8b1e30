"""Policies: what a route demands of its caller.

```python
from arnia.chassis.routing import Router
from arnia.chassis.security import allow, anyone

router = Router(version=1, prefix="/hives", dependencies=[allow("hives:read")])


@router.get("/{hive_id}")
async def read(hive_id: int) -> dict[str, int]:
    return {"id": hive_id}


@router.get("/weather", dependencies=[anyone])
async def weather() -> dict[str, str]:
    return {"sky": "blue"}
```

A route has one policy: its own, or else its router's. One without any keeps the service from starting. The spine holds
the caller against it before it looks at the query, the preconditions or the body.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, params
from starlette.requests import Request

from arnia.chassis.principals import Principal
from arnia.errors import Forbidden

__all__ = ["CurrentPrincipal", "Policy", "Principal", "allow", "anyone"]

SCOPE_KEY: Final = "arnia.context"
"""Where the ASGI scope of a request has its context."""
BEARER: Final = "bearer"
"""What the OpenAPI document calls the scheme."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a principal may do here: with all of `scopes`, and with one of `roles` where there are any.

    Attributes:
        scopes: What the OAuth client must have been granted.
        roles: Of which the subject must have one; none means that the scopes are enough.
        public: Whether nobody has to say who calls.
    """

    scopes: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    public: bool = False

    def check(self, principal: Principal) -> None:
        """Let `principal` pass.

        Raises:
            Forbidden: it lacks a scope or a role.
        """
        if not principal.scopes.issuperset(self.scopes):
            detail = f"The access token lacks a scope: this takes {' '.join(self.scopes)}."
            raise Forbidden(detail, headers=self._challenge())
        if self.roles and principal.roles.isdisjoint(self.roles):
            detail = f"The caller lacks the role: this takes {' or '.join(self.roles)}."
            raise Forbidden(detail, headers=self._challenge())

    def _challenge(self) -> dict[str, str]:
        return {"WWW-Authenticate": challenge(self.scopes, "insufficient_scope")}

    async def __call__(self, request: Request) -> Principal:
        """Return who calls; the spine has let them pass."""
        return await _principal(request)


def allow(*scopes: str, roles: Collection[str] = ()) -> params.Depends:
    """Return the policy that lets a caller pass with all `scopes`, and with one of `roles` where there are any.

    Without either, every caller whom the issuer vouches for passes.

    Raises:
        ValueError: a scope holds what a scope may not (RFC 6749, 3.3).
    """
    for scope in scopes:
        if not scope or not scope.isascii() or not scope.isprintable() or set(scope) & set(' "\\'):
            message = f"{scope!r} is no scope: it has no space, quote or backslash (RFC 6749, 3.3)"
            raise ValueError(message)
    return params.Depends(Policy(scopes=tuple(sorted(set(scopes))), roles=tuple(sorted(set(roles)))))


def challenge(scopes: Collection[str] = (), error: str = "") -> str:
    """Return a WWW-Authenticate field (RFC 6750, 3); without `error`, that of a request that carries no token."""
    parts = [f'error="{error}"'] if error else []
    if scopes:
        parts.append(f'scope="{" ".join(scopes)}"')
    return " ".join(("Bearer", ", ".join(parts))) if parts else "Bearer"


async def _principal(request: Request) -> Principal:
    # A coroutine, though it waits for nothing: FastAPI sends plain functions to a thread.
    principal: Principal = request.scope[SCOPE_KEY].principal
    return principal


anyone: Final = params.Depends(Policy(public=True))
"""The policy of a route that is public."""

CurrentPrincipal = Annotated[Principal, Depends(_principal)]
"""Who calls, as a parameter of a handler or of a dependency."""
