"""What a type checker says of a service's tests. Never run: mypy reads it, and every ignore must be needed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import assert_type
from uuid import UUID

from sqlalchemy import MetaData
from typing_extensions import override

from arnia.chassis.application import Application
from arnia.chassis.database import Database
from arnia.chassis.session import Session
from arnia.chassis.statements import Statement
from arnia.testing.conformance import ServiceConformance
from arnia.testing.plugin import ServiceSchema
from arnia.testing.queries import assert_index_used
from arnia.testing.repositories import Repository, RepositoryConformance, UnitOfWork, remembered, transactional


def create() -> Application:
    raise NotImplementedError


@dataclass(frozen=True)
class Bee:
    id: UUID


class Bees:
    def __init__(self, session: Session) -> None:
        self.session = session

    async def add(self, bee: Bee, /) -> bool:
        raise NotImplementedError

    async def get(self, bee_id: UUID, /) -> Bee | None:
        raise NotImplementedError

    lock = get

    async def save(self, bee: Bee, /) -> None:
        raise NotImplementedError

    async def remove(self, bee_id: UUID, /) -> None:
        raise NotImplementedError

    async def find(self, filters: str, sort: str, after: UUID | None, limit: int, /) -> list[Bee]:
        raise NotImplementedError


class BeeConformance(RepositoryConformance[Bee]):
    @override
    def make(self, serial: int) -> Bee:
        return Bee(UUID(int=serial))

    @override
    def change(self, entity: Bee) -> Bee:
        return entity

    @override
    def identity(self, entity: Bee) -> str:  # type: ignore[override]  # an identity is a UUID
        return str(entity.id)

    @override
    def place(self, entity: Bee, sort: str) -> UUID:
        return entity.id

    @override
    def sorts(self) -> Mapping[str, Callable[[Bee], object]]:
        return {"id": lambda bee: bee.id}

    @override
    def filters(self) -> Sequence[tuple[str, Callable[[Bee], bool]]]:
        return [("", lambda bee: bee.id.int > 0)]


class Conformance(ServiceConformance):
    application = staticmethod(create)


class WrongConformance(ServiceConformance):
    application = staticmethod(lambda: "hive")  # type: ignore[assignment]  # it tests an Application


async def prove(database: Database, session: Session, statement: Statement) -> None:
    repository: Repository[Bee] = Bees(session)
    assert_type(await repository.get(UUID(int=1)), Bee | None)
    assert_type(transactional(database, Bees), UnitOfWork)
    assert_type(remembered(Bees(session)), UnitOfWork)
    await assert_index_used("postgresql://", statement, id=1)
    ServiceSchema(MetaData(), Path("migrations"))
    transactional(database, Bee)  # type: ignore[arg-type]  # an entity is no repository
    remembered(Bees)  # type: ignore[arg-type]  # one repository, not its class
    await assert_index_used("postgresql://", "SELECT 1")  # type: ignore[arg-type]  # of a statement that the service has
    ServiceSchema(MetaData(), "migrations")  # type: ignore[arg-type]  # a folder is a path
