"""What the bff refuses. Each refusal has a slug of its own, so that a client can tell them apart."""

from arnia.errors import InvalidContent, NotFound


class DeliveryNotFound(NotFound):
    """The caller has no such delivery."""

    slug = "bff-delivery-not-found"
    title = "No such delivery"


class PageNotFound(InvalidContent):
    """The cursor belongs to no page."""

    slug = "bff-page-not-found"
    title = "No such page"
