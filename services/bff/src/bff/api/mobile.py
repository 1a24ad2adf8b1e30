"""`/bff/mobile/deliveries`: deliveries with their drones, for a small screen on a slow line."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import Query

from arnia.chassis.replies import Reply
from arnia.chassis.routing import Router
from arnia.chassis.security import allow
from bff.api import answers
from bff.api.dependencies import Views
from bff.schemas.mobile import MobilePage, MobileView
from bff.schemas.queries import PageQuery

DELIVERIES: Final = "/bff/mobile/deliveries"

router = Router(prefix=DELIVERIES, tags=["mobile"], dependencies=[allow("deliveries:read", "drones:read")])


@router.get("")
async def list_mobile_deliveries(query: Annotated[PageQuery, Query()], views: Views) -> Reply[MobilePage]:
    """List the caller's deliveries with their drones, a page at a time."""
    overview = await views.page(query.limit, query.cursor)
    links = answers.page_links(DELIVERIES, query, overview.cursor)
    return answers.whole(MobilePage.of(overview, links), overview)


@router.get("/{delivery_id}")
async def read_mobile_delivery(delivery_id: UUID, views: Views) -> Reply[MobileView]:
    """Read a delivery with its drone."""
    overview = await views.one(delivery_id)
    return answers.whole(MobileView.whole(overview, answers.view_links(DELIVERIES, delivery_id)), overview)
