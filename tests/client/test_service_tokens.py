"""Tokens for calls: fetched once, replaced ahead, good while the issuer is down, and never the user's own."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest
from pydantic import SecretStr
from tests.client.oauth import TokenEndpoint, token_endpoint

from arnia.chassis.service_tokens import OAuthClient, ServiceTokens
from arnia.chassis.transport_httpx import HttpxTransport
from arnia.chassis.transports import TransportOptions
from arnia.errors import DeadlineExceeded, NotAuthenticated, Unavailable, UpstreamFailed
from arnia.testing.proxy import Fault, Proxy

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"


class Clock:
    """Goes with the real one, and forward when a test says so."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


Start = Callable[[], ServiceTokens]


@pytest.fixture
async def endpoint() -> AsyncIterator[TokenEndpoint]:
    """Give a token endpoint."""
    async with token_endpoint() as running:
        yield running


@pytest.fixture
def clock() -> Clock:
    """Give a clock."""
    return Clock()


@pytest.fixture
async def tokens(endpoint: TokenEndpoint, clock: Clock) -> AsyncIterator[ServiceTokens]:
    """Give the tokens of a service whose name and secret hold what Basic has to escape."""
    client = OAuthClient(token_url=endpoint.url, client_id="a:b", client_secret=SecretStr("s%c:ret é"))
    transport = HttpxTransport(TransportOptions(url=endpoint.url.removesuffix("/token")))
    made = ServiceTokens(client, transport, clock=clock, uniform=lambda least, _: least)
    yield made
    await made.close()


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - what it waits for has no event
            await asyncio.sleep(0.01)


async def own(tokens: ServiceTokens, clock: Clock, audience: str = "drone", scope: str = "drones:read") -> str:
    """Return the service's own token."""
    return await tokens.own(audience, (scope,), deadline=clock() + 5)


async def test_one_fetch_for_all_who_wait(tokens: ServiceTokens, endpoint: TokenEndpoint, clock: Clock) -> None:
    """A hundred calls at once fetch one token, which later calls go on using; audience and scopes have their own."""
    endpoint.may_answer.clear()
    waiting = [asyncio.ensure_future(own(tokens, clock)) for _ in range(100)]
    await _until(lambda: len(endpoint.asked) == 1)
    endpoint.may_answer.set()
    assert set(await asyncio.gather(*waiting)) == {"token-1"}
    assert await own(tokens, clock) == "token-1"
    asked = {"grant_type": "client_credentials", "audience": "drone", "scope": "drones:read"}
    assert endpoint.asked == [asked]
    assert endpoint.clients == ["a%3Ab:s%25c%3Aret%20%C3%A9"]
    assert await own(tokens, clock, audience="delivery") == "token-2"
    assert await own(tokens, clock, scope="drones:write") == "token-3"


async def test_a_token_is_replaced_before_it_ends(tokens: ServiceTokens, endpoint: TokenEndpoint, clock: Clock) -> None:
    """Late in its life a token is still handed out at once, while one fetch brings the next."""
    await own(tokens, clock)
    endpoint.may_answer.clear()
    clock.ahead = 45
    assert [await own(tokens, clock) for _ in range(10)] == ["token-1"] * 10
    await _until(lambda: len(endpoint.asked) == 2)
    assert await own(tokens, clock) == "token-1"
    endpoint.may_answer.set()
    while await own(tokens, clock) != "token-2":  # noqa: ASYNC110 - likewise
        await asyncio.sleep(0.01)
    assert len(endpoint.asked) == 2


async def test_an_issuer_that_is_down(tokens: ServiceTokens, endpoint: TokenEndpoint, clock: Clock) -> None:
    """While identity is down a token works until it ends; then calls get a 503, and identity is not stormed."""
    await own(tokens, clock)
    await endpoint.stop()
    clock.ahead = 50
    assert [await own(tokens, clock) for _ in range(20)] == ["token-1"] * 20
    await asyncio.sleep(0.1)
    assert await own(tokens, clock) == "token-1"
    clock.ahead = 61
    for _ in range(20):
        with pytest.raises(Unavailable):
            await own(tokens, clock)
    await endpoint.start()
    clock.ahead = 70
    assert await own(tokens, clock) == "token-2"


async def test_an_issuer_that_hangs_costs_the_deadline(
    tokens: ServiceTokens, endpoint: TokenEndpoint, clock: Clock
) -> None:
    """Waiting for a token ends with the request's deadline, and the fetch goes on for the next one."""
    endpoint.may_answer.clear()
    with pytest.raises(DeadlineExceeded):
        await tokens.own("drone", (), deadline=clock() + 0.1)
    await _until(lambda: len(endpoint.asked) == 1)
    endpoint.may_answer.set()
    assert await tokens.own("drone", (), deadline=clock() + 5) == "token-1"


async def test_a_refused_service_is_told(tokens: ServiceTokens, endpoint: TokenEndpoint, clock: Clock) -> None:
    """An issuer that refuses the service itself is a 502 with the error's code, which is checked to be one."""
    endpoint.status = 401
    with pytest.raises(UpstreamFailed, match="invalid_client"):
        await own(tokens, clock)
    endpoint.error = "<script>"
    with pytest.raises(UpstreamFailed, match="an error"):
        await own(tokens, clock)


async def test_a_users_token_is_exchanged(tokens: ServiceTokens, endpoint: TokenEndpoint, clock: Clock) -> None:
    """For a user the token is exchanged (RFC 8693), once for each user, audience and set of scopes."""

    async def of(user: str, audience: str = "drone") -> str:
        return await tokens.of_user(user, audience, ("drones:read",), deadline=clock() + 5)

    assert [await of("alice"), await of("alice"), await of("bob"), await of("alice", "delivery")] == [
        "token-1",
        "token-1",
        "token-2",
        "token-3",
    ]
    assert endpoint.asked[0] == {
        "grant_type": EXCHANGE,
        "audience": "drone",
        "scope": "drones:read",
        "subject_token": "alice",
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
    }
    assert await own(tokens, clock) == "token-4"


async def test_who_is_nobody_cannot_be_acted_for(tokens: ServiceTokens, endpoint: TokenEndpoint, clock: Clock) -> None:
    """Without a user, and with a token that the issuer no longer takes, the answer is a 401."""
    with pytest.raises(NotAuthenticated):
        await tokens.of_user("", "drone", (), deadline=clock() + 5)
    assert endpoint.asked == []
    endpoint.status, endpoint.error = 400, "invalid_grant"
    with pytest.raises(NotAuthenticated):
        await tokens.of_user("gone", "drone", (), deadline=clock() + 5)


async def test_a_refused_token_is_forgotten(tokens: ServiceTokens, clock: Clock) -> None:
    """A token that a service refused is not sent again."""
    await own(tokens, clock)
    tokens.forget("token-1")
    assert await own(tokens, clock) == "token-2"


@pytest.fixture
async def way(endpoint: TokenEndpoint) -> AsyncIterator[Proxy]:
    """Give a way to the token endpoint that can be broken."""
    async with Proxy(endpoint.port) as proxy:
        yield proxy


@pytest.fixture
async def hasty(way: Proxy, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ServiceTokens]:
    """Give the tokens of a service that replaces them within half a second, and gives up as soon."""
    monkeypatch.setattr("arnia.chassis.service_tokens.FETCH_SECONDS", 0.5)
    client = OAuthClient(token_url=f"{way.url}/token", client_id="a", client_secret=SecretStr("b"))
    transport = HttpxTransport(TransportOptions(url=way.url))
    made = ServiceTokens(client, transport, clock=clock, uniform=lambda least, _: least / 100)
    yield made
    await made.close()


async def test_a_services_own_token_is_replaced_without_a_call(
    hasty: ServiceTokens, endpoint: TokenEndpoint, clock: Clock
) -> None:
    """A service that was idle finds a fresh token when it calls; of a user, who may be gone, none is fetched."""
    await hasty.of_user("alice", "drone", (), deadline=clock() + 5)
    await own(hasty, clock)
    for _ in range(1500):
        if len(endpoint.asked) > 2:
            break
        await asyncio.sleep(0.02)
    assert [each["grant_type"] for each in endpoint.asked] == [EXCHANGE, *2 * ["client_credentials"]]


async def test_who_has_a_token_never_waits_for_an_issuer_that_hangs(
    hasty: ServiceTokens, way: Proxy, clock: Clock
) -> None:
    """While the issuer is frozen, calls with a token that is known go on at once, its replacement being overdue."""
    token = await own(hasty, clock)
    of_alice = await hasty.of_user("alice", "drone", (), deadline=clock() + 5)
    way.fault = Fault.HANG
    clock.ahead = 50
    taken = 0.0
    for _ in range(10):
        started = time.monotonic()
        assert await own(hasty, clock) == token
        assert await hasty.of_user("alice", "drone", (), deadline=clock() + 5) == of_alice
        taken += time.monotonic() - started
        await asyncio.sleep(0.1)
    assert taken < 3, "each call that waits, waits for half a second"


async def test_one_call_finds_out_whether_the_issuer_is_there_again(
    hasty: ServiceTokens, way: Proxy, clock: Clock
) -> None:
    """After an issuer hung, one call that needs a token waits for it, the others are told at once; then all go on."""
    way.fault = Fault.HANG
    with pytest.raises(Unavailable):
        await own(hasty, clock)
    clock.ahead += 5
    first = asyncio.create_task(own(hasty, clock, audience="drone"))
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await own(hasty, clock, audience="delivery")
    assert not first.done()
    with pytest.raises(Unavailable):
        await first
    way.heal()
    clock.ahead += 5
    assert await own(hasty, clock)
    assert await own(hasty, clock, audience="delivery")
