"""Routes that the suite adds to a copy of the service, to see how the chassis under it takes a fault and a delay."""

import asyncio
from typing import Final
from uuid import uuid4

from pydantic import BaseModel
from sqlalchemy import text
from starlette.requests import Request

from arnia.chassis.context import current
from arnia.chassis.replies import Reply, ok
from arnia.chassis.routing import Router
from arnia.chassis.security import anyone
from arnia.chassis.statements import Statement

__all__ = ["FAULT_PATH", "SECRET", "SLOW_PATH", "probe_router"]

PREFIX: Final = "/conformance"
FAULT_PATH: Final = f"{PREFIX}/fault"
SLOW_PATH: Final = f"{PREFIX}/slow"
SECRET: Final = "canary-in-a-traceback"  # noqa: S105 - guards nothing: it must only never be shown

MARK: Final = Statement(
    text("INSERT INTO arnia_sequences (aggregate_type, aggregate_id, last) VALUES ('conformance', :id, 1)")
)
COUNT: Final = Statement(text("SELECT count(*) AS marks FROM arnia_sequences WHERE aggregate_type = 'conformance'"))
SLEEP: Final = Statement(text("SELECT pg_sleep(20)"))
SLEEP_SECONDS: Final = 20.0


class Marks(BaseModel):
    """How many slow requests have left a mark."""

    marks: int


def probe_router() -> Router:
    """Return the routes: one that fails, one that writes and then takes 20 s, one that counts what was written."""
    router = Router(prefix=PREFIX, tags=["conformance"], dependencies=[anyone])
    router.get("/fault")(_fail)
    router.post("/slow")(_write_slowly)
    router.get("/slow")(_count)
    return router


async def _fail() -> Reply[Marks]:
    raise RuntimeError(SECRET)


async def _write_slowly(request: Request) -> Reply[Marks]:
    context = current(request)
    if context.runtime.database is None:
        await asyncio.sleep(SLEEP_SECONDS)
        return ok(Marks(marks=1))
    session = context.open_session()
    await session.execute(MARK, id=uuid4())
    await session.fetch_one(SLEEP)
    return ok(Marks(marks=1))


async def _count(request: Request) -> Reply[Marks]:
    context = current(request)
    if context.runtime.database is None:
        return ok(Marks(marks=0))
    row = await context.open_session().fetch_one(COUNT)
    return ok(Marks(marks=0 if row is None else row["marks"]))
