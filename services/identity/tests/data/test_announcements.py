"""What identity takes back is known to the other services, also after Valkey lost it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from arnia.chassis.database import Database
from arnia.chassis.principals import Principal
from arnia.chassis.revocations import RevocationFeed, Revocations
from arnia.local.ports import free_port
from arnia.local.servers.valkey import Valkey
from identity.models.revocations import AFTERWARDS, Revocation
from identity.repositories.sql_store import transactions
from identity.repositories.valkey_channel import ValkeyChannel
from identity.services.announcements import Announcer
from identity.services.keyring import utc_now

PATIENCE_SECONDS = 5.0


@pytest.fixture
async def valkey(tmp_path: Path) -> AsyncIterator[Valkey]:
    """Run a Valkey server with the users that an ecosystem has."""
    server = Valkey(
        tmp_path / "valkey", free_port(), log=tmp_path / "log", users=("identity", "drone"), issuer="identity"
    )
    server.prepare()
    server.spawn()
    await until(server.ready)
    yield server
    server.stop()


async def until(holds: Callable[[], bool]) -> None:
    """Wait for something to be so."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not holds():  # noqa: ASYNC110 - nobody sets an event: it is another process
            await asyncio.sleep(0.02)


def of(token_id: str) -> Principal:
    """Return who calls with a token of this id."""
    return Principal(subject="maia", client="arnia", scopes=frozenset(), roles=frozenset(), token_id=token_id)


async def test_services_hear_of_it_and_valkey_may_lose_it(database: Database, valkey: Valkey) -> None:
    """With nothing but its own user of Valkey identity tells a service; after Valkey lost all, it tells it again."""
    opened = transactions(database)
    channel = ValkeyChannel(valkey.url_of("identity"))
    local, far = Revocations(), Revocations()
    announcer = Announcer(opened, local, channel)
    feed = RevocationFeed(valkey.url_of("drone"), far, poll_seconds=0.2)
    await feed.open()
    async with opened() as store:
        await store.ledger.revoke(Revocation.of_token("stolen", utc_now() + AFTERWARDS))
    await announcer.announce()
    assert local.holds(of("stolen"), 0)
    assert not local.holds(of("other"), 0)
    await until(lambda: far.holds(of("stolen"), 0))
    valkey.stop()
    async with opened() as store:
        await store.ledger.revoke(Revocation.of_token("meanwhile", utc_now() + AFTERWARDS))
    await announcer.announce()
    assert local.holds(of("meanwhile"), 0)
    for file in (valkey.directory / "data").rglob("*"):
        if file.is_file():
            file.unlink()
    valkey.spawn()
    await until(valkey.ready)
    await announcer.announce()
    assert await channel.members(utc_now().timestamp()) == {"jti:stolen", "jti:meanwhile"}
    await until(lambda: far.holds(of("meanwhile"), 0))
    await feed.close()
    await announcer.close()


async def test_what_has_ended_leaves_the_list(database: Database, valkey: Valkey) -> None:
    """The list holds what still concerns a token, and nothing older."""
    channel = ValkeyChannel(valkey.url_of("identity"))
    now = utc_now()
    await channel.push([Revocation.of_token("old", now)], now.timestamp() - 1)
    await channel.push([Revocation.of_token("new", now + AFTERWARDS)], now.timestamp() + 1)
    assert await channel.members(0) == {"jti:new"}
    await channel.close()
