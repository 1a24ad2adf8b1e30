"""The door of a route that is not public: who calls, by the Authorization field, and whether they may come in."""

import asyncio
import time
from typing import Final, Protocol

from arnia.chassis.principals import Principal
from arnia.chassis.security import Policy, challenge
from arnia.chassis.tokens import Refusal
from arnia.errors import DeadlineExceeded, InternalError, NotAuthenticated

__all__ = ["AMBIGUOUS", "TokenVerifier", "admit"]

AMBIGUOUS: Final = b"Bearer ,"
"""What stands for two Authorization fields, of which nobody can tell which is meant: a token that is none."""


class TokenVerifier(Protocol):
    """What turns a token into a principal."""

    def remembered(self, token: bytes) -> Principal | None:
        """Return who calls, if that is known already."""

    async def verify(self, token: bytes) -> Principal:
        """Return who calls.

        Raises:
            Refusal: the token is not believed.
        """


async def admit(
    policy: Policy, authorization: bytes | None, verifier: TokenVerifier | None, deadline: float
) -> tuple[Principal, str]:
    """Return who calls, and the token that says so (RFC 6750, 2.1); `deadline` is on the monotonic clock.

    Raises:
        NotAuthenticated: there is no token, or one that is not believed.
        Forbidden: the caller may not do this.
        Unavailable: tokens cannot be verified at the moment.
        DeadlineExceeded: nor within the deadline.
        InternalError: the service was put together without a verifier.
    """
    if verifier is None:
        detail = "This service was put together without anything that verifies access tokens."
        raise InternalError(detail)
    scheme, _, rest = (authorization or b"").partition(b" ")
    if scheme.lower() != b"bearer":
        detail = "This takes an access token, as `Authorization: Bearer ...`."
        raise NotAuthenticated(detail, headers={"WWW-Authenticate": challenge(policy.scopes)})
    token = rest.lstrip(b" ")
    try:
        principal = verifier.remembered(token)
        if principal is None:
            async with asyncio.timeout(deadline - time.monotonic()):
                principal = await verifier.verify(token)
    except Refusal as refusal:
        detail = "The access token has expired." if refusal.reason == "expired" else "The access token is not accepted."
        raise NotAuthenticated(detail, headers={"WWW-Authenticate": challenge((), "invalid_token")}) from None
    except TimeoutError:
        detail = "The deadline passed before the access token was verified; nothing was started."
        raise DeadlineExceeded(detail) from None
    policy.check(principal)
    return principal, token.decode("ascii")
