"""`POST /api/v1/telemetry`: positions, in numbers."""

from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import Depends

from arnia.chassis.ingest import CurrentIngest
from arnia.chassis.replies import Reply
from arnia.chassis.routing import Router
from arnia.chassis.rows import Rows, rows_body
from arnia.chassis.security import allow
from telemetry.models.positions import Position
from telemetry.schemas.positions import EXAMPLE, PositionBody, RecordedView
from telemetry.services.recording import record

VERSION: Final = 1
MOST: Final = 100_000
"""Positions of one request; an array holds as many of them as a body may have bytes."""
MESSAGE: Final = 500
"""Positions of one message."""

router = Router(version=VERSION, prefix="/telemetry", tags=["telemetry"], dependencies=[allow("telemetry:write")])

Positions = Annotated[Rows[PositionBody], Depends(Rows.of(PositionBody, most=MOST))]


@router.post(
    "",
    status_code=202,
    response_description="Taken: the broker has confirmed every position.",
    openapi_extra=rows_body(PositionBody, most=MOST, example=EXAMPLE),
)
async def record_positions(positions: Positions, ingest: CurrentIngest) -> Reply[RecordedView]:
    """Take positions: an array as a whole or not at all, a stream of lines until one is wrong.

    Sent again they are stored once: a position is known by its drone and its moment.
    """
    receipt = await record(_chunks(positions), ingest)
    view = RecordedView(accepted=receipt.positions, messages=receipt.messages)
    return Reply(view, status=202, stored=False)


async def _chunks(positions: Rows[PositionBody]) -> AsyncIterator[list[Position]]:
    async for bodies in positions.chunks(MESSAGE):
        yield [body.position() for body in bodies]
