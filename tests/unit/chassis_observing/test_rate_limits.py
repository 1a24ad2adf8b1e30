"""How often a principal may ask: exactly so often, in one process and in several, whatever happens to Valkey."""

import asyncio
import http.client
import re
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from pathlib import Path
from typing import Final

import pytest
from tests.unit.chassis_observing import observed_service
from tests.unit.chassis_security import guarded_service

from arnia.chassis.openapi import complete, operations
from arnia.chassis.rate_ledger import ValkeyLedger
from arnia.chassis.rate_limits import Lease, LedgerLost, RateLimit, RateLimiter, source_of
from arnia.errors import TooManyRequests, Unavailable
from arnia.local.ports import free_port
from arnia.local.servers.valkey import Valkey
from arnia.testing.http import Answer, AsgiClient, Lifespan, call
from arnia.testing.issuer import TestIssuer
from arnia.testing.processes import ServiceProcess

QUICK: Final = "/api/v1/things/quick"
LIMIT: Final = RateLimit(20, 60)
FIELD: Final = re.compile(r'"default";r=(\d+);t=(\d+)')
MODULE: Final = "tests.unit.chassis_observing.observed_service"


class Clock:
    """Stands until it is moved."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Book:
    """A ledger in this process: what is left of one window, and whether it can be asked."""

    def __init__(self, quota: int) -> None:
        self.left = quota
        self.asked = 0
        self.broken = False

    async def lease(self, key: str, want: int, spent: int) -> Lease:
        """Grant what is left."""
        assert key
        self.asked += 1
        await asyncio.sleep(0)
        if self.broken:
            raise LedgerLost("broken")
        self.left = max(0, self.left - spent)
        granted = min(want, -(-self.left // 4))
        self.left -= granted
        return Lease(granted, self.left, 60)

    async def close(self) -> None:
        """Do nothing."""


async def admitted(limiter: RateLimiter, times: int, key: str = "bee") -> int:
    """Ask so many times; return how often one is admitted."""
    count = 0
    for _ in range(times):
        try:
            await limiter.admit(key)
        except TooManyRequests:
            continue
        count += 1
    return count


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    server = Valkey(tmp_path / "valkey", free_port(), log=tmp_path / "log")
    server.prepare()
    server.spawn()
    while not server.ready():
        time.sleep(0.02)
    yield server
    server.stop()


def remaining(answer: Answer) -> int:
    found = FIELD.fullmatch(answer.header("ratelimit") or "")
    assert found is not None, answer
    return int(found[1])


async def test_the_answers_count_down_to_429_and_the_next_window_begins() -> None:
    """Fields as the draft has them; at the limit 429 with Retry-After; after that time one is welcome again."""
    app = observed_service.create().asgi(observed_service.settings(rate_limit="3/1s"))
    async with Lifespan(app):
        client = AsgiClient(app)
        answers = [await client.send(call("GET", QUICK)) for _ in range(4)]
        assert [answer.status for answer in answers] == [200, 200, 200, 429]
        assert [remaining(answer) for answer in answers] == [2, 1, 0, 0]
        assert {answer.header("ratelimit-policy") for answer in answers} == {'"default";q=3;w=1'}
        assert answers[3].media_type == "application/problem+json"
        assert answers[3].json()["type"] == "/problems/too-many-requests"
        await asyncio.sleep(int(answers[3].header("retry-after") or "0"))
        assert (await client.send(call("GET", QUICK))).status == 200


async def test_429_is_in_the_contract() -> None:
    """Every operation documents the refusal, and each field that it has."""
    application = observed_service.create()
    document = complete(application.fastapi(), keyed=False)
    described = [operation["responses"]["429"] for _, _, operation in operations(document)]
    assert described
    app = application.asgi(observed_service.settings(rate_limit="1/60s"))
    async with Lifespan(app):
        client = AsgiClient(app)
        refused = [await client.send(call("GET", QUICK)) for _ in range(2)][1]
    for answer in described:
        assert answer["headers"].keys() == {"Retry-After", "RateLimit", "RateLimit-Policy"}
        assert all(refused.header(name.lower()) for name in answer["headers"])
        assert refused.media_type in answer["content"]


async def test_health_and_metrics_are_not_counted() -> None:
    """Who watches a service does not use up anybody's quota, nor is ever refused."""
    app = observed_service.create().asgi(observed_service.settings(rate_limit="1/60s"))
    async with Lifespan(app):
        client = AsgiClient(app)
        answers = [await client.send(call("GET", path)) for path in ("/livez", "/readyz", "/metrics") * 3]
        assert {answer.status for answer in answers} == {200}
        assert (await client.send(call("GET", QUICK))).status == 200


async def test_who_is_counted() -> None:
    """Each user of an application has a quota; tokens that are not accepted use up that of an address."""
    with TestIssuer() as issuer:
        given = {"port": 1, "issuer": issuer.url, "rate_limit": "3/60s"}
        app = guarded_service.create().asgi(guarded_service.Settings.model_validate(given))
        async with Lifespan(app):
            ours = guarded_service.SERVICE
            for audience, subject, status in (("another", "ada", 401), (ours, "ada", 200), (ours, "eve", 200)):
                token = issuer.token(audience=audience, subject=subject, scopes=["wishes:read"])
                client = AsgiClient(app, token)
                answers = [await client.send(call("GET", "/api/v1/wishes")) for _ in range(5)]
                assert [answer.status for answer in answers] == [status] * 3 + [429] * 2


async def test_nothing_is_said_of_limits_where_there_are_none() -> None:
    """Without the setting there is no field and no refusal."""
    app = observed_service.create().asgi(observed_service.settings())
    async with Lifespan(app):
        answers = [await AsgiClient(app).send(call("GET", QUICK)) for _ in range(5)]
    assert {(answer.status, answer.header("ratelimit")) for answer in answers} == {(200, None)}


async def test_one_process_admits_exactly_the_quota() -> None:
    """One after the other or all at once, whether it counts alone or leases: the quota, and not one more."""
    for ledger in (None, Book(20)):
        limiter = RateLimiter(LIMIT, ledger)
        assert await admitted(limiter, 50) == 20
        await limiter.close()
    limiter = RateLimiter(LIMIT, Book(20))
    assert sum(await asyncio.gather(*(admitted(limiter, 2) for _ in range(30)))) == 20
    await limiter.close()


async def test_who_is_refused_makes_no_round_trip() -> None:
    """Once the ledger has said that nothing is left, it is not asked again in that window."""
    book = Book(20)
    limiter = RateLimiter(LIMIT, book)
    await admitted(limiter, 25)
    asked = book.asked
    await admitted(limiter, 100)
    assert book.asked == asked


async def test_blocks_are_leased_ahead() -> None:
    """Nearly every request finds something leased already: it does not wait for the ledger."""
    book, limit = Book(1000), RateLimit(1000, 60)
    limiter = RateLimiter(limit, book)
    await admitted(limiter, 1)
    waited = 0
    for _ in range(900):
        asking = limiter.admit("bee")
        try:
            asking.send(None)
            waited += 1
        except StopIteration:
            pass
        asking.close()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert waited <= 5
    assert book.asked <= 60
    await limiter.close()


async def test_principals_have_quotas_of_their_own() -> None:
    """What one has used up is not missing to another."""
    limiter = RateLimiter(LIMIT)
    assert [await admitted(limiter, 30, key) for key in ("bee", "wasp")] == [20, 20]


async def test_a_window_ends() -> None:
    """After its time everything is there again."""
    clock = Clock()
    limiter = RateLimiter(LIMIT, clock=clock)
    await admitted(limiter, 30)
    clock.now += 59
    assert await admitted(limiter, 30) == 0
    clock.now += 1
    assert await admitted(limiter, 30) == 20


async def test_a_lost_ledger_opens_or_closes() -> None:
    """By setting: each process counts by itself, or nobody is admitted."""
    book = Book(20)
    book.broken = True
    limiter = RateLimiter(LIMIT, book, lost="open")
    assert await admitted(limiter, 50) == 20
    await limiter.close()
    limiter = RateLimiter(LIMIT, book, lost="closed")
    with pytest.raises(Unavailable):
        await limiter.admit("bee")
    await limiter.close()


async def test_what_was_admitted_without_a_ledger_is_counted_when_it_is_back() -> None:
    """The ledger hears of it with the next lease, so that nobody gets the quota twice."""
    clock, book = Clock(), Book(20)
    book.broken = True
    limiter = RateLimiter(LIMIT, book, clock=clock)
    assert await admitted(limiter, 15) == 15
    book.broken = False
    clock.now += 2
    assert await admitted(limiter, 1) == 1
    await asyncio.sleep(0.01)
    assert 3 <= await admitted(limiter, 30) <= 5
    await limiter.close()


async def test_valkey_shares_a_quota_among_limiters(valkey: Valkey) -> None:
    """Two processes' worth of limiters admit the quota together, and a third one, as after a restart, nothing more."""

    async def limiter() -> RateLimiter:
        return RateLimiter(LIMIT, ValkeyLedger(valkey.cache_url(), "observed", LIMIT))

    first, second = await limiter(), await limiter()
    total = 0
    for _ in range(30):
        total += await admitted(first, 1) + await admitted(second, 1)
    assert total == 20
    third = await limiter()
    assert await admitted(third, 5) == 0
    for each in (first, second, third):
        await each.close()


def _get(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", QUICK)
        return connection.getresponse().status
    finally:
        connection.close()


def test_two_replicas_and_a_restarted_one_share_one_quota(valkey: Valkey, tmp_path: Path) -> None:
    """Requests go to both at once: so many are answered as one may ask; after a restart none; without Valkey some."""
    given = {"rate_limit": "40/60s", "cache_url": valkey.cache_url(), "drain_seconds": 0}
    with (
        ServiceProcess("observed", MODULE, given, tmp_path / "a") as one,
        ServiceProcess("observed", MODULE, given, tmp_path / "b") as other,
    ):
        with ThreadPoolExecutor(8) as threads:
            statuses = Counter(threads.map(_get, [one.port, other.port] * 50))
        assert statuses == {200: 40, 429: 60}
        one.kill()
        with one:
            assert _get(one.port) == 429
        valkey.stop()
        with ServiceProcess("observed", MODULE, given, tmp_path / "c") as alone:
            assert Counter(_get(alone.port) for _ in range(45)) == {200: 40, 429: 5}
        given["rate_limit_lost"] = "closed"
        with ServiceProcess("observed", MODULE, given, tmp_path / "d") as closed:
            assert _get(closed.port) == 503


@pytest.mark.parametrize(
    ("peer", "forwarded", "source"),
    [
        ("203.0.113.9", b"", "203.0.113.9"),
        ("203.0.113.9", b"198.51.100.1", "203.0.113.9"),
        ("127.0.0.1", b"198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", b"192.0.2.1, 198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", b"198.51.100.1, 10.1.1.1", "198.51.100.1"),
        ("127.0.0.1", b"nonsense", "127.0.0.1"),
        ("127.0.0.1", b"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", b"", "203.0.113.9"),
        ("::ffff:127.0.0.1", b"198.51.100.1", "198.51.100.1"),
        ("", b"", ""),
    ],
)
def test_anonymous_callers_are_told_apart_by_address(peer: str, forwarded: bytes, source: str) -> None:
    """A proxy of ours is believed, and nobody else: who could write the field could be anybody."""
    trusted = (ip_network("127.0.0.0/8"), ip_network("10.0.0.0/8"))
    assert source_of(peer, forwarded, trusted) == source
