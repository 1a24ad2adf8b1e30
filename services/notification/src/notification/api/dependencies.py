"""What handlers ask for: FastAPI puts it together, a test puts something else in its place."""

from typing import Annotated

from fastapi import Depends

from arnia.chassis.context import CurrentSession
from notification.repositories.sql import SqlNotifications
from notification.services.notifications import NotificationService


async def notification_service(session: CurrentSession) -> NotificationService:
    """Return the use cases, within the transaction of this request."""
    return NotificationService(SqlNotifications(session))


Notifications = Annotated[NotificationService, Depends(notification_service)]
