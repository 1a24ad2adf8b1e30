"""What a service makes at RabbitMQ: the exchanges of what it emits, the queues of what it hears.

What nobody hears is no fault of whoever says it, and must not stop them; it must not be dropped in silence either. So
each exchange has an alternate one, `<channel>.unheard`, with a quorum queue that keeps what no queue was bound for, for
14 days or a million messages, the oldest going first. A message is therefore always routed, and `mandatory` finds only
what is broken: an exchange or a queue that somebody deleted. A consumer that comes later does not read what was there
before it; `arnia up` makes the queues of every declared consumer before anybody publishes.

What comes back too often goes to `<consumer>.dead`, at least once. The inbox acknowledges whatever it has kept, parked
or not, so that only a crash counts: a hundred of them with the same message in hand.
"""

from typing import Final

from aio_pika import ExchangeType
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import ChannelClosed, ChannelNotFoundEntity, ChannelPreconditionFailed
from pamqp.common import FieldTable

from arnia.errors import OutsideError, Unavailable

__all__ = ["ANSWER_SECONDS", "key_of", "make_channel", "make_end", "queue_name"]

ANSWER_SECONDS: Final = 5.0
KEEP_MILLISECONDS: Final = 14 * 86_400_000
MOST_UNHEARD: Final = 1_000_000
MOST_DELIVERIES: Final = 100
QUORUM: Final[dict[str, str]] = {"x-queue-type": "quorum"}


def queue_name(consumer: str, channel: str) -> str:
    """Return the queue of a consumer for one channel."""
    return f"{consumer}.{channel}"


def key_of(kind: str, version: int) -> str:
    """Return the routing key of a message of this type and version."""
    return f"{kind}.v{version}"


async def make_channel(line: AbstractChannel, channel: str) -> None:
    """Make the exchange of `channel`, and where that goes which nobody hears."""
    unheard = f"{channel}.unheard"
    spare = await line.declare_exchange(unheard, ExchangeType.FANOUT, durable=True, timeout=ANSWER_SECONDS)
    arguments: FieldTable = {
        **QUORUM,
        "x-message-ttl": KEEP_MILLISECONDS,
        "x-max-length": MOST_UNHEARD,
        "x-overflow": "drop-head",
    }
    queue = await line.declare_queue(unheard, durable=True, arguments=arguments, timeout=ANSWER_SECONDS)
    await queue.bind(spare, "", timeout=ANSWER_SECONDS)
    await make_exchange(line, channel)


async def make_exchange(line: AbstractChannel, channel: str) -> None:
    """Make the exchange of `channel` alone."""
    rest: FieldTable = {"alternate-exchange": f"{channel}.unheard"}
    await line.declare_exchange(channel, ExchangeType.TOPIC, durable=True, arguments=rest, timeout=ANSWER_SECONDS)


async def make_end(line: AbstractChannel, consumer: str, channel: str) -> str:
    """Make the queue of a consumer, bind it to `channel`, and return its name.

    Raises:
        Unavailable: Nobody has made that channel.
        OutsideError: The queue is there, and is another kind of queue.
    """
    dead, name = f"{consumer}.dead", queue_name(consumer, channel)
    arguments: FieldTable = {
        **QUORUM,
        "x-single-active-consumer": True,  # so that order holds with several processes: one reads, the next is ready
        "x-delivery-limit": MOST_DELIVERIES,
        "x-dead-letter-exchange": dead,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
    try:
        last = await line.declare_exchange(dead, ExchangeType.FANOUT, durable=True, timeout=ANSWER_SECONDS)
        rest = await line.declare_queue(dead, durable=True, arguments={**QUORUM}, timeout=ANSWER_SECONDS)
        await rest.bind(last, "", timeout=ANSWER_SECONDS)
        queue = await line.declare_queue(name, durable=True, arguments=arguments, timeout=ANSWER_SECONDS)
        await queue.bind(channel, "#", timeout=ANSWER_SECONDS)
    except ChannelNotFoundEntity as error:
        detail = f"Nobody emits anything about {channel} yet."
        raise Unavailable(detail) from error
    except ChannelPreconditionFailed as error:
        message = f"the message broker holds something else by the name of {name} or {dead}: {_said(error)}"
        raise OutsideError(message) from error
    return name


def _said(error: ChannelClosed) -> str:
    return " ".join(str(part) for part in error.args)
