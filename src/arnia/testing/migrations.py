"""Whether a service's migrations lead to the tables that its models declare, and back again."""

import asyncio

from arnia.chassis.migrations import downgrade, drift, upgrade
from arnia.local.servers.postgres import Postgres
from arnia.testing.plugin import ServiceSchema
from arnia.testing.postgres import fresh_database

__all__ = ["assert_migrations_agree"]


def assert_migrations_agree(server: Postgres, schema: ServiceSchema) -> None:
    """Bring a new database up to date, down to nothing and up again, and hold it against the models each time.

    Raises:
        AssertionError: It is not what the models say, or it still is when nothing should be there.
    """
    with fresh_database(server) as url:
        asyncio.run(_there_and_back(url, schema))


async def _there_and_back(url: str, schema: ServiceSchema) -> None:
    for way in ("up", "up again"):
        await upgrade(schema.metadata, url, schema.migrations)
        if differences := await drift(schema.metadata, url):
            message = f"on the way {way}, the migrations do not lead to what the models say: {'; '.join(differences)}"
            raise AssertionError(message)
        if way == "up":
            await downgrade(schema.metadata, url, schema.migrations)
            if not await drift(schema.metadata, url):
                message = "on the way down, the migrations leave what the models say"
                raise AssertionError(message)
