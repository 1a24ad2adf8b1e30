"""The tables of identity, when they are large: what is asked often is found by an index."""

from datetime import UTC, datetime
from itertools import product
from uuid import uuid4

import asyncpg
import pytest

from arnia.testing.queries import choices, planning
from identity.repositories import clients, users
from identity.repositories.sql import OF_CLIENTS, OF_USERS, listing
from identity.repositories.sql_grants import CODE, END_ALL_OF, END_ALL_THROUGH, LOCK_LOGIN, TOKEN

FILL = """
INSERT INTO users (id, username, roles, active, created_at)
SELECT gen_random_uuid(), 'u' || n, ARRAY[CASE WHEN n % 500 = 0 THEN 'administrator' ELSE 'customer' END], n % 500 > 0,
    now() - n * interval '1 minute'
FROM generate_series(1, 5000) AS n;
INSERT INTO oauth_clients (id, client_id, registration, first_party, created_at)
SELECT gen_random_uuid(), 'c' || n, '{}', n % 500 = 0, now() - n * interval '1 minute'
FROM generate_series(1, 5000) AS n;
INSERT INTO logins (id, user_id, client_id, scopes, audiences, authenticated_at, expires_at)
SELECT gen_random_uuid(), id, 'app', '{}', '{}', now(), now() FROM users;
INSERT INTO refresh_tokens (digest, login_id) SELECT sha256(id::text::bytea), id FROM logins
"""
COLLECTIONS = {
    "users": (users.Sort, {"username": "u7", "role": ["administrator"], "active": False}),
    "oauth_clients": (clients.Sort, {"client_id": "c7", "first_party": True}),
}


@pytest.fixture(scope="module")
async def many(database_url: str) -> str:
    """Fill the tables; PostgreSQL is told of a million where there are thousands."""
    connection = await asyncpg.connect(database_url)
    await connection.execute(FILL)
    await connection.close()
    return database_url


@pytest.mark.parametrize("table", COLLECTIONS)
async def test_listings_use_an_index(many: str, table: str) -> None:
    """No listing, by whatever filters, in whichever order and from wherever on, walks through a million rows."""
    sorts, filters = COLLECTIONS[table]
    async with planning(many) as planner:
        for wanted, sort, resumed in product(choices(filters), sorts, (False, True)):
            key = datetime.now(UTC) if sort.endswith("created_at") else "m"
            place = {"last_key": key, "last_id": uuid4()} if resumed else {}
            statement = listing(table, frozenset(wanted), sort, resumed)
            await planner.assert_index_used(statement, **wanted, **place, limit=21)


async def test_logging_in_uses_an_index(many: str) -> None:
    """What every login, renewal and logout asks for is found by an index."""
    async with planning(many, small=frozenset({"authorization_codes"})) as planner:
        for statements in (OF_USERS, OF_CLIENTS):
            await planner.assert_index_used(statements.get, id=uuid4())
            await planner.assert_index_used(statements.named, name="u7")
        await planner.assert_index_used(LOCK_LOGIN, id=uuid4())
        for statement in (TOKEN, CODE):
            await planner.assert_index_used(statement, digest=b"\x00" * 32)
        for statement in END_ALL_OF:
            await planner.assert_index_used(statement, now=datetime.now(UTC), user=uuid4())
        for statement in END_ALL_THROUGH:
            await planner.assert_index_used(statement, now=datetime.now(UTC), client="reports")
