"""What a client may ask of a list, whatever its kind."""

from pydantic import ConfigDict, Field

from arnia.chassis.integers import Bounded


class PageQuery(Bounded):
    """Which page to show."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: int = Field(default=20, ge=1, le=100, description="Most deliveries on a page.")
    cursor: str | None = Field(default=None, max_length=1024, description="Where to go on, from a page's `next` link.")
