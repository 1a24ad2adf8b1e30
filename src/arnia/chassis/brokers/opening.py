"""Which adapter speaks to the broker that a service is told of."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias
from urllib.parse import urlsplit

from arnia.chassis.brokers.broker import Broker

__all__ = ["broker_system", "open_broker"]

System: TypeAlias = Literal["nats", "rabbitmq", "kafka"]
SYSTEMS: Final[Mapping[str, System]] = {
    "nats": "nats",
    "tls": "nats",
    "amqp": "rabbitmq",
    "amqps": "rabbitmq",
    "kafka": "kafka",
    "kafka+ssl": "kafka",
}


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
    match broker_system(url):
        case "nats":
            from arnia.chassis.brokers.nats import NatsBroker  # noqa: PLC0415 - only the one that is used

            return await NatsBroker.open(url, service, emits)
        case "rabbitmq":
            from arnia.chassis.brokers.rabbitmq import RabbitBroker  # noqa: PLC0415 - only the one that is used

            return await RabbitBroker.open(url, service, emits)
        case "kafka":
            from arnia.chassis.brokers.kafka import KafkaBroker  # noqa: PLC0415 - only the one that is used

            return await KafkaBroker.open(url, service, emits)


def broker_system(url: str) -> System:
    """Return which broker is at `url`, as OpenTelemetry names messaging systems.

    Raises:
        ValueError: No adapter speaks its scheme.
    """
    scheme = urlsplit(url).scheme
    system = SYSTEMS.get(scheme)
    if system is None:
        message = f"no broker speaks {scheme or 'nothing'}: use nats://, amqp:// or kafka://"
        raise ValueError(message)
    return system
