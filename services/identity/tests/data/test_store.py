"""One suite for whatever keeps keys, grants and the ledger: the dictionaries and PostgreSQL pass the same tests."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest

from arnia.chassis.database import Database
from arnia.chassis.uuids import uuid7
from arnia.local.servers.postgres import Postgres
from arnia.testing.migrations import assert_migrations_agree
from arnia.testing.plugin import ServiceSchema
from identity.models.grants import AuthorizationCode, Login, RefreshToken
from identity.models.keys import SigningKey
from identity.models.revocations import OF_ACCOUNT, Revocation
from identity.models.users import Profile, User
from identity.repositories.memory_store import remembering
from identity.repositories.sql_store import transactions
from identity.repositories.store import Transactions

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


@pytest.fixture
async def sql(database: Database, database_url: str) -> Transactions:
    """Return transactions of an empty database."""
    connection = await asyncpg.connect(database_url)
    await connection.execute("TRUNCATE users, signing_keys, revocations, login_attempts, assertions CASCADE")
    await connection.close()
    return transactions(database)


@pytest.fixture
def memory() -> Transactions:
    """Return transactions over dictionaries."""
    return remembering()


@pytest.fixture(params=["memory", "sql"])
def opened(request: pytest.FixtureRequest) -> Transactions:
    """Return each of them in turn."""
    found: Transactions = request.getfixturevalue(request.param)
    return found


async def a_login(opened: Transactions) -> Login:
    """Keep a user and a login, and return the login."""
    user = User.register(uuid7(), Profile(username=f"u-{uuid4()}"), NOW)
    login = Login(
        id=uuid4(),
        user_id=user.id,
        client_id="app",
        scopes=frozenset({"openid", "a"}),
        audiences=frozenset({"drone"}),
        authenticated_at=NOW,
        expires_at=LATER,
    )
    async with opened() as store:
        await store.users.add(user)
        await store.grants.add_login(login)
    return login


async def test_a_login_is_found_and_ends_once(opened: Transactions) -> None:
    """A login is kept equal in every field; when it ended is not changed by ending it again."""
    login, other = await a_login(opened), await a_login(opened)
    async with opened() as store:
        assert await store.grants.lock_login(login.id) == login
        await store.grants.end_login(login.id, NOW)
        await store.grants.end_login(login.id, LATER)
        assert await store.grants.lock_login(login.id) == login.model_copy(update={"revoked_at": NOW})
        assert await store.grants.lock_login(other.id) == other
        await store.grants.end_logins(other.user_id, LATER)
        assert await store.grants.lock_login(other.id) == other.model_copy(update={"revoked_at": LATER})
        assert await store.grants.lock_login(uuid4()) is None


async def test_a_refresh_token_is_marked_and_forgotten_with_its_login(opened: Transactions) -> None:
    """A token stays known after its use, until its login is forgotten."""
    login = await a_login(opened)
    token = RefreshToken(digest=b"1" * 32, login_id=login.id)
    async with opened() as store:
        await store.grants.add_token(token)
        await store.grants.use_token(token.digest, NOW)
    async with opened() as store:
        assert await store.grants.token(token.digest) == token.model_copy(update={"used_at": NOW})
        assert await store.grants.token(b"2") is None
        assert await store.grants.forget(LATER) == 0
        assert await store.grants.forget(LATER + timedelta(seconds=1)) == 1
        assert await store.grants.token(token.digest) is None


async def test_a_code_is_kept_and_marked(opened: Transactions) -> None:
    """A code is kept equal in every field, and known to be used afterwards."""
    login = await a_login(opened)
    code = AuthorizationCode(
        digest=b"c",
        login_id=login.id,
        user_id=login.user_id,
        client_id="app",
        redirect_uri="https://app.example.org/",
        challenge="x",
        nonce=None,
        scopes=frozenset({"a"}),
        audiences=frozenset(),
        authenticated_at=NOW,
        expires_at=LATER,
    )
    async with opened() as store:
        await store.grants.add_code(code)
        assert await store.grants.lock_code(b"c") == code
        await store.grants.use_code(b"c", NOW)
    async with opened() as store:
        assert await store.grants.lock_code(b"c") == code.model_copy(update={"used_at": NOW})
        assert await store.grants.lock_code(b"d") is None


async def test_keys_are_kept_and_changed(opened: Transactions) -> None:
    """Of a key that is kept already its end changes; what was removed long ago is forgotten."""
    key = SigningKey(kid="k", algorithm="ES256", public={"kty": "EC"}, sealed=b"s", published_at=NOW, signs_from=LATER)
    async with opened() as store:
        await store.keys.lock()
        await store.keys.save(key)
        assert await store.keys.all() == [key]
        ended = replace(key, removed_at=LATER)
        await store.keys.save(ended)
        assert await store.keys.all() == [ended]
        assert await store.keys.forget(LATER) == 0
        assert await store.keys.forget(LATER + timedelta(seconds=1)) == 1


async def test_revocations_name_tokens_logins_and_subjects(opened: Transactions) -> None:
    """A member is found by its name; a subject's or client's by whether the token was issued before the second."""
    subject, login = str(uuid4()), uuid4()
    async with opened() as store:
        await store.ledger.revoke(Revocation.of_token("t", LATER))
        await store.ledger.revoke(Revocation.of_token("t", NOW))
        await store.ledger.revoke(Revocation.of_login(login, LATER))
        await store.ledger.revoke(Revocation.of_subject(subject, NOW, LATER))
        await store.ledger.revoke(Revocation.of_client("app", NOW))
    second = int(NOW.timestamp())
    async with opened() as store:
        assert await store.ledger.revoked(["jti:t"], "x", "y", 0)
        assert await store.ledger.revoked([f"sid:{login}", "jti:u"], "x", "y", 0)
        assert not await store.ledger.revoked(["jti:u"], "x", "y", 0)
        assert await store.ledger.revoked(["jti:u"], subject, "y", second)
        assert not await store.ledger.revoked(["jti:u"], subject, "y", second + 1)
        assert await store.ledger.revoked(["jti:u"], "x", "app", second + 1)
        assert not await store.ledger.revoked(["jti:u"], "x", "app", second + 2)
        assert not await store.ledger.revoked(["jti:u"], "app", "ap", 0)
        assert {one.member for one in await store.ledger.revocations(NOW)} == {
            "jti:t",
            f"sid:{login}",
            f"sub:{subject}:{second + 1}",
            f"client:app:{second + 2}",
        }
        assert await store.ledger.revocations(LATER + timedelta(hours=1)) == []
        assert await store.ledger.forget(LATER + timedelta(hours=1)) == 4


async def test_attempts_are_counted_and_forgotten(opened: Transactions) -> None:
    """A record begins without failures, is kept, and is gone after a success."""
    async with opened() as store:
        attempts = await store.ledger.lock_attempts("account:maia", NOW)
        assert attempts.failures == 0
        await store.ledger.save_attempts("account:maia", attempts.next(OF_ACCOUNT, NOW))
    async with opened() as store:
        assert (await store.ledger.lock_attempts("account:maia", LATER)).failures == 1
        await store.ledger.forget_attempts("account:maia")
        assert (await store.ledger.lock_attempts("account:maia", LATER)).last_at == LATER


async def test_an_assertion_is_taken_once(opened: Transactions) -> None:
    """The id of an assertion is one client's, and good once."""
    async with opened() as store:
        assert await store.ledger.take_assertion("a", "1", LATER)
    async with opened() as store:
        assert not await store.ledger.take_assertion("a", "1", LATER)
        assert await store.ledger.take_assertion("b", "1", LATER)


def test_migrations_and_models_agree(postgres_server: Postgres, service_schema: ServiceSchema) -> None:
    """The migrations lead to exactly the tables that the models declare, down to nothing, and up again."""
    assert_migrations_agree(postgres_server, service_schema)
