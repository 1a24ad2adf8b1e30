"""Logging in: slower and slower for whoever fails, and never locked for good."""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from services.identity.tests.timekeeping import FakeClock
from typing_extensions import override

from arnia.chassis.uuids import uuid7
from identity.models.clients import Grant, OAuthClient, Registration
from identity.models.errors import InvalidGrant, LoginsBusy, SlowDown
from identity.models.keys import Timing
from identity.models.revocations import OF_ACCOUNT, OF_SOURCE
from identity.models.users import Profile, User
from identity.repositories.memory_store import remembering
from identity.repositories.store import Transactions
from identity.services.authenticator import PasswordAuthenticator
from identity.services.grants import Ask, GrantService
from identity.services.keyring import Keys
from identity.services.passwords import Passwords
from identity.services.sealing import Seal
from identity.services.targets import Targets
from identity.services.tokens import Tokens

RIGHT = "the password of maia"
WRONG = "another password"
HERE = "192.0.2.1"
ELSEWHERE = "198.51.100.7"


class Door:
    """A door with users behind it, and a clock."""

    def __init__(self, passwords: Passwords) -> None:
        self.clock = FakeClock()
        self.transactions: Transactions = remembering()
        self.passwords = passwords
        self.authenticator = PasswordAuthenticator(self.transactions, passwords, self.clock)

    async def admit(self, username: str, *, active: bool = True) -> User:
        """Register a user."""
        user = User.register(uuid7(), Profile(username=username, active=active), self.clock())
        user = user.protect(await self.passwords.hash(RIGHT), self.clock())
        async with self.transactions() as store:
            await store.users.add(user)
        return user

    async def knock(self, username: str = "maia", password: str = WRONG, source: str = HERE) -> str:
        """Try once, and return who came in, or the code of the refusal."""
        try:
            return (await self.authenticator.authenticate(username, password, source)).profile.username
        except (InvalidGrant, SlowDown) as error:
            return error.error


@pytest.fixture
async def door() -> Door:
    """Return a door with maia behind it."""
    passwords = Passwords(target_seconds=0.001)
    await passwords.begin()
    opened = Door(passwords)
    await opened.admit("maia")
    return opened


async def test_who_knows_the_password_comes_in(door: Door) -> None:
    """The right password of an active user, and nothing else."""
    await door.admit("closed", active=False)
    assert await door.knock(password=RIGHT) == "maia"
    assert await door.knock() == "invalid_grant"
    assert await door.knock("nobody", RIGHT) == "invalid_grant"
    assert await door.knock("closed", RIGHT) == "invalid_grant"
    assert await door.knock(password="x" * 1025) == "invalid_grant"


async def test_failures_slow_an_account_down_and_never_lock_it(door: Door) -> None:
    """After five failures each next one waits twice as long, half a minute at most; then the right password is good."""
    for _ in range(OF_ACCOUNT.free):
        assert await door.knock() == "invalid_grant"
    waited = []
    for number in range(8):
        assert await door.knock(source=f"10.0.0.{number}") == "invalid_grant"
        assert await door.knock(password=RIGHT, source=ELSEWHERE) == "slow_down"
        begun = door.clock()
        while await door.knock(password=WRONG, source=f"10.0.1.{number}") == "slow_down":
            door.clock.advance(0.5)
        waited.append((door.clock() - begun).total_seconds())
        door.clock.advance(30)
    assert waited == sorted(waited)
    assert 0 < waited[0] <= 2 < waited[-1] <= 30
    assert await door.knock(password=RIGHT) == "maia"
    assert await door.knock() == "invalid_grant"


async def test_an_unknown_name_is_slowed_down_alike(door: Door) -> None:
    """Nobody learns from a delay which accounts exist."""
    for username in ("maia", "nobody"):
        answers = [await door.knock(username, source=f"{username}") for _ in range(OF_ACCOUNT.free + 2)]
        assert answers == ["invalid_grant"] * (OF_ACCOUNT.free + 1) + ["slow_down"]


async def test_a_source_that_tries_many_accounts_is_slowed_down(door: Door) -> None:
    """One guess for each of many accounts comes from one place; other places are not held back."""
    answers = [await door.knock(f"user-{number}") for number in range(OF_SOURCE.free + 2)]
    assert answers[-1] == "slow_down"
    assert await door.knock(password=RIGHT) == "slow_down"
    assert await door.knock(password=RIGHT, source=ELSEWHERE) == "maia"


async def test_a_success_forgets_the_failures_of_the_account(door: Door) -> None:
    """Whoever mistyped a few times and came in begins anew; many who log in from one place are no attack."""
    for _ in range(3 * OF_SOURCE.free):
        assert await door.knock(password=RIGHT) == "maia"
    for _ in range(3):
        for _ in range(OF_ACCOUNT.free - 1):
            assert await door.knock() == "invalid_grant"
        assert await door.knock(password=RIGHT) == "maia"


async def test_an_old_hash_is_made_anew(door: Door) -> None:
    """When hashing costs more than it did, the next login pays it; the user's version stays."""
    before = await door.admit("willi")
    costly = Passwords(target_seconds=10)
    costly._hasher = PasswordHash((Argon2Hasher(time_cost=3, memory_cost=19_456, parallelism=1),))
    door.authenticator = PasswordAuthenticator(door.transactions, costly, door.clock)
    assert await door.knock("willi", RIGHT) == "willi"
    async with door.transactions() as store:
        after = await store.users.named("willi")
    assert after is not None
    assert "t=3" in str(after.password_hash)
    assert "t=2" in str(before.password_hash)
    assert after.version == before.version
    assert await door.knock("willi", RIGHT) == "willi"


async def test_a_full_queue_refuses_and_counts_nothing() -> None:
    """Beyond its threads and its queue a login is told to come back, at once; the next one is looked at again."""
    passwords = Passwords(threads=1, queue=3, target_seconds=0.02)
    await passwords.begin()
    door = Door(passwords)
    await door.admit("maia")
    attempts = (door.authenticator.authenticate("maia", RIGHT, HERE) for _ in range(30))
    began = time.perf_counter()
    answers = await asyncio.gather(*attempts, return_exceptions=True)
    busy = [each for each in answers if isinstance(each, LoginsBusy)]
    assert len(busy) == 26
    assert all(int(each.headers["Retry-After"]) >= 1 for each in busy)
    assert time.perf_counter() - began < 60
    assert await door.knock(password=RIGHT) == "maia"
    async with door.transactions() as store:
        assert (await store.ledger.lock_attempts("account:x", door.clock())).failures == 0
    passwords.close()


async def test_an_unknown_user_takes_as_long_as_a_known_one(door: Door) -> None:
    """The same work is done for whoever does not exist: the medians of both are close."""

    async def median(username: str) -> float:
        taken = []
        for _ in range(9):
            began = time.perf_counter()
            await door.passwords.check(WRONG, known if username == "maia" else None)
            taken.append(time.perf_counter() - began)
        return sorted(taken)[4]

    known = (await door.admit("willi")).password_hash
    ratio = await median("maia") / await median("nobody")
    assert 0.4 < ratio < 2.5


class Interrupted(PasswordAuthenticator):
    """Lets something happen to the user between the look at the password and the login."""

    def __init__(self, door: Door, change: Callable[[User], User]) -> None:
        super().__init__(door.transactions, door.passwords, door.clock)
        self._door = door
        self._change = change

    @override
    async def authenticate(self, username: str, password: str, source: str) -> User:
        user = await super().authenticate(username, password, source)
        async with self._door.transactions() as store:
            await store.users.save(self._change(user))
        return user


@pytest.mark.parametrize("change", [{"active": False}, {"password_hash": "another"}])
async def test_a_login_does_not_outlive_what_happens_meanwhile(door: Door, change: dict[str, object]) -> None:
    """Who is closed, or given another password, while the old one is being looked at, is not logged in."""

    def happen(user: User) -> User:
        if "active" in change:
            return user.describe(user.profile.model_copy(update=change), door.clock())
        return user.model_copy(update=change)

    seal = Seal("a secret of more than thirty-two characters")
    keys = Keys(
        door.transactions, seal, Timing(lead=timedelta(hours=1), rotation=timedelta(days=30)), "ES256", door.clock
    )
    await keys.begin()
    app = Registration(
        client_id="app",
        grants=frozenset({Grant.PASSWORD}),
        audiences={"drone": frozenset()},
        first_party=True,
        public=True,
    )
    client = OAuthClient.register(uuid7(), app, door.clock())
    async with door.transactions() as store:
        await store.clients.add(client)
    for meanwhile, refused in ((lambda user: user, False), (happen, True)):
        grants = GrantService(
            door.transactions,
            Interrupted(door, meanwhile),
            Tokens(keys, "http://identity.test", 600, door.clock),
            Targets("identity"),
            timedelta(days=1),
            nobody,
            door.clock,
        )
        if refused:
            with pytest.raises(InvalidGrant):
                await grants.for_password(client, "maia", RIGHT, HERE, Ask())
        else:
            assert (await grants.for_password(client, "maia", RIGHT, HERE, Ask())).access.text


async def nobody() -> None:
    """Tell nobody."""
