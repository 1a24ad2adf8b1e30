"""Bases of the Pydantic models that cross a service's border."""

from pydantic import BaseModel, ConfigDict

from arnia.chassis.integers import Bounded

__all__ = ["Body", "View"]


class Body(Bounded):
    """What a caller sends: frozen, strict about unknown fields, no NaN or infinity, no integer beyond 64 bits."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True)


class View(BaseModel):
    """What a caller gets: built from the domain, never from a database row."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False, populate_by_name=True)
