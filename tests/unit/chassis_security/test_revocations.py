"""What was taken back is known everywhere within seconds, with Valkey's help."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.unit.chassis_security.verification import Clock
from valkey.asyncio import Valkey as Client

from arnia.chassis.principals import Principal
from arnia.chassis.revocations import RevocationFeed, Revocations
from arnia.conventions import REVOCATION_CHANNEL, REVOCATION_LIST
from arnia.errors import Unavailable
from arnia.local.ports import free_port
from arnia.local.servers.valkey import Valkey

ALICE = Principal(
    subject="urn:bees:alice", client="tests", scopes=frozenset(), roles=frozenset(), token_id="t", session="s"
)
PATIENCE = 5.0


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    server = Valkey(tmp_path / "valkey", free_port(), log=tmp_path / "log")
    server.prepare()
    server.spawn()
    yield server
    server.stop()


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 - nobody sets an event: it is another process
            await asyncio.sleep(0.02)


async def _publish(client: Client, member: str) -> None:
    """Send `member` until somebody listens."""
    async with asyncio.timeout(PATIENCE):
        while not await client.publish(REVOCATION_CHANNEL, member):  # noqa: ASYNC110 - nor for this
            await asyncio.sleep(0.02)


def test_subjects_lose_what_was_issued_before() -> None:
    """A subject's revocation concerns the tokens before its second, whatever colons its name has."""
    revocations = Revocations(clock=Clock())
    revocations.add("sub:urn:bees:alice:100", revocations.clock() + 60)
    assert revocations.holds(ALICE, 99)
    assert not revocations.holds(ALICE, 100)
    revocations.add("sub:urn:bees:alice:50", revocations.clock() + 60)
    assert revocations.holds(ALICE, 99)


def test_clients_lose_what_they_were_issued_before() -> None:
    """An OAuth client's revocation concerns its tokens, whoever they are for, and nobody of the same name."""
    revocations = Revocations(clock=Clock())
    revocations.add("client:alice:100", revocations.clock() + 60)
    revocations.add("sub:tests:100", revocations.clock() + 60)
    assert not revocations.holds(ALICE, 0)
    revocations.add("client:tests:100", revocations.clock() + 60)
    assert revocations.holds(ALICE, 99)
    assert not revocations.holds(ALICE, 100)


@pytest.mark.parametrize(
    "member",
    ["", "jti:", "client:", "client:5", "client::5", "sub:alice", "sub:alice:soon", "sub::1", "other:t", "jti"],
)
def test_members_that_say_nothing_are_left_out(member: str) -> None:
    """A member that is not understood revokes nothing, and breaks nothing."""
    revocations = Revocations(clock=Clock())
    revocations.add(member, revocations.clock() + 60)
    assert revocations.empty


def test_what_has_ended_is_forgotten() -> None:
    """A revocation is kept until the token would have ended, and no longer."""
    clock = Clock()
    revocations = Revocations(clock=clock)
    revocations.refresh([("jti:t", clock.now + 10), ("sub:alice:5", clock.now + 10)])
    assert revocations.holds(ALICE, 0)
    clock.now += 11
    revocations.refresh([])
    assert revocations.empty


def test_a_list_that_is_lost_closes_only_on_demand() -> None:
    """Five seconds without the list are a loss; only a service that was told so refuses then."""
    clock = Clock()
    revocations = Revocations(clock=clock)
    assert revocations.lost
    revocations.refresh([])
    revocations.check_current()
    clock.now += 6
    with pytest.raises(Unavailable):
        revocations.check_current()


async def test_a_revocation_is_pushed(valkey: Valkey) -> None:
    """A message is known at once, long before the list would be read again."""
    await _until(valkey.ready)
    revocations = Revocations()
    feed = RevocationFeed(valkey.cache_url(), revocations, poll_seconds=60)
    await feed.open()
    client = Client.from_url(valkey.cache_url())
    await _publish(client, "jti:t")
    await _until(lambda: revocations.holds(ALICE, 0))
    await feed.close()
    await client.aclose()


async def test_a_revocation_is_found_by_polling(valkey: Valkey) -> None:
    """What was never pushed is found in the list, at the start and later, and what is over is not read."""
    await _until(valkey.ready)
    revocations = Revocations()
    client = Client.from_url(valkey.cache_url())
    until = revocations.clock() + 600
    await client.zadd(REVOCATION_LIST, {"sid:s": until, "sid:over": 5})
    feed = RevocationFeed(valkey.cache_url(), revocations, poll_seconds=0.05)
    await feed.open()
    assert revocations.holds(ALICE, 0)
    await client.zadd(REVOCATION_LIST, {"sub:bob:7": until})
    bob = Principal(subject="bob", client="tests", scopes=frozenset(), roles=frozenset())
    await _until(lambda: revocations.holds(bob, 6))
    await feed.close()
    await client.aclose()


async def test_what_was_never_pushed_is_known_in_five_seconds(valkey: Valkey) -> None:
    """The list alone, read as often as services read it, is quick enough."""
    await _until(valkey.ready)
    revocations = Revocations()
    feed = RevocationFeed(valkey.cache_url(), revocations)
    await feed.open()
    client = Client.from_url(valkey.cache_url())
    await client.zadd(REVOCATION_LIST, {"jti:t": revocations.clock() + 600})
    await _until(lambda: revocations.holds(ALICE, 0))
    await feed.close()
    await client.aclose()


async def test_a_server_that_comes_back_is_followed_again(valkey: Valkey) -> None:
    """After a restart of Valkey what was known is known, and messages arrive again."""
    await _until(valkey.ready)
    revocations = Revocations()
    feed = RevocationFeed(valkey.cache_url(), revocations, poll_seconds=0.1)
    await feed.open()
    revocations.add("jti:other", revocations.clock() + 60)
    valkey.stop()
    await asyncio.sleep(0.5)
    valkey.spawn()
    await _until(valkey.ready)
    client = Client.from_url(valkey.cache_url())
    await _publish(client, "jti:t")
    await _until(lambda: revocations.holds(ALICE, 0))
    assert not revocations.empty
    await feed.close()
    await client.aclose()


async def test_a_server_that_is_not_there_keeps_nobody_from_starting() -> None:
    """Without Valkey a service starts within seconds, and knows that the list is lost."""
    revocations = Revocations()
    feed = RevocationFeed(f"redis://127.0.0.1:{free_port()}", revocations, poll_seconds=0.1)
    async with asyncio.timeout(PATIENCE):
        await feed.open()
    assert revocations.lost
    await feed.close()
