"""Logins, refresh tokens and codes in PostgreSQL. Whoever continues or ends a login holds its row: one at a time."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Table, bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from arnia.chassis.session import Session
from arnia.chassis.statements import Statement
from identity.models.grants import AuthorizationCode, Login, RefreshToken
from identity.models.tables import AuthorizationCodeRow, LoginRow, RefreshTokenRow
from identity.models.values import Value

LOGINS: Final[Table] = LoginRow.metadata.tables[LoginRow.__tablename__]
TOKENS: Final[Table] = RefreshTokenRow.metadata.tables[RefreshTokenRow.__tablename__]
CODES: Final[Table] = AuthorizationCodeRow.metadata.tables[AuthorizationCodeRow.__tablename__]


def adding(table: Table) -> Statement:
    """Build the statement that keeps a row."""
    return Statement(insert(table).values({key: bindparam(key) for key in table.columns.keys()}))  # noqa: SIM118 - not a dict


_MARKED: Final = update(LOGINS).values(revoked_at=bindparam("now")).where(LOGINS.c.revoked_at.is_(None))

ADD_LOGIN: Final = adding(LOGINS)
LOCK_LOGIN: Final = Statement(select(LOGINS).where(LOGINS.c.id == bindparam("id")).with_for_update())
END_LOGIN: Final = Statement(_MARKED.where(LOGINS.c.id == bindparam("login")))
ADD_TOKEN: Final = adding(TOKENS)
TOKEN: Final = Statement(select(TOKENS).where(TOKENS.c.digest == bindparam("digest")))
USE_TOKEN: Final = Statement(update(TOKENS).where(TOKENS.c.digest == bindparam("key")).values(used_at=bindparam("now")))
ADD_CODE: Final = adding(CODES)
CODE: Final = Statement(select(CODES).where(CODES.c.digest == bindparam("digest")))
LOCK_CODE: Final = Statement(select(CODES).where(CODES.c.digest == bindparam("digest")).with_for_update())
USE_CODE: Final = Statement(update(CODES).where(CODES.c.digest == bindparam("key")).values(used_at=bindparam("now")))
_USED: Final = update(CODES).values(used_at=bindparam("now")).where(CODES.c.used_at.is_(None))
END_ALL_OF: Final = (
    Statement(_MARKED.where(LOGINS.c.user_id == bindparam("user"))),
    Statement(_USED.where(CODES.c.user_id == bindparam("user"))),
)
END_ALL_THROUGH: Final = (
    Statement(_MARKED.where(LOGINS.c.client_id == bindparam("client"))),
    Statement(_USED.where(CODES.c.client_id == bindparam("client"))),
)
FORGET: Final = (
    Statement(delete(CODES).where(CODES.c.expires_at < bindparam("before"))),
    Statement(delete(LOGINS).where(LOGINS.c.expires_at < bindparam("before"))),
)


class SqlGrants:
    """Keeps the promise of `GrantRepository` within the transaction of a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add_login(self, login: Login) -> None:
        """Keep a new login."""
        await self._session.execute(ADD_LOGIN, **_columns(login))

    async def lock_login(self, login_id: UUID) -> Login | None:
        """Return a login, or None; until the transaction ends nobody else continues or ends it."""
        row = await self._session.fetch_one(LOCK_LOGIN, id=login_id)
        return None if row is None else Login.model_validate(dict(row))

    async def end_login(self, login_id: UUID, now: datetime) -> None:
        """Mark a login as revoked, unless it is."""
        await self._session.execute(END_LOGIN, login=login_id, now=now)

    async def end_logins(self, user_id: UUID, now: datetime) -> None:
        """Mark every login of a user as revoked, and every code that would begin one as used."""
        for statement in END_ALL_OF:
            await self._session.execute(statement, user=user_id, now=now)

    async def end_logins_through(self, client_id: str, now: datetime) -> None:
        """Mark every login through an OAuth client as revoked, and every code that would begin one as used."""
        for statement in END_ALL_THROUGH:
            await self._session.execute(statement, client=client_id, now=now)

    async def add_token(self, token: RefreshToken) -> None:
        """Keep a new refresh token."""
        await self._session.execute(ADD_TOKEN, **_columns(token))

    async def token(self, digest: bytes) -> RefreshToken | None:
        """Return a refresh token, used or not, or None."""
        row = await self._session.fetch_one(TOKEN, digest=digest)
        return None if row is None else RefreshToken.model_validate(dict(row))

    async def use_token(self, digest: bytes, now: datetime) -> None:
        """Mark a refresh token as used."""
        await self._session.execute(USE_TOKEN, key=digest, now=now)

    async def add_code(self, code: AuthorizationCode) -> None:
        """Keep a new authorization code."""
        await self._session.execute(ADD_CODE, **_columns(code))

    async def code(self, digest: bytes) -> AuthorizationCode | None:
        """Return a code, used or not, or None."""
        row = await self._session.fetch_one(CODE, digest=digest)
        return None if row is None else AuthorizationCode.model_validate(dict(row))

    async def lock_code(self, digest: bytes) -> AuthorizationCode | None:
        """Return a code, used or not, or None; until the transaction ends nobody else sees it."""
        row = await self._session.fetch_one(LOCK_CODE, digest=digest)
        return None if row is None else AuthorizationCode.model_validate(dict(row))

    async def use_code(self, digest: bytes, now: datetime) -> None:
        """Mark a code as used."""
        await self._session.execute(USE_CODE, key=digest, now=now)

    async def forget(self, before: datetime) -> int:
        """Forget logins and codes that ended before a moment."""
        return sum([await self._session.execute(statement, before=before) for statement in FORGET])


def _columns(entity: Value) -> dict[str, object]:
    return {name: sorted(value) if isinstance(value, frozenset) else value for name, value in entity}
