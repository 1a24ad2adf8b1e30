"""`/api/v1/signing-keys`: what tokens are signed with, for those who run the system."""

from hashlib import sha256

from arnia.chassis.links import Link
from arnia.chassis.preconditions import Precondition, row_etag
from arnia.chassis.replies import Reply, created, no_content, ok
from arnia.chassis.routing import Router
from arnia.chassis.security import allow
from arnia.chassis.transactions import apart
from identity.api.dependencies import CurrentIssuer
from identity.api.links import KEYS, VERSION, key_links
from identity.models.errors import SigningKeyNotFound
from identity.models.keys import KeyRing, SigningKey
from identity.schemas.signing_keys import SigningKeyList, SigningKeyView
from identity.services.keyring import utc_now

router = Router(
    version=VERSION,
    prefix="/signing-keys",
    tags=["signing-keys"],
    dependencies=[allow("keys:manage", roles=["operator"]), apart],
)


def view(key: SigningKey, ring: KeyRing) -> SigningKeyView:
    """Show a key."""
    return SigningKeyView.of(key, ring, utc_now(), key_links(key))


@router.get("")
async def list_signing_keys(issuer: CurrentIssuer) -> Reply[SigningKeyList]:
    """List every key that is kept, in the order in which they sign."""
    await issuer.keys.refresh()
    ring = issuer.keys.ring
    links = {"self": Link(href=KEYS), "rotate": Link(href=KEYS, method="POST")}
    state = sha256("".join(f"{key.kid} {etag(key)} " for key in ring.keys).encode()).hexdigest()[:32]
    return ok(SigningKeyList(items=tuple(view(key, ring) for key in ring.keys), links=links), etag=state)


@router.post("")
async def rotate_signing_keys(issuer: CurrentIssuer) -> Reply[SigningKeyView]:
    """Make another key; it signs once every cache has it, and no token is refused for it."""
    made = await issuer.keys.rotate()
    return created(view(made, issuer.keys.ring), location=f"{KEYS}/{made.kid}", etag=etag(made))


@router.get("/{kid}")
async def read_signing_key(kid: str, issuer: CurrentIssuer) -> Reply[SigningKeyView]:
    """Read when a key signs."""
    await issuer.keys.refresh()
    key = find(issuer.keys.ring, kid)
    return ok(view(key, issuer.keys.ring), etag=etag(key))


@router.delete("/{kid}")
async def withdraw_signing_key(kid: str, issuer: CurrentIssuer, precondition: Precondition) -> Reply[None]:
    """Take back a key that somebody else has: whatever it signed is refused as soon as caches end."""
    await issuer.keys.refresh()
    precondition.check(etag(find(issuer.keys.ring, kid)))
    if not await issuer.keys.withdraw(kid):
        raise SigningKeyNotFound
    return no_content()


def find(ring: KeyRing, kid: str) -> SigningKey:
    """Return the published key with this id.

    Raises:
        SigningKeyNotFound: There is none.
    """
    found = next((key for key in ring.published(utc_now()) if key.kid == kid), None)
    if found is None:
        raise SigningKeyNotFound
    return found


def etag(key: SigningKey) -> str:
    """Return the entity tag of a key: its end becomes known later."""
    return row_etag(1 if key.signs_until is None else 2, key.published_at)
