"""The settings of the telemetry service: everything comes from the environment, `.env` or secret files."""

from pydantic import Field

from arnia.chassis.event_settings import EventSettings
from arnia.chassis.settings import service_settings


class Settings(EventSettings):
    """Read from `TELEMETRY_...`."""

    model_config = service_settings("telemetry")

    event_batch: int = Field(
        default=40, ge=1, le=10_000, description="Most messages in one transaction; each has up to 500 positions."
    )
    partition_days_ahead: int = Field(default=3, ge=1, le=60, description="Days for which there is a place already.")
    position_keep_days: int = Field(default=30, ge=1, le=3650, description="Days after which positions are dropped.")
