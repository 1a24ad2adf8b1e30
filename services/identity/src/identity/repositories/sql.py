"""Users and OAuth clients in PostgreSQL: the only place that knows their columns. Each statement is compiled once."""

from dataclasses import asdict
from typing import Final
from uuid import UUID

from sqlalchemy import Executable, Table, bindparam, delete, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.elements import ColumnElement

from arnia.chassis.session import Row, Session
from arnia.chassis.statements import Shapes, Statement
from identity.models.clients import OAuthClient, Registration
from identity.models.tables import OAuthClientRow, UserRow
from identity.models.users import Profile, User
from identity.repositories import clients, users

USERS: Final[Table] = UserRow.metadata.tables[UserRow.__tablename__]
CLIENTS: Final[Table] = OAuthClientRow.metadata.tables[OAuthClientRow.__tablename__]


class Statements:
    """What is done alike with the rows of a table whose entities have an id and a name."""

    def __init__(self, table: Table, name: str) -> None:
        state = [each for each in table.columns.keys() if each != "id"]  # noqa: SIM118 - not a dict
        here = table.c.id == bindparam("id")
        self.add: Final = Statement(
            insert(table).values({each: bindparam(each) for each in ("id", *state)}).on_conflict_do_nothing()
        )
        self.get: Final = Statement(select(table).where(here))
        self.named: Final = Statement(select(table).where(table.c[name] == bindparam("name")))
        self.lock: Final = Statement(select(table).where(here).with_for_update())
        self.save: Final = Statement(update(table).where(here).values({each: bindparam(each) for each in state}))
        self.remove: Final = Statement(delete(table).where(here))


OF_USERS: Final = Statements(USERS, "username")
OF_CLIENTS: Final = Statements(CLIENTS, "client_id")

CONDITIONS: Final[dict[str, dict[str, ColumnElement[bool]]]] = {
    "users": {
        "username": USERS.c.username == bindparam("username"),
        "role": USERS.c.roles.contains(bindparam("role")),
        "active": USERS.c.active == bindparam("active"),
    },
    "oauth_clients": {
        "client_id": CLIENTS.c.client_id == bindparam("client_id"),
        "first_party": CLIENTS.c.first_party == bindparam("first_party"),
        "declared": CLIENTS.c.declared == bindparam("declared"),
    },
}


@Shapes
def listing(table: str, filters: frozenset[str], sort: str, resumed: bool) -> Executable:  # noqa: FBT001 - the shape
    """Build the listing of `table` for the `filters` that are set, in the order of `sort`, or `resumed` in it."""
    rows = UserRow.metadata.tables[table]
    descending = sort.startswith("-")
    key = (rows.c[sort.removeprefix("-")], rows.c.id)
    query = select(rows).limit(bindparam("limit"))
    query = query.order_by(*(column.desc() if descending else column.asc() for column in key))
    query = query.where(*(condition for name, condition in CONDITIONS[table].items() if name in filters))
    if resumed:
        last = tuple_(bindparam("last_key", type_=key[0].type), bindparam("last_id", type_=key[1].type))
        query = query.where(tuple_(*key) < last if descending else tuple_(*key) > last)
    return query


class SqlUsers:
    """Keeps the promise of `UserRepository` within the transaction of a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, user: User) -> bool:
        """Keep a new user, or return False when the identity or the name is taken."""
        return await self._session.execute(OF_USERS.add, id=user.id, **_of_user(user)) == 1

    async def get(self, user_id: UUID) -> User | None:
        """Return a user, or None."""
        row = await self._session.fetch_one(OF_USERS.get, id=user_id)
        return None if row is None else _user(row)

    async def named(self, username: str) -> User | None:
        """Return the user with this name, or None."""
        row = await self._session.fetch_one(OF_USERS.named, name=username)
        return None if row is None else _user(row)

    async def lock(self, user_id: UUID) -> User | None:
        """Return a user, or None, and keep others from changing it until the transaction ends."""
        row = await self._session.fetch_one(OF_USERS.lock, id=user_id)
        return None if row is None else _user(row)

    async def save(self, user: User) -> None:
        """Keep the next state of a locked user."""
        await self._session.execute(OF_USERS.save, id=user.id, **_of_user(user))

    async def remove(self, user_id: UUID) -> None:
        """Forget a locked user, with every login."""
        await self._session.execute(OF_USERS.remove, id=user_id)

    async def find(self, filters: users.Filters, sort: users.Sort, after: users.Place | None, limit: int) -> list[User]:
        """Return the matching users in order."""
        role = None if filters.role is None else [filters.role]
        wanted: dict[str, object] = {"username": filters.username, "role": role, "active": filters.active}
        rows = await _found(self._session, USERS.name, wanted, sort, after, limit)
        return [_user(row) for row in rows]


class SqlClients:
    """Keeps the promise of `OAuthClientRepository` within the transaction of a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, client: OAuthClient) -> bool:
        """Keep a new client, or return False when the identity or the name is taken."""
        return await self._session.execute(OF_CLIENTS.add, id=client.id, **_of_client(client)) == 1

    async def get(self, identity: UUID) -> OAuthClient | None:
        """Return a client, or None."""
        row = await self._session.fetch_one(OF_CLIENTS.get, id=identity)
        return None if row is None else _client(row)

    async def named(self, client_id: str) -> OAuthClient | None:
        """Return the client that calls itself `client_id`, or None."""
        row = await self._session.fetch_one(OF_CLIENTS.named, name=client_id)
        return None if row is None else _client(row)

    async def lock(self, identity: UUID) -> OAuthClient | None:
        """Return a client, or None, and keep others from changing it until the transaction ends."""
        row = await self._session.fetch_one(OF_CLIENTS.lock, id=identity)
        return None if row is None else _client(row)

    async def save(self, client: OAuthClient) -> None:
        """Keep the next state of a locked client."""
        await self._session.execute(OF_CLIENTS.save, id=client.id, **_of_client(client))

    async def remove(self, identity: UUID) -> None:
        """Forget a locked client."""
        await self._session.execute(OF_CLIENTS.remove, id=identity)

    async def find(
        self, filters: clients.Filters, sort: clients.Sort, after: clients.Place | None, limit: int
    ) -> list[OAuthClient]:
        """Return the matching clients in order."""
        rows = await _found(self._session, CLIENTS.name, asdict(filters), sort, after, limit)
        return [_client(row) for row in rows]


async def _found(
    session: Session,
    table: str,
    filters: dict[str, object],
    sort: str,
    after: users.Place | clients.Place | None,
    limit: int,
) -> list[Row]:
    wanted = {name: value for name, value in filters.items() if value is not None}
    statement = listing(table, frozenset(wanted), sort, after is not None)
    if after is not None:
        wanted |= {"last_key": after.key, "last_id": after.id}
    return await session.fetch_all(statement, limit=limit, **wanted)


def _of_user(user: User) -> dict[str, object]:
    profile = user.profile
    return {
        "username": profile.username,
        "email": profile.email,
        "roles": sorted(profile.roles),
        "active": profile.active,
        "password_hash": user.password_hash,
        "version": user.version,
        "created_at": user.created_at,
        "updated_at": user.updated_at,
    }


def _user(row: Row) -> User:
    return User(
        id=row["id"],
        profile=Profile(
            username=row["username"], email=row["email"], roles=frozenset(row["roles"]), active=row["active"]
        ),
        password_hash=row["password_hash"],
        version=row["version"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _of_client(client: OAuthClient) -> dict[str, object]:
    return {
        "client_id": client.client_id,
        "registration": client.registration.model_dump(mode="json"),
        "first_party": client.registration.first_party,
        "secret_hash": client.secret_hash,
        "declared": client.declared,
        "version": client.version,
        "created_at": client.created_at,
        "updated_at": client.updated_at,
    }


def _client(row: Row) -> OAuthClient:
    return OAuthClient(
        id=row["id"],
        registration=Registration.model_validate(row["registration"]),
        secret_hash=row["secret_hash"],
        declared=row["declared"],
        version=row["version"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
