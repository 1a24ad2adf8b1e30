"""The conformance suite of repositories whose rows have owners: as for all repositories, for one of several callers.

```python
class Deliveries(OwnedConformance[Delivery]): ...


class TestMemoryDeliveries(Deliveries):
    @pytest.fixture
    def units(self) -> UnitsOfWork:
        kept = {}
        return lambda ownership: remembered(MemoryDeliveries(ownership, kept))


class TestSqlDeliveries(Deliveries):
    @pytest.fixture
    def units(self, database: Database) -> UnitsOfWork:
        return lambda ownership: transactional(database, lambda session: SqlDeliveries(session, ownership))
```
"""

# ruff: noqa: S101 - assert is how a test speaks

import asyncio
from collections.abc import Callable
from typing import Final, TypeAlias
from uuid import uuid4

import pytest

from arnia.chassis.ownership import Ownership
from arnia.testing.repositories import WRITERS, Entity, RepositoryConformance, UnitOfWork

__all__ = ["OwnedConformance", "UnitsOfWork"]

UnitsOfWork: TypeAlias = Callable[[Ownership], UnitOfWork]
"""Gives the unit of work of a caller; all of them meet the same entities."""

MANY: Final = 1000


class OwnedConformance(RepositoryConformance[Entity]):
    """Tests that every repository with owners passes; a subclass says what its entities are, and gives `units`."""

    @pytest.fixture
    def unit(self, units: UnitsOfWork) -> UnitOfWork:
        """Give the unit of work of somebody who owns nothing yet."""
        return units(somebody())

    async def test_what_others_own_is_not_there(self, units: UnitsOfWork) -> None:
        """Who does not own an entity neither finds nor locks it, and no listing shows it, in any order or filter."""
        entity, mine, theirs = self.make(1), units(somebody()), units(somebody())
        async with mine() as repository:
            assert await repository.add(entity)
        async with theirs() as repository:
            assert await repository.get(self.identity(entity)) is None
            assert await repository.lock(self.identity(entity)) is None
            for sort in self.sorts():
                for filters, _ in self.filters():
                    assert await repository.find(filters, sort, None, MANY) == []
                assert await repository.find(self.filters()[0][0], sort, self.place(self.make(0), sort), MANY) == []

    async def test_what_others_own_does_not_change(self, units: UnitsOfWork) -> None:
        """Who does not own an entity can take neither its identity nor its place, and does not make it go away."""
        entity, mine, theirs = self.make(1), units(somebody()), units(somebody())
        async with mine() as repository:
            assert await repository.add(entity)
        async with theirs() as repository:
            assert not await repository.add(self.change(entity))
            await repository.save(self.change(entity))
            await repository.remove(self.identity(entity))
        async with mine() as repository:
            assert await repository.get(self.identity(entity)) == entity

    async def test_one_identity_has_one_owner(self, units: UnitsOfWork) -> None:
        """Of callers who add one identity at once exactly one owns it, and nobody else finds anything."""
        entity, callers = self.make(1), [units(somebody()) for _ in range(WRITERS)]

        async def add(unit: UnitOfWork) -> bool:
            async with unit() as repository:
                return await repository.add(entity)

        async def found(unit: UnitOfWork) -> bool:
            async with unit() as repository:
                return await repository.get(self.identity(entity)) is not None

        added = await asyncio.gather(*(add(unit) for unit in callers))
        assert added.count(True) == 1
        assert [await found(unit) for unit in callers] == added

    async def test_who_reaches_everything(self, units: UnitsOfWork) -> None:
        """Who reaches everything finds, lists and changes what others own, and does not become its owner by that."""
        entity, mine = self.make(1), units(somebody())
        everybody = Ownership(subject=f"operator-{uuid4()}", everything=True)
        theirs, no_operator = units(everybody), units(Ownership(subject=everybody.subject))
        async with mine() as repository:
            assert await repository.add(entity)
        async with theirs() as repository:
            assert await repository.get(self.identity(entity)) == entity
            assert await repository.lock(self.identity(entity)) == entity
            everything, sort = self.filters()[0][0], next(iter(self.sorts()))
            assert entity in await repository.find(everything, sort, None, 100 * MANY)
            await repository.save(self.change(entity))
        async with mine() as repository:
            assert await repository.get(self.identity(entity)) == self.change(entity)
        async with no_operator() as repository:
            assert await repository.get(self.identity(entity)) is None
        async with theirs() as repository:
            await repository.remove(self.identity(entity))
        async with mine() as repository:
            assert await repository.get(self.identity(entity)) is None


def somebody() -> Ownership:
    """Return the ownership of a new caller, who has no role."""
    return Ownership(subject=f"somebody-{uuid4()}")
