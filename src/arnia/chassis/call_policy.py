"""How a service that is called is treated: a declared value, of which settings may override every field."""

from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field

from arnia.chassis.breaker import BreakerRules

__all__ = ["CallPolicy", "Milliseconds", "Share"]

Milliseconds = Annotated[int, Field(ge=1, le=600_000)]
Share = Annotated[float, Field(gt=0, le=1)]
Count = Annotated[int, Field(ge=1, le=100_000)]
Retries = Annotated[int, Field(ge=0, le=10)]

SECOND: Final = 1_000


class PolicyFields(BaseModel):
    """What a policy says; None is for whoever declares to say."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    timeout_ms: Milliseconds | None = None
    connect_timeout_ms: Milliseconds | None = None
    retries: Retries | None = None
    retry_budget: Annotated[float, Field(ge=0, le=1)] | None = None
    retry_reserve: Annotated[int, Field(ge=0, le=1_000)] | None = None
    backoff_ms: Milliseconds | None = None
    backoff_limit_ms: Milliseconds | None = None
    max_in_flight: Count | None = None
    queue_ms: Annotated[int, Field(ge=0, le=600_000)] | None = None
    breaker_window_ms: Milliseconds | None = None
    breaker_calls: Count | None = None
    breaker_failure_rate: Share | None = None
    breaker_slow_ms: Milliseconds | None = None
    breaker_slow_rate: Share | None = None
    breaker_rest_ms: Milliseconds | None = None
    max_body_bytes: Annotated[int, Field(ge=1)] | None = None


class CallPolicy(BaseModel):
    """How one service is called. Times are in milliseconds.

    Attributes:
        timeout_ms: How long one attempt may take, from its connection to the last byte of its answer.
        connect_timeout_ms: How long making a connection may take.
        retries: Most attempts after the first.
        retry_budget: Most retries, as a share of all calls.
        retry_reserve: Retries that are there before a call has earned any.
        backoff_ms: The first pause is up to this, each further one up to twice the one before (full jitter).
        backoff_limit_ms: No pause is longer, and who asks for a longer one (`Retry-After`) is not asked again.
        max_in_flight: Most attempts at once, and most connections.
        queue_ms: How long a call may wait for its turn when that many are under way.
        breaker_window_ms: Over what time the breaker counts.
        breaker_calls: How many calls there must be in it before their rates mean anything.
        breaker_failure_rate: The share of failures that opens the breaker.
        breaker_slow_ms: From when on a call is slow.
        breaker_slow_rate: The share of slow calls that opens the breaker.
        breaker_rest_ms: How long it stays open before one call may probe.
        max_body_bytes: Most bytes of an answer.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    timeout_ms: Milliseconds = 2_000
    connect_timeout_ms: Milliseconds = 300
    retries: Retries = 2
    retry_budget: Annotated[float, Field(ge=0, le=1)] = 0.1
    retry_reserve: Annotated[int, Field(ge=0, le=1_000)] = 10
    backoff_ms: Milliseconds = 50
    backoff_limit_ms: Milliseconds = 1_000
    max_in_flight: Count = 50
    queue_ms: Annotated[int, Field(ge=0, le=600_000)] = 250
    breaker_window_ms: Milliseconds = 10_000
    breaker_calls: Count = 20
    breaker_failure_rate: Share = 0.5
    breaker_slow_ms: Milliseconds = 1_000
    breaker_slow_rate: Share = 0.9
    breaker_rest_ms: Milliseconds = 5_000
    max_body_bytes: Annotated[int, Field(ge=1)] = 10_485_760

    def overridden(self, by: PolicyFields) -> Self:
        """Return this policy with the fields that `by` sets."""
        given = by.model_dump(exclude_none=True, include=set(PolicyFields.model_fields))
        return self.model_copy(update=given)

    @property
    def breaker(self) -> BreakerRules:
        """The rules of its breaker."""
        return BreakerRules(
            window=self.breaker_window_ms / SECOND,
            calls=self.breaker_calls,
            failure_rate=self.breaker_failure_rate,
            slow_rate=self.breaker_slow_rate,
            slow=self.breaker_slow_ms / SECOND,
            rest=self.breaker_rest_ms / SECOND,
        )
