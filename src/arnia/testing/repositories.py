"""The conformance suite of repositories: what PostgreSQL promises, a dictionary must promise too.

A service describes its entity once, and has a class for each of its repositories:

```python
class Drones(RepositoryConformance[Drone]):
    def make(self, serial: int) -> Drone: ...

    ...


class TestMemoryDrones(Drones):
    @pytest.fixture
    def unit(self) -> UnitOfWork:
        return remembered(MemoryDrones())


class TestSqlDrones(Drones):
    @pytest.fixture
    def unit(self, database: Database) -> UnitOfWork:
        return transactional(database, SqlDrones)
```

Where entities have owners, it is `arnia.testing.ownership`.
"""

# ruff: noqa: S101 - assert is how a test speaks

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final, Generic, Protocol, TypeAlias, TypeVar
from uuid import UUID

from arnia.chassis.database import Database
from arnia.chassis.session import Session

__all__ = ["Repository", "RepositoryConformance", "UnitOfWork", "remembered", "transactional"]

Entity = TypeVar("Entity")
Json: TypeAlias = Any
WRITERS: Final = 5
"""Who write at once; no more than a pool of a test has connections."""


class Repository(Protocol[Entity]):
    """All entities of a kind. It never commits."""

    async def add(self, entity: Entity, /) -> bool:
        """Keep a new entity, or return False when its identity is taken."""

    async def get(self, entity_id: UUID, /) -> Entity | None:
        """Return an entity, or None."""

    async def lock(self, entity_id: UUID, /) -> Entity | None:
        """Return an entity, or None, and keep others from changing it until the transaction ends."""

    async def save(self, entity: Entity, /) -> None:
        """Keep the next state of a locked entity."""

    async def remove(self, entity_id: UUID, /) -> None:
        """Forget a locked entity."""

    async def find(self, filters: Json, sort: Json, after: Json, limit: int, /) -> list[Entity]:
        """Return at most `limit` entities that pass, in order, from the one that follows `after` on."""


UnitOfWork: TypeAlias = Callable[[], AbstractAsyncContextManager[Repository[Json]]]
"""Opens a repository; what was done with it is kept when the block ends well."""


def transactional(database: Database, repository: Callable[[Session], Repository[Entity]]) -> UnitOfWork:
    """Return a unit of work in which each block is one transaction."""

    @asynccontextmanager
    async def unit() -> AsyncIterator[Repository[Entity]]:
        async with database.session(read_only=False) as session:
            yield repository(session)

    return unit


def remembered(repository: Repository[Entity]) -> UnitOfWork:
    """Return a unit of work whose blocks all meet the same repository in memory."""

    @asynccontextmanager
    async def unit() -> AsyncIterator[Repository[Entity]]:
        yield repository

    return unit


class RepositoryConformance(Generic[Entity]):
    """Tests that every repository passes; a subclass says what its entities are and gives the fixture `unit`."""

    @abstractmethod
    def make(self, serial: int) -> Entity:
        """Return a new entity with an identity of its own; several serials should share sort keys and filters."""

    @abstractmethod
    def change(self, entity: Entity) -> Entity:
        """Return the next state of `entity`: another value somewhere, and the next version."""

    @abstractmethod
    def identity(self, entity: Entity) -> UUID:
        """Return what `get` finds `entity` by."""

    @abstractmethod
    def place(self, entity: Entity, sort: Json) -> Json:
        """Return what `find` takes as `after` to go on behind `entity`."""

    @abstractmethod
    def sorts(self) -> Mapping[Json, Callable[[Entity], Json]]:
        """Return every sort with its key; a name that starts with a minus is descending."""

    @abstractmethod
    def filters(self) -> Sequence[tuple[Json, Callable[[Entity], bool]]]:
        """Return some filters, each with what it means; the first lets everything pass."""

    async def test_unknown(self, unit: UnitOfWork) -> None:
        """What was never added is not found, and cannot be locked."""
        stranger = self.identity(self.make(0))
        async with unit() as repository:
            assert await repository.get(stranger) is None
            assert await repository.lock(stranger) is None

    async def test_add_and_get(self, unit: UnitOfWork) -> None:
        """What was added is found, equal in every field."""
        entity = self.make(1)
        async with unit() as repository:
            assert await repository.add(entity)
        async with unit() as repository:
            assert await repository.get(self.identity(entity)) == entity

    async def test_add_twice(self, unit: UnitOfWork) -> None:
        """An identity is given once: the second is told so, and the first stays as it was."""
        entity = self.make(1)
        async with unit() as repository:
            assert await repository.add(entity)
        async with unit() as repository:
            assert not await repository.add(self.change(entity))
            assert await repository.get(self.identity(entity)) == entity

    async def test_save(self, unit: UnitOfWork) -> None:
        """A saved state replaces the one before, and only that entity's."""
        entity, other = self.make(1), self.make(2)
        async with unit() as repository:
            await repository.add(entity)
            await repository.add(other)
        changed = self.change(entity)
        assert changed != entity
        async with unit() as repository:
            assert await repository.lock(self.identity(entity)) == entity
            await repository.save(changed)
        async with unit() as repository:
            assert await repository.get(self.identity(entity)) == changed
            assert await repository.get(self.identity(other)) == other

    async def test_writers_in_turn(self, unit: UnitOfWork) -> None:
        """Of writers that lock one entity at once, each sees what the one before it kept: no write is lost."""
        entity = self.make(1)
        async with unit() as repository:
            await repository.add(entity)
        seen: list[Entity | None] = []
        together = asyncio.Barrier(WRITERS)

        async def write() -> None:
            async with unit() as repository:
                await repository.get(self.identity(entity))
                await together.wait()
                found = await repository.lock(self.identity(entity))
                seen.append(found)
                if found == entity:
                    await repository.save(self.change(entity))

        await asyncio.gather(*(write() for _ in range(WRITERS)))
        assert seen.count(entity) == 1

    async def test_remove(self, unit: UnitOfWork) -> None:
        """What was removed is gone, nothing else is, and its identity may be given again."""
        entity, other = self.make(1), self.make(2)
        async with unit() as repository:
            await repository.add(entity)
            await repository.add(other)
        async with unit() as repository:
            await repository.lock(self.identity(entity))
            await repository.remove(self.identity(entity))
        async with unit() as repository:
            assert await repository.get(self.identity(entity)) is None
            assert await repository.get(self.identity(other)) == other
            assert await repository.add(entity)

    async def test_order_is_total(self, unit: UnitOfWork) -> None:
        """Every sort is kept, and pages of any size put together are the whole, each entity once."""
        await self._fill(unit, 20)
        everything, _ = self.filters()[0]
        for sort, key in self.sorts().items():
            async with unit() as repository:
                whole = await repository.find(everything, sort, None, 1000)
                keys = [key(entity) for entity in whole]
                assert keys == sorted(keys, reverse=str(sort).startswith("-"))
                for size in (1, 3, 7):
                    assert await self._walk(repository, everything, sort, size) == whole

    async def test_filters(self, unit: UnitOfWork) -> None:
        """A filter lets pass exactly what it means, also page by page."""
        made = await self._fill(unit, 20)
        for given, passes in self.filters():
            expected = {self.identity(entity) for entity in made if passes(entity)}
            for sort in self.sorts():
                async with unit() as repository:
                    found = await self._walk(repository, given, sort, 3)
                mine = [self.identity(entity) for entity in found]
                assert {one for one in mine if one in {self.identity(entity) for entity in made}} == expected

    async def test_paging_while_others_add(self, unit: UnitOfWork) -> None:
        """Whoever pages while others add sees all that was there at first, once each, in order."""
        everything, _ = self.filters()[0]
        for serial, (sort, key) in enumerate(self.sorts().items(), start=1):
            first = {self.identity(entity) for entity in await self._fill(unit, 10)}
            seen: list[Entity] = []
            after = None
            while True:
                async with unit() as repository:
                    page = await repository.find(everything, sort, after, 3)
                if not page:
                    break
                seen += page
                after = self.place(page[-1], sort)
                if len(seen) < 200:  # new ones may go behind the reader for ever
                    async with unit() as repository:
                        await repository.add(self.make(1000 * serial + len(seen)))
            names = [self.identity(entity) for entity in seen]
            assert len(names) == len(set(names))
            assert first <= set(names)
            keys = [key(entity) for entity in seen]
            assert keys == sorted(keys, reverse=str(sort).startswith("-"))

    async def _fill(self, unit: UnitOfWork, count: int) -> list[Entity]:
        made = [self.make(serial) for serial in range(count)]
        async with unit() as repository:
            for entity in made:
                assert await repository.add(entity)
        return made

    async def _walk(self, repository: Repository[Entity], filters: Json, sort: Json, size: int) -> list[Entity]:
        seen: list[Entity] = []
        while True:
            after = self.place(seen[-1], sort) if seen else None
            page = await repository.find(filters, sort, after, size)
            assert len(page) <= size
            seen += page
            if len(page) < size:
                return seen
