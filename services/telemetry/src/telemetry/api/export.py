"""`GET /api/v1/telemetry/export`: every position, as a stream that is never held as a whole."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

from fastapi import Query
from starlette.requests import Request
from starlette.responses import StreamingResponse

from arnia.chassis.plans import preferred
from arnia.chassis.routing import Router
from arnia.chassis.security import allow
from telemetry.api.dependencies import CurrentArchive
from telemetry.api.recording import VERSION
from telemetry.models.positions import Period
from telemetry.repositories.positions import Archive
from telemetry.schemas.lines import WRITERS
from telemetry.schemas.queries import ExportQuery
from telemetry.services.exports import chunks
from telemetry.services.periods import period

FORMATS: Final = tuple(WRITERS)
ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "One position a line; cut off when something fails on the way.",
        "content": {media: {"schema": {"type": "string"}} for media in FORMATS},
    }
}

router = Router(
    version=VERSION,
    prefix="/telemetry",
    tags=["telemetry"],
    dependencies=[allow("drones:read", roles=["operator"])],
)


@router.get("/export", responses=ANSWERS, response_class=StreamingResponse)
async def export_positions(
    request: Request, query: Annotated[ExportQuery, Query()], archive: CurrentArchive
) -> StreamingResponse:
    """Export the positions of a time, in the order of drones and moments, as the Accept header likes it best."""
    media = preferred(request.headers.get("accept", "").encode("latin-1"), FORMATS)
    asked = period(query.since, query.until, longest=None)
    headers = {"Vary": "Accept", "Cache-Control": "no-store"}
    return StreamingResponse(_lines(archive, asked, query, media), media_type=media, headers=headers)


async def _lines(archive: Archive, asked: Period, query: ExportQuery, media: str) -> AsyncIterator[bytes]:
    first, write = WRITERS[media]
    if first:
        yield first
    async for chunk in chunks(archive, asked, query.drone_id):
        if chunk:
            yield write(chunk)
