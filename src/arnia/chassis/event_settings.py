"""What a service that emits or hears events can be told."""

from typing import Final, Literal

from pydantic import Field, SecretStr, field_validator

from arnia.chassis.settings import DatabaseSettings

__all__ = ["EventSettings"]

SCHEMES: Final = ("nats://", "tls://", "amqp://", "amqps://", "kafka://", "kafka+ssl://")


class EventSettings(DatabaseSettings):
    """What a service that emits or hears events can be told besides. All of it has to do with its own database too."""

    broker_url: SecretStr | None = Field(
        default=None,
        description="nats://user:password@host:port, amqp://... or kafka://...; none keeps events in the outbox.",
    )
    role: Literal["all", "api", "relay", "consumer"] = Field(
        default="all", description="What a process does: everything, or one of answering, sending events, hearing them."
    )
    event_batch: int = Field(default=500, ge=1, le=10_000, description="Most events in one transaction.")
    event_attempts: int = Field(default=8, ge=1, le=1000, description="Tries before an event parks its aggregate.")
    event_retry_seconds: float = Field(default=0.2, gt=0, description="Longest pause after the first failed try.")
    event_late_seconds: float = Field(
        default=45.0, ge=0, description="How late an earlier event of an aggregate may come that was never heard of."
    )
    event_keep_days: float = Field(
        default=7.0, gt=0, description="How long sent and heard events are remembered; longer than any redrive."
    )

    @field_validator("broker_url")
    @classmethod
    def _is_broker(cls, given: SecretStr | None) -> SecretStr | None:
        if given is not None and not given.get_secret_value().startswith(SCHEMES):
            message = f"it must begin with one of {', '.join(SCHEMES)}"
            raise ValueError(message)
        return given
