"""The settings of the drone service: everything comes from the environment, `.env` or secret files."""

from pydantic import Field

from arnia.chassis.event_settings import EventSettings
from arnia.chassis.settings import service_settings


class Settings(EventSettings):
    """Read from `DRONE_...`; how long a release is remembered, beyond what the chassis asks for."""

    model_config = service_settings("drone")

    release_keep_days: float = Field(
        default=7.0, gt=0, description="How long a released reservation's identity is refused; longer than any retry."
    )
