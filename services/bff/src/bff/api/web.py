"""`/bff/web/deliveries`: deliveries with their drones, for browsers on a desk."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import Query

from arnia.chassis.replies import Reply
from arnia.chassis.routing import Router
from arnia.chassis.security import allow
from bff.api import answers
from bff.api.dependencies import Views
from bff.schemas.queries import PageQuery
from bff.schemas.web import WebPage, WebView

DELIVERIES: Final = "/bff/web/deliveries"

router = Router(prefix=DELIVERIES, tags=["web"], dependencies=[allow("deliveries:read", "drones:read")])


@router.get("")
async def list_web_deliveries(query: Annotated[PageQuery, Query()], views: Views) -> Reply[WebPage]:
    """List the caller's deliveries with their drones, a page at a time."""
    overview = await views.page(query.limit, query.cursor)
    links = answers.page_links(DELIVERIES, query, overview.cursor)
    return answers.whole(WebPage.of(overview, links), overview)


@router.get("/{delivery_id}")
async def read_web_delivery(delivery_id: UUID, views: Views) -> Reply[WebView]:
    """Read a delivery with its drone."""
    overview = await views.one(delivery_id)
    return answers.whole(WebView.whole(overview, answers.view_links(DELIVERIES, delivery_id)), overview)
