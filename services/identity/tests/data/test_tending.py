"""The issuer of a process tends its keys by itself: nobody has to ask for the next one."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest
from services.identity.tests.parties import settings_of

from arnia.chassis.context import Runtime
from arnia.chassis.database import Database
from identity.api import issuer
from identity.api.issuer import Issuer, issuing
from identity.config import Settings
from identity.models.keys import Timing
from identity.repositories.sql_store import transactions
from identity.services.keyring import Keys, utc_now
from identity.services.sealing import Seal
from identity.services.signing import make_key

TURNS = 2_000
LONG_AGO = timedelta(days=31)
TIMING = Timing(lead=timedelta(minutes=3), rotation=timedelta(days=30))


@pytest.fixture
def settings(database_url: str) -> Settings:
    """Give the settings of the issuer."""
    return Settings.model_validate({**settings_of(database_url), "port": 0})


@pytest.fixture
def seal(settings: Settings) -> Seal:
    """Give what private keys are sealed with."""
    return Seal(settings.key_encryption_secret.get_secret_value())


@pytest.fixture
async def runtime(
    database: Database, database_url: str, settings: Settings, seal: Seal, monkeypatch: pytest.MonkeyPatch
) -> Runtime:
    """Give what a process starts with: a key that has signed for longer than it should, and haste."""
    monkeypatch.setattr(issuer, "REFRESH_SECONDS", 0.01)
    monkeypatch.setattr(issuer, "TEND_SECONDS", 0.02)
    connection = await asyncpg.connect(database_url)
    await connection.execute("TRUNCATE signing_keys")
    await connection.close()
    then = utc_now() - LONG_AGO
    async with transactions(database)() as store:
        await store.keys.save(make_key("ES256", seal, published_at=then, signs_from=then))
    return Runtime("identity", "1.0.0", settings, database=database)


async def published(kept: Issuer, number: int) -> set[str]:
    """Return the ids of the published keys: as soon as there are `number`, or those that there are in the end."""
    for _ in range(TURNS):
        if len(kept.keys.key_set()) == number:
            break
        await asyncio.sleep(0.01)
    return {str(key["kid"]) for key in kept.keys.key_set()}


async def test_the_next_key_is_made_in_time(runtime: Runtime) -> None:
    """While a process runs, a key that has signed for long enough is followed by another, once."""
    async with issuing(runtime) as kept:
        both = await published(kept, 2)
        assert len(both) == 2
        await asyncio.sleep(0.2)  # many turns
        assert await published(kept, 2) == both


async def test_what_another_replica_does_to_the_keys_is_seen(runtime: Runtime, database: Database, seal: Seal) -> None:
    """A key that another process makes is published by this one, and one that it withdraws no longer."""
    async with issuing(runtime) as kept:
        await published(kept, 2)
        other = Keys(transactions(database), seal, TIMING, "ES256")
        made = await other.rotate()
        assert made.kid in await published(kept, 3)
        assert await other.withdraw(made.kid)
        assert made.kid not in await published(kept, 2)
