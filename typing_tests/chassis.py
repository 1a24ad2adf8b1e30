"""What a type checker says of a service's code. Never run: mypy reads it, and every ignore must be needed."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar, Literal, assert_type
from uuid import UUID

from sqlalchemy import Executable, MetaData, bindparam, select
from sqlalchemy.orm import DeclarativeBase, Mapped

from arnia.chassis import cursors, migrations
from arnia.chassis.application import Application, create_app
from arnia.chassis.context import CurrentSession
from arnia.chassis.cursors import CollectionQuery, CurrentCursors, Cursors, Position
from arnia.chassis.database import Database
from arnia.chassis.events import Event, EventSink
from arnia.chassis.links import Link, Links, Resource
from arnia.chassis.migrations import create_chassis_tables, drop_chassis_tables
from arnia.chassis.models import Identified, Owned, Versioned, service_registry, together
from arnia.chassis.patches import Patch
from arnia.chassis.preconditions import Precondition, row_etag
from arnia.chassis.process import run
from arnia.chassis.rate_limits import source_of
from arnia.chassis.replies import Reply, created, no_content, ok
from arnia.chassis.routing import Router
from arnia.chassis.schemas import Body, View
from arnia.chassis.security import Principal, allow
from arnia.chassis.session import Row, Session
from arnia.chassis.settings import DatabaseSettings, ServiceSettings, service_settings
from arnia.chassis.statements import Shapes, Statement
from arnia.chassis.transactions import CurrentTransactions, apart
from arnia.chassis.uuids import uuid7
from arnia.chassis.versions import ApiVersion


class Settings(DatabaseSettings):
    model_config = service_settings("hive")
    bees: int = 3


class Base(DeclarativeBase):
    registry = service_registry()


class BeeRow(Identified, Versioned, Owned, Base):
    __tablename__ = "bees"
    name: Mapped[str]


class BeeBody(Body):
    name: str


class BeeView(Resource):
    id: UUID
    name: str


class BeeQuery(CollectionQuery):
    sort: Literal["name", "-name"] = "name"


class BeeHatched(Event):
    topic: ClassVar[str] = "bee.hatched"
    aggregate_type: ClassVar[str] = "bee"
    name: str


@dataclass
class Remembered:
    events: list[Event]

    def emit(self, event: Event, /) -> None:
        self.events.append(event)


FIND = Statement(select(BeeRow).where(BeeRow.id == bindparam("id")))
router = Router(version=1, prefix="/bees", tags=["bees"], dependencies=[allow("bees:read", roles=["keeper"])])


@Shapes
def find(*, descending: bool) -> Executable:
    return select(BeeRow).order_by(BeeRow.name.desc() if descending else BeeRow.name)


@router.get("/{bee_id}")
async def read_bee(bee_id: UUID, session: CurrentSession, guard: Precondition) -> Reply[BeeView]:
    row = await session.fetch_one(FIND, id=bee_id)
    assert_type(row, Row | None)
    guard.check(row_etag(1, datetime.now(UTC)))
    row["name"]  # type: ignore[index]  # nothing may have been found
    return ok(BeeView(id=bee_id, name="Maya"), etag="1")


@router.patch("/{bee_id}")
async def patch_bee(bee_id: UUID, patch: Patch[BeeBody], pages: CurrentCursors, query: BeeQuery) -> Reply[BeeView]:
    assert_type(patch.apply(BeeBody(name="Maya")), BeeBody)
    assert_type(pages.position(query), Position | None)
    assert_type(pages.links(query, None), Links)
    patch.apply(BeeView(id=bee_id, name="Maya"))  # type: ignore[arg-type]  # a patch is of one schema
    return ok(BeeBody(name="Maya"))  # type: ignore[arg-type]  # another view than the route declares


async def call_in_between(transactions: CurrentTransactions) -> None:
    async with transactions() as session:
        assert_type(session, Session)
    async with transactions as session:  # type: ignore[attr-defined]  # each transaction is opened by a call
        pass


@router.post("/swarms", dependencies=[apart])
async def swarm() -> Reply[None]:
    return no_content()


Router(dependencies=[apart()])  # type: ignore[operator]  # a mark as it is, not a function of one


async def run_statements(database: Database) -> AsyncIterator[Session]:
    async with database.session(read_only=False) as session:
        assert_type(session, Session)
        assert_type(await session.fetch_all(FIND, id=uuid7()), list[Row])
        assert_type(await session.execute(FIND, id=uuid7()), int)
        session.emit(BeeHatched(aggregate_id=uuid7(), name="Maya"))
        assert_type(await session.execute_emitting(FIND, BeeHatched(aggregate_id=uuid7(), name="x")), Row | None)
        await session.execute("DELETE FROM bees")  # type: ignore[arg-type]  # text of unknown origin is no statement
        await session.execute(select(BeeRow))  # type: ignore[arg-type]  # compiled at each request, it costs ten times
        assert_type(await session.fetch_one(find(descending=True)), Row | None)
        find(descneding=True)  # type: ignore[call-arg]  # a shape is called like the function that builds it
        session.emit("bee.hatched")  # type: ignore[arg-type]  # an event is a value of its type
        session.fetch_one(FIND)  # type: ignore[unused-coroutine]  # the await was forgotten
        yield session
    database.session()  # type: ignore[call-arg]  # whether it only reads is said, never guessed


def declare() -> Application:
    sink: EventSink = Remembered([])
    sink.emit(BeeHatched(aggregate_id=uuid7(), name="Maya"))
    sink = []  # type: ignore[assignment]  # a list takes anything, and not by emit
    BeeHatched(name="Maya")  # type: ignore[call-arg]  # an event tells about one aggregate
    BeeBody(name="Maya", colour="red")  # type: ignore[call-arg]  # a misspelt field is found while typing
    BeeBody(name="Maya").name = "Willi"  # type: ignore[misc]  # what was sent is frozen
    assert_type(create_app(service="hive", routers=[router]), Application)
    create_app(service="hive", settings=Settings(), routers=[router])  # type: ignore[arg-type]  # not read yet
    create_app(service="hive", settings=Settings, routers=[router], events=[BeeView])  # type: ignore[list-item]  # a view
    ApiVersion(1)  # type: ignore[call-arg]  # versions are declared by name
    allow(Principal)  # type: ignore[arg-type]  # scopes are texts
    Router(prefix="/bees", dependencies=[allow])  # type: ignore[list-item]  # a policy is what allow(...) returns
    Router(version="v1")  # type: ignore[arg-type]  # a number: the path says v1
    return create_app(
        service="hive",
        settings=Settings,
        routers=[router],
        versions=[ApiVersion(major=1, deprecated=datetime.now(UTC), successor=2)],
        models=Base.metadata,
        events=[BeeHatched],
    )


async def migrate(url: str) -> None:
    service = declare()
    assert_type(await migrations.upgrade(Base.metadata, url, service.migrations), bool)
    assert_type(await migrations.drift(Base.metadata, url), list[str])
    await migrations.upgrade(url, Base.metadata, service.migrations)  # type: ignore[arg-type]  # what, then where


assert_type(together(Base.metadata, left=("wasps",)), MetaData)
assert_type(created(BeeView(id=uuid7(), name="Maya"), location="/api/v1/bees/1"), Reply[BeeView])
assert_type(ok(BeeView(id=uuid7(), name="Maya")).view, BeeView)
assert_type(uuid7(), UUID)
assert_type(cursors.Cursors(b"key", "/api/v1/bees"), Cursors)
Cursors("key", "/api/v1/bees")  # type: ignore[arg-type]  # a key is bytes
assert_type(Link(href="/api/v1/bees").method, str)
run(declare)
run(declare())  # type: ignore[arg-type]  # settings are read first, and may end the process
created(BeeView(id=uuid7(), name="Maya"))  # type: ignore[call-arg]  # where is it?
ok({"name": "Maya"})  # type: ignore[type-var]  # a dictionary has no schema
create_chassis_tables(Base)  # type: ignore[arg-type]  # alembic's op goes here
drop_chassis_tables(Base.metadata, version="1")  # type: ignore[arg-type]  # and a number here
together(Base)  # type: ignore[arg-type]  # tables are in its metadata
view: View = no_content()  # type: ignore[assignment]  # a reply has a view, it is none
settings: type[ServiceSettings] = Settings

assert_type(source_of("127.0.0.1", b"198.51.100.1", ()), str)
source_of(["127.0.0.1"], b"", ())  # type: ignore[arg-type]  # one peer, not several
