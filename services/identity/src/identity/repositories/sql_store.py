"""Keys and the ledger in PostgreSQL, and the transactions in which the protocol meets all of it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final

from sqlalchemy import Table, Text, and_, any_, bindparam, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY, insert

from arnia.chassis.database import Database
from arnia.chassis.session import Session
from arnia.chassis.statements import Statement
from identity.models.keys import SigningKey
from identity.models.revocations import Attempts, Revocation
from identity.models.tables import AssertionRow, AttemptsRow, RevocationRow, SigningKeyRow
from identity.repositories.sql import SqlClients, SqlUsers
from identity.repositories.sql_grants import SqlGrants
from identity.repositories.store import Store, Transactions

KEYS: Final[Table] = SigningKeyRow.metadata.tables[SigningKeyRow.__tablename__]
REVOCATIONS: Final[Table] = RevocationRow.metadata.tables[RevocationRow.__tablename__]
ATTEMPTS: Final[Table] = AttemptsRow.metadata.tables[AttemptsRow.__tablename__]
ASSERTIONS: Final[Table] = AssertionRow.metadata.tables[AssertionRow.__tablename__]

ROTATION: Final = 0x49_44_4B_45_59_53
"""What replicas hold while they change keys: any number that nothing else in this database locks."""
ONE_ROTATES: Final = Statement(select(func.pg_advisory_xact_lock(ROTATION)))
ALL_KEYS: Final = Statement(select(KEYS))
SAVE_KEY: Final = Statement(
    insert(KEYS)
    .values({name: bindparam(name) for name in KEYS.columns.keys()})  # noqa: SIM118 - not a dict
    .on_conflict_do_update(
        index_elements=[KEYS.c.kid],
        set_={"signs_until": bindparam("signs_until"), "removed_at": bindparam("removed_at")},
    )
)
FORGET_KEYS: Final = Statement(delete(KEYS).where(KEYS.c.removed_at < bindparam("before")))

_NOTED: Final = insert(REVOCATIONS).values(member=bindparam("member"), until=bindparam("until"))
REVOKE: Final = Statement(
    _NOTED.on_conflict_do_update(
        index_elements=[REVOCATIONS.c.member],
        set_={"until": func.greatest(REVOCATIONS.c.until, _NOTED.excluded.until)},
    )
)
LIVE_REVOCATIONS: Final = Statement(select(REVOCATIONS).where(REVOCATIONS.c.until > bindparam("now")))
MATCHING: Final = Statement(
    select(REVOCATIONS.c.member).where(
        or_(
            REVOCATIONS.c.member == any_(bindparam("members", type_=ARRAY(Text))),
            *(
                and_(REVOCATIONS.c.member > bindparam(party), REVOCATIONS.c.member <= bindparam(f"{party}_last"))
                for party in ("subject", "client")
            ),
        )
    )
)
NOTE_ATTEMPTS: Final = Statement(
    insert(ATTEMPTS)
    .values(key=bindparam("key"), failures=0, last_at=bindparam("now"), wait_until=bindparam("now"))
    .on_conflict_do_nothing()
)
LOCK_ATTEMPTS: Final = Statement(select(ATTEMPTS).where(ATTEMPTS.c.key == bindparam("key")).with_for_update())
SAVE_ATTEMPTS: Final = Statement(
    update(ATTEMPTS)
    .where(ATTEMPTS.c.key == bindparam("key"))
    .values(failures=bindparam("failures"), last_at=bindparam("last_at"), wait_until=bindparam("wait_until"))
)
FORGET_ATTEMPTS: Final = Statement(delete(ATTEMPTS).where(ATTEMPTS.c.key == bindparam("key")))
TAKE_ASSERTION: Final = Statement(
    insert(ASSERTIONS)
    .values(client_id=bindparam("client_id"), token_id=bindparam("token_id"), expires_at=bindparam("expires_at"))
    .on_conflict_do_nothing()
)
FORGET: Final = (
    Statement(delete(REVOCATIONS).where(REVOCATIONS.c.until < bindparam("before"))),
    Statement(delete(ATTEMPTS).where(ATTEMPTS.c.last_at < bindparam("before"))),
    Statement(delete(ASSERTIONS).where(ASSERTIONS.c.expires_at < bindparam("before"))),
)


class SqlKeys:
    """Keeps the promise of `KeyRepository` within the transaction of a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def lock(self) -> None:
        """Let nobody else change keys until the transaction ends."""
        await self._session.fetch_one(ONE_ROTATES)

    async def all(self) -> list[SigningKey]:
        """Return every key that is kept."""
        return [SigningKey(**dict(row)) for row in await self._session.fetch_all(ALL_KEYS)]

    async def save(self, key: SigningKey) -> None:
        """Keep a key, new or changed."""
        given = {name: getattr(key, name) for name in KEYS.columns.keys()}  # noqa: SIM118 - not a dict
        await self._session.execute(SAVE_KEY, **given)

    async def forget(self, before: datetime) -> int:
        """Forget what was removed before a moment."""
        return await self._session.execute(FORGET_KEYS, before=before)


class SqlLedger:
    """Keeps the promise of `Ledger` within the transaction of a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def revoke(self, revocation: Revocation) -> None:
        """Take note of a revocation; noted before, its later end counts."""
        await self._session.execute(REVOKE, member=revocation.member, until=revocation.until)

    async def revocations(self, now: datetime) -> list[Revocation]:
        """Return every revocation that still concerns something."""
        rows = await self._session.fetch_all(LIVE_REVOCATIONS, now=now)
        return [Revocation(member=row["member"], until=row["until"]) for row in rows]

    async def revoked(self, members: list[str], subject: str, client: str, issued_at: int) -> bool:
        """Tell whether one of `members` is revoked, or what `subject` or `client` was issued in second `issued_at`."""
        parties = {"subject": f"sub:{subject}:", "client": f"client:{client}:"}
        lasts = {f"{party}_last": f"{prefix}9999999999" for party, prefix in parties.items()}
        rows = await self._session.fetch_all(MATCHING, members=members, **parties, **lasts)
        found = {row["member"] for row in rows}
        return any(name in members or issued_at < int(name.rpartition(":")[2]) for name in found)

    async def lock_attempts(self, key: str, now: datetime) -> Attempts:
        """Return the record under `key`; nobody else has it until the transaction ends."""
        row = None
        while row is None:  # forgotten between the two statements, it is noted anew
            await self._session.execute(NOTE_ATTEMPTS, key=key, now=now)
            row = await self._session.fetch_one(LOCK_ATTEMPTS, key=key)
        return Attempts(failures=row["failures"], last_at=row["last_at"], wait_until=row["wait_until"])

    async def save_attempts(self, key: str, attempts: Attempts) -> None:
        """Keep the next state of a locked record."""
        await self._session.execute(
            SAVE_ATTEMPTS,
            key=key,
            failures=attempts.failures,
            last_at=attempts.last_at,
            wait_until=attempts.wait_until,
        )

    async def forget_attempts(self, key: str) -> None:
        """Forget a record: the login succeeded."""
        await self._session.execute(FORGET_ATTEMPTS, key=key)

    async def take_assertion(self, client_id: str, token_id: str, expires_at: datetime) -> bool:
        """Take note of the id of an assertion, or return False when it was used before."""
        taken = await self._session.execute(
            TAKE_ASSERTION, client_id=client_id, token_id=token_id, expires_at=expires_at
        )
        return taken == 1

    async def forget(self, before: datetime) -> int:
        """Forget what ended before a moment."""
        return sum([await self._session.execute(statement, before=before) for statement in FORGET])


def within(session: Session) -> Store:
    """Return the store within the transaction of `session`."""
    return Store(SqlUsers(session), SqlClients(session), SqlKeys(session), SqlGrants(session), SqlLedger(session))


def transactions(database: Database, deadline: Callable[[], float | None] = lambda: None) -> Transactions:
    """Return transactions of `database`; each ends by the deadline, on the monotonic clock."""

    @asynccontextmanager
    async def transaction() -> AsyncIterator[Store]:
        async with database.session(read_only=False, deadline=deadline()) as session:
            yield within(session)

    return transaction
