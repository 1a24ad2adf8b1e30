"""`/api/v1/telemetry/...`: what positions add up to, a page at a time."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query

from arnia.chassis.cursors import CollectionQuery, CurrentCursors, Cursors, Position
from arnia.chassis.links import Links
from arnia.chassis.replies import Reply, ok
from arnia.chassis.routing import Router
from arnia.chassis.security import allow
from telemetry.api.dependencies import CurrentAggregates
from telemetry.api.recording import VERSION
from telemetry.models.positions import Period
from telemetry.repositories.positions import AfterCell, AfterHour
from telemetry.schemas.positions import (
    CellPage,
    CellView,
    DistancePage,
    DistanceView,
    LastPositionPage,
    PositionView,
)
from telemetry.schemas.queries import CellQuery, DistanceQuery, LastPositionQuery
from telemetry.services.periods import area, period

router = Router(
    version=VERSION,
    prefix="/telemetry",
    tags=["telemetry"],
    dependencies=[allow("drones:read", roles=["operator"])],
)


@router.get("/last-positions")
async def list_last_positions(
    query: Annotated[LastPositionQuery, Query()], aggregates: CurrentAggregates, cursors: CurrentCursors
) -> Reply[LastPositionPage]:
    """List where each drone was last."""
    place = cursors.position(query)
    after = None if place is None else UUID(str(place[0]))
    found = await aggregates.last_positions(query.drone_id, after, query.limit + 1)
    shown = found[: query.limit]
    following: Position | None = (str(shown[-1].drone_id),) if len(found) > len(shown) else None
    items = [PositionView.of(each) for each in shown]
    return ok(LastPositionPage(items=items, links=cursors.links(query, following)))


@router.get("/distances")
async def list_distances(
    query: Annotated[DistanceQuery, Query()], aggregates: CurrentAggregates, cursors: CurrentCursors
) -> Reply[DistancePage]:
    """List how far each drone flew in each hour."""
    place = cursors.position(query)
    after = None if place is None else AfterHour(UUID(str(place[0])), datetime.fromisoformat(str(place[1])))
    asked = period(query.since, query.until)
    found = await aggregates.distances(asked, query.drone_id, after, query.limit + 1)
    shown = found[: query.limit]
    following: Position | None = None
    if len(found) > len(shown):
        following = str(shown[-1].drone_id), shown[-1].hour.isoformat()
    items = [DistanceView.of(each) for each in shown]
    return ok(DistancePage(items=items, links=links(cursors, query, asked, following)))


@router.get("/heat-cells")
async def list_heat_cells(
    query: Annotated[CellQuery, Query()], aggregates: CurrentAggregates, cursors: CurrentCursors
) -> Reply[CellPage]:
    """List the cells of a grid of 0.01 degrees in which there were drones, with how many positions."""
    place = cursors.position(query)
    after = None if place is None else AfterCell(int(place[0] or 0), int(place[1] or 0))
    asked = period(query.since, query.until)
    within = area(query.south, query.west, query.north, query.east)
    found = await aggregates.cells(asked, within, after, query.limit + 1)
    shown = found[: query.limit]
    following: Position | None = (shown[-1].row, shown[-1].column) if len(found) > len(shown) else None
    items = [CellView.of(each) for each in shown]
    return ok(CellPage(items=items, links=links(cursors, query, asked, following)))


def links(cursors: Cursors, query: CollectionQuery, asked: Period, following: Position | None) -> Links:
    """Return the links of a page; the next one is about the same time, and not about the day before it is asked for."""
    here = cursors.links(query, None)
    if following is None:
        return here
    return {**here, "next": cursors.links(query.model_copy(update=asked._asdict()), following)["next"]}
