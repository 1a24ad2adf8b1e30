"""Which adapter speaks to the broker that a service is told of."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from arnia.chassis.brokers.broker import Broker

__all__ = ["open_broker"]


async def open_broker(url: str, service: str, emits: Sequence[str]) -> Broker:
    """Connect `service` to the broker at `url`, and make the channels that it emits to.

    Args:
        url: `nats://user:password@host:port`, `amqp://...` or `kafka://...`; a secret.
        service: Who connects.
        emits: The aggregate types that this service publishes about.

    Raises:
        OutsideError: The broker refuses the credentials, or is not there for long enough.
        ValueError: No adapter speaks the scheme of `url`.
    """
    scheme = urlsplit(url).scheme
    match scheme:
        case "nats" | "tls":
            from arnia.chassis.brokers.nats import NatsBroker  # noqa: PLC0415 - only the one that is used

            return await NatsBroker.open(url, service, emits)
        case "amqp" | "amqps":
            from arnia.chassis.brokers.rabbitmq import RabbitBroker  # noqa: PLC0415 - only the one that is used

            return await RabbitBroker.open(url, service, emits)
        case "kafka" | "kafka+ssl":
            from arnia.chassis.brokers.kafka import KafkaBroker  # noqa: PLC0415 - only the one that is used

            return await KafkaBroker.open(url, service, emits)
        case _:
            message = f"no broker speaks {scheme or 'nothing'}: use nats://, amqp:// or kafka://"
            raise ValueError(message)
