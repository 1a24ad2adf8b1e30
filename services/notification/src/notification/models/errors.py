"""What this service refuses. Each has a slug of its own, which begins with the service's name."""

from arnia.errors import NotFound


class NotificationNotFound(NotFound):
    """None has this identity."""

    slug = "notification-not-found"
    title = "No such notification"
