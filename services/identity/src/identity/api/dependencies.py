"""What handlers ask for: FastAPI puts it together, a test puts something else in its place."""

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from arnia.chassis.context import current
from arnia.chassis.rate_limits import source_of as client_of
from arnia.errors import InternalError
from identity.api.issuer import Issuer
from identity.services.authorization import AuthorizationService


async def current_issuer(request: Request) -> Issuer:
    """Return the issuer of this process."""
    kept = current(request).runtime.kept
    if not isinstance(kept, Issuer):
        detail = "This service was put together without its issuer."
        raise InternalError(detail)
    return kept


CurrentIssuer = Annotated[Issuer, Depends(current_issuer)]


async def authorizations(issuer: CurrentIssuer) -> AuthorizationService:
    """Return the use case behind `/authorize`."""
    return issuer.authorizations


Authorizations = Annotated[AuthorizationService, Depends(authorizations)]


def source_of(request: Request) -> str:
    """Return the address that a request comes from, behind the proxies that are ours."""
    forwarded = ", ".join(request.headers.getlist("x-forwarded-for")).encode("latin-1", "replace")
    peer = request.client.host if request.client is not None else ""
    return client_of(peer, forwarded, _networks(current(request).runtime.settings.trusted_proxies))


Source = Annotated[str, Depends(source_of)]


@lru_cache(maxsize=8)
def _networks(trusted: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(map(ip_network, trusted))
