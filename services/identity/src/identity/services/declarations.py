"""OAuth clients and users that whoever runs the system declares: brought to what is said at each start."""

from contextlib import suppress
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError

from arnia.chassis.uuids import uuid7
from arnia.errors import SettingsError
from identity.models.clients import Grant, OAuthClient, Registration
from identity.models.errors import OAuthClientNotFound
from identity.models.users import Profile, User
from identity.models.values import (
    MIN_PASSWORD_CHARACTERS,
    MIN_SECRET_CHARACTERS,
    Audience,
    ClientName,
    Email,
    RedirectUri,
    Role,
    Scope,
    Username,
)
from identity.repositories.clients import Filters, Sort
from identity.repositories.store import Store, Transactions
from identity.services.keyring import Clock, utc_now
from identity.services.oauth_clients import OAuthClientService
from identity.services.passwords import Passwords


class DeclaredClient(BaseModel):
    """An OAuth client, as `IDENTITY_DECLARED_CLIENTS` lists it."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    client_id: ClientName
    secret: Annotated[str, Field(min_length=MIN_SECRET_CHARACTERS)] | None = None
    grants: frozenset[Grant]
    audiences: dict[Audience, frozenset[Scope]] = {}
    reserved_scopes: dict[Scope, frozenset[Role]] = {}
    redirect_uris: tuple[RedirectUri, ...] = ()
    public: bool = False
    first_party: bool = False
    jwks: tuple[dict[str, JsonValue], ...] = ()

    def registration(self) -> Registration:
        """Return what this means in the domain."""
        return Registration.model_validate(self.model_dump(exclude={"secret"}))


class FirstUser(BaseModel):
    """A user, as `IDENTITY_FIRST_USERS` lists them."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    username: Username
    password: Annotated[str, Field(min_length=MIN_PASSWORD_CHARACTERS)]
    roles: frozenset[Role] = frozenset()
    email: Email | None = None


MOST_DECLARED: Final = 10_000
"""More than any settings name."""
CLIENTS: Final = TypeAdapter(tuple[DeclaredClient, ...])
USERS: Final = TypeAdapter(tuple[FirstUser, ...])


class Declarations:
    """What is declared, by its two settings.

    Raises:
        SettingsError: one of them is not what it should be; the sentence names it and never a value.
    """

    def __init__(self, declared_clients: str, first_users: str) -> None:
        try:
            self._clients = [(each, each.registration()) for each in CLIENTS.validate_json(declared_clients or "[]")]
        except ValidationError as error:
            raise _fault("IDENTITY_DECLARED_CLIENTS", error) from None
        try:
            self._users = USERS.validate_json(first_users or "[]")
        except ValidationError as error:
            raise _fault("IDENTITY_FIRST_USERS", error) from None

    async def apply(self, transactions: Transactions, passwords: Passwords, now: Clock = utc_now) -> None:
        """Bring OAuth clients to what is declared, and leave users who are there as they are.

        A client that was declared and is no more is forgotten, with all that it was issued: whoever takes it out of the
        settings trusts it no longer. One that was registered by hand is not ours to end.
        """
        for declared, registration in self._clients:
            async with transactions() as store:
                await _register(store, registration, declared.secret, now)
        async with transactions() as store:
            await _forget_others(store, {registration.client_id for _, registration in self._clients}, now)
        for first in self._users:
            async with transactions() as store:
                known = await store.users.named(first.username)
            if known is not None:
                continue
            hashed = await passwords.hash(first.password)
            profile = Profile(username=first.username, email=first.email, roles=first.roles)
            async with transactions() as store:
                await store.users.add(User.register(uuid7(), profile, now()).protect(hashed, now()))


async def _register(store: Store, registration: Registration, secret: str | None, now: Clock) -> None:
    new = OAuthClient.register(uuid7(), registration, now()).declare(now())
    if await store.clients.add(new if secret is None else new.protect(secret, now())):
        return
    named = await store.clients.named(registration.client_id)
    known = None if named is None else await store.clients.lock(named.id)
    if known is None:
        return
    changed = known.describe(registration, now()).declare(now())
    if secret is not None and not changed.knows(secret):
        changed = changed.protect(secret, now())
    if changed is not known:
        await store.clients.save(changed)


async def _forget_others(store: Store, names: set[str], now: Clock) -> None:
    for client in await store.clients.find(Filters(declared=True), Sort.CLIENT_ID, None, MOST_DECLARED):
        if client.client_id not in names:
            with suppress(OAuthClientNotFound):  # a replica that starts as well was faster
                await OAuthClientService(store, now).remove(client.id, lambda _: None)


def _fault(setting: str, error: ValidationError) -> SettingsError:
    faults = [f"{'/'.join(map(str, each['loc'])) or 'the text'}: {each['msg']}" for each in error.errors()]
    return SettingsError([f"{setting} is not valid: {'; '.join(faults[:5])}"])
