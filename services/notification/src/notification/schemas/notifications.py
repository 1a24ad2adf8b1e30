"""Notifications as the API shows them."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field

from arnia.chassis.cursors import CollectionQuery
from arnia.chassis.links import Resource
from arnia.chassis.schemas import View
from notification.models.notifications import Audience, Notification
from notification.repositories.notifications import Filters, Sort

Topic = Annotated[str, Field(description="What happened.", examples=["delivery.created"])]


class NotificationView(View):
    """What somebody was told."""

    id: UUID = Field(description="The event's: one notification for each.")
    topic: Topic
    aggregate_id: UUID = Field(description="To what it happened.")
    sequence: int = Field(description="How many things had happened to it, this one included.")
    audience: Audience
    text: str
    occurred_at: datetime
    created_at: datetime

    @classmethod
    def of(cls, notification: Notification) -> Self:
        """Show a notification of the domain."""
        return cls(**dict(notification))


class NotificationPage(Resource):
    """Some of them, in order, and the way to the next ones."""

    items: tuple[NotificationView, ...]


class NotificationQuery(CollectionQuery):
    """Which of them to list, and in which order."""

    sort: Sort = Field(default=Sort.CREATED_AT, description="Order; a leading - means the last first.")
    topic: Annotated[str, Field(min_length=1, max_length=100, description="What happened.")] | None = None
    aggregate_id: UUID | None = Field(default=None, description="To what it happened.")

    def filters(self) -> Filters:
        """Return what this means in the domain."""
        return Filters(topic=self.topic, aggregate_id=self.aggregate_id)
