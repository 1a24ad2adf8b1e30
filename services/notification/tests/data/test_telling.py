"""What is heard becomes notifications: all of a batch at once, each once."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import cast
from uuid import UUID

from arnia.chassis.database import Database
from arnia.chassis.hearers import Reception
from arnia.chassis.inbox import Inbox
from arnia.chassis.inbox_store import SqlInbox
from arnia.chassis.messages import Message
from arnia.chassis.session import Session
from arnia.chassis.uuids import uuid7
from notification.api.facts import facts
from notification.models.notifications import WORDS, Audience, Notification
from notification.repositories.notifications import Filters, Sort
from notification.repositories.sql import SqlNotifications


class Given:
    """A reception without a service around it."""

    kept: object = None
    trace: None = None

    def __init__(self, message: Message, session: Session) -> None:
        self.message = message
        self.session = session


def told(topic: str, sequence: int, aggregate: UUID) -> Message:
    """Return the event as it would travel."""
    return Message(
        id=uuid7(),
        type=topic,
        version=1,
        aggregate_type=topic.partition(".")[0],
        aggregate_id=aggregate,
        sequence=sequence,
        source="somebody",
        time=datetime.now(UTC),
        payload=b'{"aggregate_id": "%s", "new": 1}' % str(aggregate).encode(),
    )


async def kept(database: Database, **filters: object) -> list[Notification]:
    """Return what is kept."""
    async with database.session(read_only=True) as session:
        wanted = Filters(**cast("Mapping[str, str]", filters))  # type: ignore[arg-type]  # a topic or an identity
        return await SqlNotifications(session).find(wanted, Sort.CREATED_AT, None, 1000)


async def test_each_fact_is_told_once(database: Database) -> None:
    """One of everything that is heard, twice over and from two inboxes, is one notification each."""
    aggregate = uuid7()
    places: dict[str, int] = {}
    messages = []
    for topic in WORDS:
        kind = topic.partition(".")[0]
        places[kind] = places.get(kind, 0) + 1
        messages.append(told(topic, places[kind], aggregate))

    def receive(message: Message, session: Session) -> Reception:
        return cast("Reception", Given(message, session))

    for consumer in ("one", "other"):  # the other one stands for an inbox that has forgotten
        inbox = Inbox(SqlInbox(database, consumer), facts.handlers, receive)
        for _ in range(2):
            await inbox.take(messages)
    found = await kept(database, aggregate_id=aggregate)
    assert sorted((one.id, one.topic, one.sequence) for one in found) == sorted(
        (message.id, message.type, message.sequence) for message in messages
    )
    assert {one.audience for one in found} == set(Audience)
    [cancelled] = await kept(database, aggregate_id=aggregate, topic="delivery.cancelled")
    assert cancelled.text == WORDS["delivery.cancelled"][1]


def test_everything_that_is_heard_has_words() -> None:
    """There is no topic without an audience and a sentence, and none that nobody hears."""
    assert {topic for topic, _ in facts.handlers} == WORDS.keys()
