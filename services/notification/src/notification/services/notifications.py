"""What may happen to notifications: they are made, and read."""

from notification.models.notifications import Notification
from notification.repositories.notifications import Filters, NotificationRepository, Place, Sort


class NotificationService:
    """The use cases. The repository belongs to a transaction, which is not ours to end."""

    def __init__(self, repository: NotificationRepository) -> None:
        self._repository = repository

    async def tell(self, notifications: list[Notification]) -> None:
        """Tell of what happened: once, however often it is heard of."""
        await self._repository.add(notifications)

    async def find(self, filters: Filters, sort: Sort, after: Place | None, limit: int) -> list[Notification]:
        """Return at most `limit` of those that pass `filters`, from the one that follows `after` on."""
        return await self._repository.find(filters, sort, after, limit)
