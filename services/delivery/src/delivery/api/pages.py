"""One page of the collection, in every version of the API."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from arnia.chassis.cursors import Cursors, Position
from arnia.chassis.links import Link, Links
from delivery.models.deliveries import Delivery
from delivery.repositories.deliveries import Filters, Place
from delivery.schemas.queries import DeliveryQuery
from delivery.services.deliveries import DeliveryService


class Page(NamedTuple):
    """Some deliveries, and the links that lead on from them."""

    deliveries: list[Delivery]
    links: Links


async def find(query: DeliveryQuery, deliveries: DeliveryService, cursors: Cursors) -> Page:
    """Return the page that `query` asks for."""
    filters = Filters(query.status, query.pickup_after, query.pickup_before)
    # One more than asked for: whether it exists tells whether there is a next page.
    found = await deliveries.find(filters, query.sort, _place(cursors.position(query)), query.limit + 1)
    shown = found[: query.limit]
    following = _position(Place.of(shown[-1], query.sort)) if len(found) > query.limit else None
    links = cursors.links(query, following)
    return Page(shown, {**links, "create": Link(href=links["first"].href.partition("?")[0], method="POST")})


def _position(place: Place) -> Position:
    return place.key.isoformat(), str(place.id)


def _place(position: Position | None) -> Place | None:
    if position is None:
        return None
    key, delivery_id = position
    return Place(datetime.fromisoformat(str(key)), UUID(str(delivery_id)))
