"""What a type checker says of what takes much in. Never run: mypy reads it, and every ignore must be needed."""

from typing import Annotated, ClassVar, assert_type
from uuid import UUID

from fastapi import Depends

from arnia.chassis.events import Event
from arnia.chassis.ingest import CurrentIngest, Ingest
from arnia.chassis.plans import preferred
from arnia.chassis.rows import Rows, rows_body
from arnia.chassis.schemas import Body


class NectarBody(Body):
    grams: int


class NectarWeighed(Event):
    topic: ClassVar[str] = "nectar.weighed"
    aggregate_type: ClassVar[str] = "nectar"

    grams: list[int]


EXTRA = rows_body(NectarBody, most=10, example={"grams": 1})
WRONG = rows_body(NectarWeighed(aggregate_id=UUID(int=1), grams=[]), most=1, example={})  # type: ignore[arg-type]  # a model


async def weigh(
    rows: Annotated[Rows[NectarBody], Depends(Rows.of(NectarBody, most=10))], ingest: CurrentIngest
) -> None:
    assert_type(ingest, Ingest)
    async for chunk in rows.chunks(5):
        assert_type(chunk, list[NectarBody])
        await ingest.publish([NectarWeighed(aggregate_id=UUID(int=1), grams=[row.grams for row in chunk])])
        await ingest.publish(chunk)  # type: ignore[arg-type]  # what was sent is no event
    assert_type(preferred(b"*/*", ("text/csv",)), str)
    preferred("*/*", ("text/csv",))  # type: ignore[arg-type]  # a header as it came
