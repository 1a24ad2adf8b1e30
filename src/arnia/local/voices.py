"""What each service may say and hear at a broker, as the page declares it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from arnia.ecosystem import Service

__all__ = ["Voice", "voices"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """What one service may say and hear.

    Attributes:
        emits: The aggregate types about which it publishes.
        hears: The aggregate types of which it reads what is published.
    """

    emits: Sequence[str] = ()
    hears: Sequence[str] = ()


def voices(services: Iterable[Service]) -> Mapping[str, Voice]:
    """Return the voice of each service that emits or hears anything."""
    return {
        service.name: Voice(emits=_aggregates(service.emits), hears=_aggregates(service.hears))
        for service in services
        if service.emits or service.hears
    }


def _aggregates(events: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({event.rpartition(".")[0] for event in events}))
