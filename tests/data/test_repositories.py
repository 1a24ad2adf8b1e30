"""The conformance suite of repositories, passed by PostgreSQL and by a dictionary, and failed by a careless one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import text
from typing_extensions import override

from arnia.chassis.database import Database
from arnia.chassis.statements import Statement
from arnia.chassis.uuids import uuid7
from arnia.testing.parcels import MemoryParcels, Parcel, Place, SqlParcels, find
from arnia.testing.queries import assert_index_used
from arnia.testing.repositories import RepositoryConformance, UnitOfWork, remembered, transactional


class Parcels(RepositoryConformance[Parcel]):
    """What a parcel is."""

    @override
    def make(self, serial: int) -> Parcel:
        return Parcel(id=uuid7(), label=f"label {serial % 3}", grams=serial % 5)

    @override
    def change(self, entity: Parcel) -> Parcel:
        return replace(entity, grams=entity.grams + 1, version=entity.version + 1)

    @override
    def identity(self, entity: Parcel) -> UUID:
        return entity.id

    @override
    def place(self, entity: Parcel, sort: str) -> Place:
        return Place(entity.grams, entity.id)

    @override
    def sorts(self) -> Mapping[str, Callable[[Parcel], object]]:
        return {"grams": lambda parcel: parcel.grams, "-grams": lambda parcel: parcel.grams}

    @override
    def filters(self) -> Sequence[tuple[Mapping[str, str], Callable[[Parcel], bool]]]:
        return [({}, lambda _: True), ({"label": "label 1"}, lambda parcel: parcel.label == "label 1")]


class TestMemoryParcels(Parcels):
    """A dictionary conforms."""

    @pytest.fixture
    def unit(self) -> UnitOfWork:
        """Give the dictionary."""
        return remembered(MemoryParcels())


class TestSqlParcels(Parcels):
    """PostgreSQL conforms."""

    @pytest.fixture
    def unit(self, database: Database) -> UnitOfWork:
        """Give a transaction for each block."""
        return transactional(database, SqlParcels)


class Overwriting(MemoryParcels):
    """Lets a second one take an identity."""

    @override
    async def add(self, parcel: Parcel, /) -> bool:
        self._parcels[parcel.id] = parcel
        return True


class ByOffset(MemoryParcels):
    """Compares only the sort key with the last page's, and so loses those that share it."""

    @override
    async def find(self, filters: Mapping[str, str], sort: str, after: Place | None, limit: int, /) -> list[Parcel]:
        found = await super().find(filters, sort, None, 1000)
        if after is not None:
            behind = after.grams
            found = [one for one in found if (one.grams < behind if sort.startswith("-") else one.grams > behind)]
        return found[:limit]


class Unfiltered(MemoryParcels):
    """Forgets the filter on the second page."""

    @override
    async def find(self, filters: Mapping[str, str], sort: str, after: Place | None, limit: int, /) -> list[Parcel]:
        return await super().find(filters if after is None else {}, sort, after, limit)


class Clinging(MemoryParcels):
    """Forgets to forget."""

    @override
    async def remove(self, parcel_id: UUID, /) -> None:
        pass


class Stale(MemoryParcels):
    """Forgets to save."""

    @override
    async def save(self, parcel: Parcel, /) -> None:
        pass


@pytest.mark.parametrize(
    ("careless", "test"),
    [
        (Overwriting, "test_add_twice"),
        (ByOffset, "test_order_is_total"),
        (ByOffset, "test_paging_while_others_add"),
        (Unfiltered, "test_filters"),
        (Clinging, "test_remove"),
        (Stale, "test_save"),
    ],
)
async def test_careless_repositories_fail(careless: type[MemoryParcels], test: str) -> None:
    """Each broken promise is found by the test that is named for it."""
    with pytest.raises(AssertionError):
        await getattr(Parcels(), test)(remembered(careless()))


async def test_index_is_used(database: Database, database_url: str) -> None:
    """On many rows a page is found by its index, and a query without one is found out."""
    fill = text(
        "INSERT INTO parcels (id, label, grams) "
        "SELECT gen_random_uuid(), CAST(n AS text), n FROM generate_series(1, 5000) AS n"
    )
    async with database.session(read_only=False) as session:
        await session.execute(Statement(fill))
    page = find(frozenset(), descending=True, resumed=True)
    await assert_index_used(database_url, page, last_grams=2500, last_id=uuid7(), limit=10)
    unindexed = Statement(text("SELECT * FROM parcels WHERE label = :label"))
    with pytest.raises(AssertionError, match="whole of parcels"):
        await assert_index_used(database_url, unindexed, label="1")
    await assert_index_used(database_url, unindexed, small=frozenset({"parcels"}), label="1")
    walking = Statement(text("SELECT * FROM parcels WHERE label = :label ORDER BY grams, id LIMIT 1"))
    with pytest.raises(AssertionError, match="of parcels, where an index should help"):
        await assert_index_used(database_url, walking, label="1")
