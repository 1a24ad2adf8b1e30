"""The issuer's keys: fetched together, refetched rarely, kept while the issuer is down."""

import asyncio

import pytest
from pydantic import JsonValue
from tests.unit.chassis_security.verification import ALGORITHMS, Clock, Published

from arnia.chassis.issuers import Issuer, KeySet, NoKeys
from arnia.chassis.keys import KeyCache, read_keys
from arnia.chassis.tokens import Refusal
from arnia.errors import Unavailable
from arnia.testing.issuer import TestIssuer


def _kid(issuer: TestIssuer) -> str:
    return str(issuer.key.kid)


async def test_concurrent_requests_share_one_fetch() -> None:
    """A hundred requests that need the keys at once cause one fetch."""
    source = Published(TestIssuer())
    cache = KeyCache(source, ALGORITHMS, clock=Clock())
    await asyncio.gather(*(cache.find(_kid(source.issuer)) for _ in range(100)))
    assert source.asked == 1


async def test_a_cancelled_request_takes_nobody_with_it() -> None:
    """A request that gives up waiting for the keys does not end the fetch that others wait for."""
    issuer, go = TestIssuer(), asyncio.Event()
    source = Published(issuer)

    async def slowly() -> KeySet:
        await go.wait()
        return await source()

    cache = KeyCache(slowly, ALGORITHMS, clock=Clock())
    first, second = (asyncio.ensure_future(cache.find(_kid(issuer))) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    go.set()
    assert (await second).algorithms == ("ES256",)


async def test_unknown_ids_refetch_once_in_thirty_seconds() -> None:
    """Ids that are unknown cause one fetch, and another one half a minute later."""
    clock, source = Clock(), Published(TestIssuer())
    cache = KeyCache(source, ALGORITHMS, clock=clock)
    await cache.find(_kid(source.issuer))
    for later in (0, 1, 28, 2):
        clock.now += later
        await cache.find(_kid(source.issuer))
        for _ in range(3):
            with pytest.raises(Refusal, match="key"):
                await cache.find("unknown")
    assert source.asked == 3


async def test_a_new_key_is_found_at_once() -> None:
    """A key that the issuer signs with before anybody heard of it is fetched for the first token."""
    source = Published(TestIssuer())
    cache = KeyCache(source, ALGORITHMS, clock=Clock())
    await cache.find(_kid(source.issuer))
    source.issuer.rotate()
    assert (await cache.find(_kid(source.issuer))).algorithms == ("ES256",)
    assert cache.generation == 0


async def test_stale_keys_work_while_the_issuer_is_down() -> None:
    """Hours after the issuer went down its last keys verify, and it is asked every few seconds only."""
    clock, source = Clock(), Published(TestIssuer())
    down = 0

    async def fetch() -> KeySet:
        nonlocal down
        if source.asked:
            down += 1
            message = "down"
            raise NoKeys(message)
        return await source()

    cache = KeyCache(fetch, ALGORITHMS, clock=clock)
    await cache.find(_kid(source.issuer))
    clock.now += 36_000
    for _ in range(100):
        assert (await cache.find(_kid(source.issuer))).algorithms == ("ES256",)
    assert down == 1
    assert cache.age is not None
    assert cache.age >= 36_000


async def test_a_busy_service_does_not_wait_for_a_refresh() -> None:
    """Keys that have just become stale are used at once, while the issuer is asked in the background."""
    clock, source, hang = Clock(), Published(TestIssuer()), asyncio.Event()

    async def fetch() -> KeySet:
        if source.asked:
            await hang.wait()
        return await source()

    cache = KeyCache(fetch, ALGORITHMS, clock=clock)
    await cache.find(_kid(source.issuer))
    clock.now += 61
    async with asyncio.timeout(30):
        assert (await cache.find(_kid(source.issuer))).algorithms == ("ES256",)
    await cache.close()


async def test_an_issuer_that_hangs_holds_nobody_who_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a long rest a token of a known key waits for a hanging issuer briefly; once it was asked, not at all."""
    monkeypatch.setattr("arnia.chassis.keys.STALE_SECONDS", 0.05)
    clock, source, failed = Clock(), Published(TestIssuer()), asyncio.Event()

    async def fetch() -> KeySet:
        if source.asked:
            await failed.wait()
            failed.clear()
            message = "it did not answer"
            raise NoKeys(message)
        return await source()

    cache = KeyCache(fetch, ALGORITHMS, clock=clock)
    await cache.find(_kid(source.issuer))
    clock.now += 36_000
    async with asyncio.timeout(30):
        assert (await cache.find(_kid(source.issuer))).algorithms == ("ES256",)
    failed.set()
    await asyncio.sleep(0.01)
    monkeypatch.setattr("arnia.chassis.keys.STALE_SECONDS", 60)
    for _ in range(10):
        clock.now += 6  # time for another attempt, which hangs as well
        async with asyncio.timeout(30):
            await cache.find(_kid(source.issuer))
    await cache.close()


async def test_keys_are_fetched_ahead() -> None:
    """While a process runs its keys never become stale, whoever calls or not; one that fails is not stormed."""
    clock, source, ages, down = Clock(), Published(TestIssuer()), [], False
    begun = clock.now

    async def fetch() -> KeySet:
        if down:
            message = "down"
            raise NoKeys(message)
        return await source()

    async def sleep(seconds: float) -> None:
        clock.now += seconds
        ages.append(cache.age)
        await asyncio.sleep(0)

    cache = KeyCache(fetch, ALGORITHMS, clock=clock, sleep=sleep)
    keeping = asyncio.create_task(cache.keep())
    for _ in range(100):
        await asyncio.sleep(0)
    assert max(age for age in ages if age is not None) < 60
    assert source.asked < (clock.now - begun) / 30
    assert clock.now - begun > 600
    down, begun, attempts = True, clock.now, len(ages)
    for _ in range(100):
        await asyncio.sleep(0)
    assert len(ages) - attempts < (clock.now - begun) / 10
    keeping.cancel()
    await asyncio.wait([keeping])
    await cache.close()


async def test_withdrawn_keys_are_forgotten() -> None:
    """A key that the issuer publishes no more is refused after the next refresh, and the generation tells."""
    clock, source = Clock(), Published(TestIssuer())
    cache = KeyCache(source, ALGORITHMS, clock=clock)
    old = _kid(source.issuer)
    await cache.find(old)
    source.issuer.rotate()
    source.issuer.withdraw()
    clock.now += 121
    with pytest.raises(Refusal):
        await cache.find(old)
    assert cache.generation == 1


async def test_without_any_keys_nobody_is_told_that_the_token_is_bad() -> None:
    """While the keys were never had, a token is answered with 503, and the issuer asked once a second."""
    clock, asked = Clock(), 0

    async def fetch() -> KeySet:
        nonlocal asked
        asked += 1
        message = "down"
        raise NoKeys(message)

    cache = KeyCache(fetch, ALGORITHMS, clock=clock)
    for later in (0.0, 0.1, 1.0):
        clock.now += later
        with pytest.raises(Unavailable):
            await cache.find("a")
    assert asked == 2


async def test_the_issuer_is_found_by_its_metadata() -> None:
    """An issuer with a path is found by OpenID Connect Discovery, its max-age honoured."""
    with TestIssuer(path="/realms/bees", max_age=77) as issuer:
        source = Issuer(issuer.url)
        found = await source.key_set()
        await source.close()
    assert found.max_age == 77
    assert len(found.keys) == 1


async def test_an_issuer_that_does_not_answer_is_no_fault() -> None:
    """A refused connection and an unknown path are told in one sentence."""
    with TestIssuer() as issuer:
        url = issuer.url
        wrong = Issuer(url, url + "/nowhere")
        with pytest.raises(NoKeys, match="answers with 404"):
            await wrong.key_set()
    gone = Issuer(url)
    with pytest.raises(NoKeys, match="cannot be reached"):
        await gone.key_set()


async def test_metadata_of_another_issuer_is_not_followed() -> None:
    """Metadata that names another issuer is refused (RFC 8414, 3.3), so nobody's keys stand in for the issuer's."""
    with TestIssuer(path="/a") as issuer:
        issuer.path = "/b"
        misled = Issuer(issuer.url + "/")
        with pytest.raises(NoKeys, match="names another issuer"):
            await misled.key_set()


def test_keys_that_are_not_for_this_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    """Secrets, private keys, keys for encryption, weak and unreadable ones verify nothing; what is wrong is logged."""
    issuer = TestIssuer()
    keys = issuer.key_set()["keys"]
    assert isinstance(keys, list)
    good = keys[0]
    assert isinstance(good, dict)
    bad: list[JsonValue] = [
        {"kty": "oct", "kid": "a", "k": "AAAA", "alg": "HS256"},
        {**good, "kid": "b", "use": "enc"},
        {**good, "kid": "c", "key_ops": ["sign"]},
        {**good, "kid": "d", "d": "AAAA"},
        {**good, "kid": "e", "alg": "ES384"},
        {**good, "kid": "f", "y": good["x"]},
        {**good, "kid": "g", "crv": "P-521"},
        {"kty": "RSA", "kid": "h", "n": "AQAB", "e": "AQAB"},
        {**good, "kid": 1},
        {name: value for name, value in good.items() if name != "x"} | {"kid": "i"},
        "key",
        None,
    ]
    assert set(read_keys([*bad, good], (*ALGORITHMS, "RS256", "HS256"))) == {good["kid"]}
    said = [one.getMessage().partition(": it ")[2].partition(" (")[0] for one in caplog.records]
    assert said == ["is private", "cannot be read", "cannot be read", "cannot be read"]
