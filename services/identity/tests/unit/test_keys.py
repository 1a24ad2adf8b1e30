"""Signing keys: whoever cached the key set knows every key that signs, and no key goes before its tokens have ended."""

import asyncio
import json
from base64 import urlsafe_b64decode
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from services.identity.tests.timekeeping import FakeClock

from arnia.chassis.keys import read_keys
from arnia.chassis.tokens import ALGORITHMS, Refusal, dissect
from arnia.errors import SettingsError
from identity.config import EDGE_CACHE_SECONDS, REFRESH_SECONDS
from identity.models.keys import LONGEST_TOKEN_SECONDS, Algorithm, KeyRing, Timing
from identity.repositories.memory_store import remembering
from identity.repositories.store import Transactions
from identity.services.keyring import Keys
from identity.services.sealing import Seal
from identity.services.signing import make_key

SEAL = Seal("a secret that only this test knows")
MAX_AGE = 60
CACHED = MAX_AGE + EDGE_CACHE_SECONDS + REFRESH_SECONDS
TIMING = Timing(lead=timedelta(seconds=CACHED + 1), rotation=timedelta(hours=2))


def the_keys(transactions: Transactions, clock: FakeClock, algorithm: Algorithm = "ES256", seal: Seal = SEAL) -> Keys:
    """Return the keys of one replica."""
    return Keys(transactions, seal, TIMING, algorithm, clock)


LEAD = int(TIMING.lead.total_seconds())
EDGES = [0, CACHED - 2, CACHED, LEAD, LONGEST_TOKEN_SECONDS - 2, LONGEST_TOKEN_SECONDS, 7200 - LEAD, 7200]
STEPS = st.lists(st.tuples(st.one_of(st.sampled_from(EDGES), st.integers(0, LEAD)), st.booleans()), max_size=30)


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_no_cache_ever_misses_a_key_and_no_key_leaves_its_tokens(steps: list[tuple[int, bool]]) -> None:
    """However often keys are changed, and whenever: each cached key set has the key of each token made while it lives.

    And each token's key is published for as long as the token is valid.
    """
    clock = FakeClock()
    ring = KeyRing()
    cached: list[tuple[float, frozenset[str]]] = []
    signed: list[tuple[float, str]] = []

    def change() -> KeyRing:
        made = make_key("ES256", SEAL, published_at=clock(), signs_from=ring.begins_at(TIMING, clock()))
        ended = ring.ended_by(made)
        kept = [key for key in ring.keys if ended is None or key.kid != ended.kid]
        return KeyRing.of([*kept, made, *([] if ended is None else [ended])])

    for seconds, asked in [(0, False), *steps]:
        clock.advance(seconds)
        if asked or ring.due(TIMING, clock()):
            ring = change()
        now = clock().timestamp()
        signer = ring.signer(clock())
        assert signer is not None
        published = frozenset(key.kid for key in ring.published(clock()))
        assert all(signer.kid in known for at, known in cached if now - at <= CACHED)
        assert all(kid in published for at, kid in signed if now - at <= LONGEST_TOKEN_SECONDS)
        cached.append((now, published))
        signed.append((now, signer.kid))


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA"])
async def test_a_signature_is_verified_by_the_published_key(algorithm: Algorithm) -> None:
    """Both algorithms make tokens that the guard of every service takes, and name the key by its thumbprint."""
    keys = the_keys(remembering(), FakeClock(), algorithm)
    await keys.begin()
    token = dissect((await keys.sign("at+jwt", {"sub": "maia"})).encode())
    (public,) = keys.key_set()
    assert (token.algorithm, token.key_id) == (algorithm, public["kid"])
    assert "d" not in public
    read_keys([public], ALGORITHMS)[token.key_id].verify(token)
    (await keys.find(token.key_id)).verify(token)
    with pytest.raises(Refusal):
        await keys.find("another")


async def test_another_replica_signs_with_the_same_key() -> None:
    """Two processes that start at once have one key; what one rotates the other sees, and it signs after the lead."""
    transactions, clock = remembering(), FakeClock()
    one, other = the_keys(transactions, clock), the_keys(transactions, clock)
    await asyncio.gather(one.begin(), other.begin())
    assert one.key_set() == other.key_set()
    first = await key_id(one)
    made = await one.rotate()
    assert await key_id(one) == await key_id(other) == first
    await other.refresh()
    assert {key["kid"] for key in other.key_set()} == {first, made.kid}
    clock.advance(TIMING.lead.total_seconds())
    assert await key_id(one) == await key_id(other) == made.kid


async def test_a_replica_that_did_not_read_for_long_reads_before_it_signs() -> None:
    """A replica never signs with a key whose time was over while it slept."""
    transactions, clock = remembering(), FakeClock()
    one, other = the_keys(transactions, clock), the_keys(transactions, clock)
    await one.begin()
    await other.begin()
    made = await one.rotate()
    clock.advance(TIMING.lead.total_seconds())
    assert await key_id(other) == made.kid


async def test_the_schedule_makes_keys_and_forgets_them() -> None:
    """Tended every minute, keys follow each other at the time that was set, and old ones go."""
    transactions, clock = remembering(), FakeClock()
    keys = the_keys(transactions, clock)
    await keys.begin()
    seen = set()
    for _ in range(60 * 5):
        clock.advance(60)
        await keys.tend()
        seen.add(await key_id(keys))
        assert len(keys.key_set()) <= 3
    assert len(seen) == 3


async def test_private_keys_are_sealed_for_their_id() -> None:
    """Neither another secret nor another key's id opens what is kept, and the start says which setting is wrong."""
    transactions, clock = remembering(), FakeClock()
    await the_keys(transactions, clock).begin()
    async with transactions() as store:
        (key,) = await store.keys.all()
    assert b'"d"' not in key.sealed
    assert json.loads(SEAL.open(key.kid, key.sealed))["d"]
    with pytest.raises(SettingsError):
        SEAL.open("another", key.sealed)
    with pytest.raises(SettingsError, match="IDENTITY_KEY_ENCRYPTION_SECRET"):
        await the_keys(transactions, clock, seal=Seal("another secret")).begin()


async def test_another_algorithm_takes_over_like_another_key() -> None:
    """A changed setting makes a key of the new kind, which signs after the lead."""
    transactions, clock = remembering(), FakeClock()
    await the_keys(transactions, clock).begin()
    keys = the_keys(transactions, clock, "EdDSA")
    await keys.begin()
    assert await algorithm_of(keys) == "ES256"
    clock.advance(TIMING.lead.total_seconds())
    assert await algorithm_of(keys) == "EdDSA"


async def test_a_stolen_key_is_withdrawn_at_once() -> None:
    """A key that was withdrawn is published no more, signs no more, and what it verified is in doubt."""
    keys = the_keys(remembering(), FakeClock())
    await keys.begin()
    stolen, generation = await key_id(keys), keys.generation
    assert await keys.withdraw(stolen)
    assert not await keys.withdraw(stolen)
    assert await key_id(keys) != stolen
    assert stolen not in {key["kid"] for key in keys.key_set()}
    assert keys.generation > generation


async def header(keys: Keys) -> dict[str, str]:
    """Return the header of a token that is made now."""
    first = (await keys.sign("at+jwt", {})).split(".")[0]
    found: dict[str, str] = json.loads(urlsafe_b64decode(first + "=" * (-len(first) % 4)))
    return found


async def key_id(keys: Keys) -> str:
    """Return the id of the key that signs now."""
    return (await header(keys))["kid"]


async def algorithm_of(keys: Keys) -> str:
    """Return the algorithm that signs now."""
    return (await header(keys))["alg"]
