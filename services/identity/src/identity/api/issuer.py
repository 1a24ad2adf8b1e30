"""What one process of the issuer keeps: its keys, its threads for passwords, and the use cases that share them."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from arnia.chassis.context import Runtime
from arnia.chassis.database import Database
from arnia.chassis.revocations import Revocations
from arnia.chassis.tokens import Expected
from arnia.chassis.verifier import Verifier
from arnia.conventions import TOKEN_PATH
from arnia.errors import ServiceError
from identity.config import REFRESH_SECONDS, Settings
from identity.models.keys import Timing
from identity.repositories.sql_store import transactions
from identity.repositories.store import Transactions
from identity.repositories.valkey_channel import ValkeyChannel
from identity.services.announcements import Announcer
from identity.services.authenticator import PasswordAuthenticator
from identity.services.authorization import AuthorizationService
from identity.services.client_proofs import ClientProofs
from identity.services.declarations import Declarations
from identity.services.exchange import ExchangeService
from identity.services.grants import GrantService
from identity.services.keyring import Keys, utc_now
from identity.services.passwords import Passwords
from identity.services.renewals import RenewalService
from identity.services.revoking import RevocationService
from identity.services.sealing import Seal
from identity.services.targets import Targets
from identity.services.tickets import Tickets
from identity.services.tokens import Tokens

ANNOUNCE_SECONDS: Final = 2.0
TEND_SECONDS: Final = 60.0
PRUNE_AFTER: Final = timedelta(days=1)

log: Final = logging.getLogger("arnia.identity")


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """The issuer of tokens, as the requests of one process share it."""

    settings: Settings
    transactions: Transactions
    keys: Keys
    passwords: Passwords
    announcer: Announcer
    tokens: Tokens
    proofs: ClientProofs
    authenticator: PasswordAuthenticator
    authorizations: AuthorizationService
    grants: GrantService
    renewals: RenewalService
    exchanges: ExchangeService
    revoking: RevocationService

    @classmethod
    def compose(cls, settings: Settings, opened: Transactions, announcer: Announcer) -> "Issuer":
        """Put it together; nothing is read or started yet."""
        secret = settings.key_encryption_secret.get_secret_value()
        timing = Timing(
            lead=timedelta(seconds=settings.key_lead_seconds), rotation=timedelta(days=settings.key_rotation_days)
        )
        keys = Keys(opened, Seal(secret), timing, "ES256" if settings.signing_algorithm == "ES256" else "EdDSA")
        passwords = Passwords(
            threads=settings.password_threads,
            queue=settings.password_queue,
            target_seconds=settings.password_target_ms / 1000,
        )
        tokens = Tokens(keys, settings.issuer, settings.token_seconds)
        targets = Targets(settings.own_audience)
        authenticator = PasswordAuthenticator(opened, passwords)
        login = timedelta(days=settings.login_days)
        return cls(
            settings=settings,
            transactions=opened,
            keys=keys,
            passwords=passwords,
            announcer=announcer,
            tokens=tokens,
            proofs=ClientProofs(opened, {settings.issuer, settings.issuer + TOKEN_PATH}),
            authenticator=authenticator,
            authorizations=AuthorizationService(
                opened, authenticator, targets, Tickets(secret, utc_now), settings.issuer, utc_now
            ),
            grants=GrantService(opened, authenticator, tokens, targets, login, announcer.announce),
            renewals=RenewalService(opened, tokens, targets, announcer.announce),
            exchanges=ExchangeService(opened, tokens, targets),
            revoking=RevocationService(opened, tokens, announcer.announce),
        )

    async def begin(self) -> None:
        """Read or make the keys, measure passwords, and register what is declared.

        Raises:
            SettingsError: the key-encryption secret is another one, or what is declared is not valid.
        """
        declared = Declarations(
            self.settings.declared_clients.get_secret_value(), self.settings.first_users.get_secret_value()
        )
        await self.keys.begin()
        await self.passwords.begin()
        await declared.apply(self.transactions, self.passwords)
        await self.announcer.announce()

    async def keep_announcing(self) -> None:
        """Tell what is revoked, now and then, until cancelled."""
        while True:
            await asyncio.sleep(ANNOUNCE_SECONDS)
            try:
                await self.announcer.announce()
            except ServiceError as error:
                log.warning("revocations were not read, will try again: %s", error)

    async def keep_tending(self) -> None:
        """Read the keys, make new ones in time, and forget what has ended, until cancelled."""
        every = round(TEND_SECONDS / REFRESH_SECONDS)
        for turn in range(1, 1 << 62):
            await asyncio.sleep(REFRESH_SECONDS)
            try:
                if turn % every:
                    await self.keys.refresh()
                    continue
                await self.keys.tend()
                async with self.transactions() as store:
                    await store.grants.forget(utc_now() - PRUNE_AFTER)
                    await store.ledger.forget(utc_now() - PRUNE_AFTER)
            except ServiceError as error:
                log.warning("signing keys were not read, will try again: %s", error)


@asynccontextmanager
async def issuing(runtime: Runtime) -> AsyncIterator[Issuer]:
    """Keep an issuer while the process runs."""
    settings, database = runtime.settings, runtime.database
    if not isinstance(settings, Settings) or not isinstance(database, Database):
        message = "identity runs with its own settings, and with a database"
        raise TypeError(message)
    revocations = Revocations()
    channel = None if settings.cache_url is None else ValkeyChannel(settings.cache_url.get_secret_value())
    opened = transactions(database)
    issuer = Issuer.compose(settings, opened, Announcer(opened, revocations, channel))
    if not settings.jwks_url:
        _believe(runtime, settings, issuer, revocations)
    tasks: list[asyncio.Task[None]] = []
    try:
        await issuer.begin()
        tasks = [asyncio.create_task(work()) for work in (issuer.keep_announcing, issuer.keep_tending)]
        yield issuer
    finally:
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        issuer.passwords.close()
        await issuer.announcer.close()


def _believe(runtime: Runtime, settings: Settings, issuer: Issuer, revocations: Revocations) -> None:
    """Let this service believe what it issues without asking itself by HTTP, unless it is told to ask somebody."""
    expected = Expected(issuer=settings.issuer, audience=settings.own_audience, leeway=settings.token_leeway_seconds)
    runtime.verifier = Verifier(
        keys=issuer.keys, expected=expected, revocations=revocations, refusals=runtime.metrics.refusals
    )
    runtime.describe_trust = lambda: {"keys": f"{len(issuer.keys.key_set())} published"}
