"""The settings of the scheduler: everything comes from the environment, `.env` or secret files."""

from pydantic import Field

from arnia.chassis.event_settings import EventSettings
from arnia.chassis.settings import service_settings
from arnia.chassis.upstreams import CallingSettings, Upstream


class Settings(EventSettings, CallingSettings):
    """Read from `SCHEDULER_...`: a database, who it is to the issuer of tokens, and where drones are."""

    model_config = service_settings("scheduler")

    drone: Upstream
    assignment_seconds: float = Field(
        default=120.0, gt=0, description="How long a drone is looked for, until it is told that there is none."
    )
