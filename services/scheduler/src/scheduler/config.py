"""The settings of the scheduler: everything comes from the environment, `.env` or secret files."""

from arnia.chassis.settings import DatabaseSettings, service_settings
from arnia.chassis.upstreams import CallingSettings, Upstream


class Settings(DatabaseSettings, CallingSettings):
    """Read from `SCHEDULER_...`: a database, who it is to the issuer of tokens, and where drones are."""

    model_config = service_settings("scheduler")

    drone: Upstream
