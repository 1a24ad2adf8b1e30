"""What is taken from a user while tokens are being made: whoever asks at that moment waits, and gets what is left."""

import asyncio
import time

import asyncpg
import httpx
from services.identity.tests.api.test_logins import exchanged, log_in, refused, renew
from services.identity.tests.parties import claims_of

DEMOTE = "UPDATE users SET roles = '{}' WHERE username = 'operator'"
PROMOTE = "UPDATE users SET roles = '{operator,customer}' WHERE username = 'operator'"
REVOKE = "INSERT INTO revocations (member, until) VALUES ($1, now() + interval '1 hour')"


async def test_a_role_that_is_being_taken_away_is_in_no_new_token(http: httpx.AsyncClient, database_url: str) -> None:
    """A renewal and an exchange during the change wait for it: no revocation reaches what comes later."""
    login = await log_in(http, "operator")
    connection = await asyncpg.connect(database_url)
    async with connection.transaction():
        await connection.execute(DEMOTE)
        asked = [
            asyncio.ensure_future(renew(http, login["refresh_token"])),
            asyncio.ensure_future(exchanged(http, login["access_token"])),
        ]
        await asyncio.wait(asked, timeout=0.5)
    answers = [(await each).json() for each in asked]
    await connection.execute(PROMOTE)
    await connection.close()
    assert [claims_of(answer["access_token"])["roles"] for answer in answers] == [[], []]


async def test_a_logout_that_is_under_way_ends_what_is_exchanged(http: httpx.AsyncClient, database_url: str) -> None:
    """A token that is being revoked gives no other one, which would be too new to be revoked with it."""
    login = await log_in(http, "operator")
    subject = claims_of(str(login["access_token"]))["sub"]
    connection = await asyncpg.connect(database_url)
    async with connection.transaction():
        await connection.execute("SELECT FROM users WHERE username = 'operator' FOR UPDATE")
        await connection.execute(REVOKE, f"sub:{subject}:{int(time.time()) + 1}")
        asked = asyncio.ensure_future(exchanged(http, login["access_token"]))
        await asyncio.wait([asked], timeout=0.5)
    await connection.close()
    assert refused(await asked)
