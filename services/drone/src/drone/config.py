"""The settings of the drone service: everything comes from the environment, `.env` or secret files."""

from arnia.chassis.event_settings import EventSettings
from arnia.chassis.settings import service_settings


class Settings(EventSettings):
    """Read from `DRONE_...`; nothing beyond what the chassis asks of a service with a database and collections."""

    model_config = service_settings("drone")
