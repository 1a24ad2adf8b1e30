"""`/api/v1/oauth-clients`: the programs that may ask for tokens, for those who manage them."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from arnia.chassis.cursors import CurrentCursors
from arnia.chassis.patches import Patch
from arnia.chassis.replies import Reply, created, no_content, ok
from arnia.chassis.routing import Router
from arnia.chassis.security import allow
from identity.api import pages
from identity.api.links import CLIENTS, VERSION, client_links
from identity.api.management import ClientGuard, OAuthClients, etag, require_same_identity
from identity.models.clients import OAuthClient
from identity.repositories.clients import Place
from identity.schemas.oauth_clients import (
    OAuthClientBody,
    OAuthClientPage,
    OAuthClientQuery,
    OAuthClientReplacement,
    OAuthClientView,
    SecretBody,
)

router = Router(
    version=VERSION,
    prefix="/oauth-clients",
    tags=["oauth-clients"],
    dependencies=[allow("clients:manage", roles=["operator"])],
)


def view(client: OAuthClient) -> OAuthClientView:
    """Show an OAuth client."""
    return OAuthClientView.of(client, client_links(client))


@router.get("")
async def list_oauth_clients(
    query: Annotated[OAuthClientQuery, Query()], clients: OAuthClients, cursors: CurrentCursors
) -> Reply[OAuthClientPage]:
    """List OAuth clients, a page at a time."""
    mark = pages.begin(query, cursors)
    after = None if mark is None else Place(mark.key, mark.id)
    shown, last = pages.cut(await clients.find(query.filters(), query.sort, after, query.limit + 1), query.limit)
    place = None if last is None else Place.of(last, query.sort)
    links = pages.lead_on(query, cursors, None if place is None else pages.Mark(place.key, place.id))
    return ok(OAuthClientPage(items=tuple(view(client) for client in shown), links=links))


@router.post("")
async def create_oauth_client(body: OAuthClientBody, clients: OAuthClients) -> Reply[OAuthClientView]:
    """Register an OAuth client: each time a new one, which has no secret yet."""
    client = await clients.create(body.registration())
    return created(view(client), location=f"{CLIENTS}/{client.id}", etag=etag(client))


@router.get("/{oauth_client_id}")
async def read_oauth_client(oauth_client_id: UUID, clients: OAuthClients) -> Reply[OAuthClientView]:
    """Read an OAuth client, and what can be done with it."""
    client = await clients.get(oauth_client_id)
    return ok(view(client), etag=etag(client))


@router.put("/{oauth_client_id}")
async def put_oauth_client(
    oauth_client_id: UUID, body: OAuthClientReplacement, clients: OAuthClients, guard: ClientGuard
) -> Reply[OAuthClientView]:
    """Register the OAuth client with this identity, or replace its registration; its secret stays."""
    require_same_identity(oauth_client_id, body.id)
    change = await clients.put(oauth_client_id, body.registration(), guard)
    if change.before is None:
        return created(view(change.after), location=f"{CLIENTS}/{oauth_client_id}", etag=etag(change.after))
    return no_content(etag=etag(change.after))


@router.patch("/{oauth_client_id}")
async def patch_oauth_client(
    oauth_client_id: UUID, patch: Patch[OAuthClientBody], clients: OAuthClients, guard: ClientGuard
) -> Reply[OAuthClientView]:
    """Change some of a registration."""
    change = await clients.edit(
        oauth_client_id, lambda before: patch.apply(OAuthClientBody.of(before)).registration(), guard
    )
    return ok(view(change.after), etag=etag(change.after))


@router.delete("/{oauth_client_id}")
async def delete_oauth_client(oauth_client_id: UUID, clients: OAuthClients, guard: ClientGuard) -> Reply[None]:
    """Forget an OAuth client; every login through it ends, and whatever it was issued is refused within seconds."""
    await clients.remove(oauth_client_id, guard)
    return no_content()


@router.put("/{oauth_client_id}/secret", status_code=204)
async def put_secret(oauth_client_id: UUID, body: SecretBody, clients: OAuthClients, guard: ClientGuard) -> Reply[None]:
    """Give an OAuth client another secret, which the caller draws; the one before is worth nothing from then on."""
    client = await clients.protect(oauth_client_id, body.secret, guard)
    return no_content(etag=etag(client))
