"""Reads that are cached, and reads on behalf of a user: who sees what, and what reaches the owner."""

import time
from collections.abc import AsyncIterator, Callable
from uuid import UUID

import pytest
from pydantic import SecretStr
from tests.client.garden import Plant
from tests.client.oauth import TokenEndpoint, token_endpoint
from tests.client.scripted import Say, Scripted

from arnia.chassis.answer_cache import AnswerCache
from arnia.chassis.call_policy import CallPolicy
from arnia.chassis.calls import Caller
from arnia.chassis.client import Client, Origin, get, put
from arnia.chassis.dependency import Dependency
from arnia.chassis.service_tokens import OAuthClient, ServiceTokens
from arnia.chassis.transport_pyreqwest import PyreqwestTransport
from arnia.chassis.transports import TransportOptions
from arnia.errors import NotAuthenticated, UpstreamRefused

ROSE = UUID(int=1)


class Reader(Client, service="nursery"):
    """Reads plants in every way."""

    @get("/plants/{plant_id}", cached=True, scopes=("plants:read",))
    async def obedient(self, plant_id: UUID) -> Plant: ...

    @get("/plants/{plant_id}", cached=30.0)
    async def careless(self, plant_id: UUID) -> Plant: ...

    @get("/plants/{plant_id}", cached=True, as_user=True, scopes=("plants:read",))
    async def personal(self, plant_id: UUID) -> Plant: ...

    @put("/plants/{plant_id}")
    async def change(self, plant_id: UUID) -> None: ...


class Clock:
    """Goes forward when a test says so."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Give the clock of the cache."""
    return Clock()


@pytest.fixture
async def endpoint() -> AsyncIterator[TokenEndpoint]:
    """Give a token endpoint."""
    async with token_endpoint() as running:
        yield running


As = Callable[[str], Reader]


@pytest.fixture
async def reader(nursery: Scripted, endpoint: TokenEndpoint, clock: Clock) -> AsyncIterator[As]:
    """Give what makes the client of a request whose user has a token."""
    client = OAuthClient(token_url=endpoint.url, client_id="florist", client_secret=SecretStr("s"))
    tokens = ServiceTokens(client, PyreqwestTransport(TransportOptions(url=endpoint.url.removesuffix("/token"))))
    dependency = Dependency("nursery", CallPolicy())
    caller = Caller(
        dependency, PyreqwestTransport(TransportOptions(url=nursery.url)), tokens, AnswerCache(entries=3, clock=clock)
    )
    yield lambda token: Reader(caller, Origin(deadline=time.monotonic() + 30, token=token))
    await caller.close()
    await tokens.close()


async def test_a_second_identical_query_does_not_reach_the_owner(reader: As, nursery: Scripted, clock: Clock) -> None:
    """While an answer is fresh, as its Cache-Control says, the owner is not asked again (R047)."""
    nursery.always = Say(headers={"cache-control": "max-age=60", "age": "10"})
    client = reader("")
    assert await client.obedient(ROSE) == await client.obedient(ROSE)
    clock.now = 49
    await client.obedient(ROSE)
    assert len(nursery) == 1
    await client.obedient(UUID(int=2))
    clock.now = 51
    await client.obedient(ROSE)
    assert len(nursery) == 3


@pytest.mark.parametrize("control", ["no-store", "max-age=60, no-store", "", "no-cache, max-age=60", "max-age=0"])
async def test_what_may_not_be_used_is_not(reader: As, nursery: Scripted, control: str) -> None:
    """Without freshness and without an entity tag, each query is asked anew."""
    nursery.always = Say(headers={"cache-control": control})
    client = reader("")
    await client.obedient(ROSE)
    await client.obedient(ROSE)
    assert len(nursery) == 2
    assert "if-none-match" not in nursery.seen[1].headers


async def test_a_stale_answer_is_asked_after_by_its_tag(reader: As, nursery: Scripted, clock: Clock) -> None:
    """A 304 makes the kept answer fresh again, and brings no body."""
    nursery.script.append(Say(headers={"etag": '"7"', "cache-control": "private, no-cache"}))
    nursery.script.append(Say(304, headers={"etag": '"7"', "cache-control": "max-age=60"}))
    client = reader("")
    first = await client.obedient(ROSE)
    assert await client.obedient(ROSE) == first
    assert nursery.seen[1].headers["if-none-match"] == '"7"'
    await client.obedient(ROSE)
    assert len(nursery) == 2
    clock.now = 61
    nursery.always = Say(document={"name": "another"}, headers={"etag": '"8"'})
    assert (await client.obedient(ROSE)).name == "another"


async def test_a_consumer_may_say_what_is_good_enough(reader: As, nursery: Scripted, clock: Clock) -> None:
    """An age that the consumer declares counts even where the owner would be asked each time; no-store counts more."""
    nursery.always = Say(headers={"cache-control": "private, no-cache"})
    client = reader("")
    await client.careless(ROSE)
    clock.now = 29
    await client.careless(ROSE)
    assert len(nursery) == 1
    clock.now = 31
    nursery.always = Say(headers={"cache-control": "no-store"})
    await client.careless(ROSE)
    await client.careless(ROSE)
    assert len(nursery) == 3


async def test_a_write_forgets_what_was_read(reader: As, nursery: Scripted) -> None:
    """After a write to a resource its kept answer is not used any more."""
    nursery.always = Say(headers={"cache-control": "max-age=60"})
    client = reader("")
    await client.obedient(ROSE)
    await client.change(ROSE)
    await client.obedient(ROSE)
    assert len(nursery) == 3


async def test_only_the_last_used_are_kept(reader: As, nursery: Scripted) -> None:
    """The cache has an end: what was not used for longest goes first; and what is large is not kept."""
    nursery.always = Say(headers={"cache-control": "max-age=60"})
    client = reader("")
    for number in (1, 2, 3, 1, 4, 1, 2):
        await client.obedient(UUID(int=number))
    assert len(nursery) == 5
    nursery.always = Say(document={"name": "x" * 70_000}, headers={"cache-control": "max-age=60"})
    await client.obedient(UUID(int=9))
    await client.obedient(UUID(int=9))
    assert len(nursery) == 7


async def test_nobody_sees_what_another_was_shown(reader: As, nursery: Scripted) -> None:
    """Answers to calls on behalf of users are kept apart by user, whatever the owner says of sharing them."""
    nursery.script.append(Say(document={"name": "of alice"}, headers={"cache-control": "public, max-age=60"}))
    nursery.script.append(Say(document={"name": "of bob"}, headers={"cache-control": "public, max-age=60"}))
    nursery.script.append(Say(document={"name": "of nobody"}, headers={"cache-control": "public, max-age=60"}))
    assert (await reader("alice").personal(ROSE)).name == "of alice"
    assert (await reader("bob").personal(ROSE)).name == "of bob"
    assert (await reader("alice").obedient(ROSE)).name == "of nobody"
    assert (await reader("alice").personal(ROSE)).name == "of alice"
    assert (await reader("bob").personal(ROSE)).name == "of bob"
    assert len(nursery) == 3


async def test_whose_token_goes_along(reader: As, nursery: Scripted, endpoint: TokenEndpoint) -> None:
    """A user's call carries an exchanged token, any other the service's own; the user's own token never leaves."""
    await reader("secret-of-alice").personal(ROSE)
    await reader("secret-of-alice").obedient(ROSE)
    assert [seen.headers["authorization"] for seen in nursery.seen] == ["Bearer token-1", "Bearer token-2"]
    assert [asked["audience"] for asked in endpoint.asked] == ["nursery", "nursery"]
    assert not any("secret-of-alice" in str(seen) for seen in nursery.seen)
    with pytest.raises(NotAuthenticated):
        await reader("").personal(ROSE)


async def test_a_refused_token_is_replaced(reader: As, nursery: Scripted) -> None:
    """After a 401 the next call goes with another token: keys may have changed, or the token been revoked."""
    nursery.script.append(Say(401))
    with pytest.raises(UpstreamRefused):
        await reader("").obedient(ROSE)
    await reader("").obedient(ROSE)
    assert [seen.headers["authorization"] for seen in nursery.seen] == ["Bearer token-1", "Bearer token-2"]


async def test_nobody_is_not_the_service_itself(reader: As, nursery: Scripted) -> None:
    """A read on behalf of a user whom nobody names is refused, also where the service's own answer is fresh."""
    nursery.always = Say(headers={"cache-control": "max-age=60"})
    await reader("").obedient(ROSE)
    with pytest.raises(NotAuthenticated):
        await reader("").personal(ROSE)
