"""The settings of this service: everything comes from the environment, `.env` or secret files."""

from arnia.chassis.event_settings import EventSettings
from arnia.chassis.settings import service_settings


class Settings(EventSettings):
    """Read from `NOTIFICATION_...`; nothing beyond what the chassis asks of a service with a database and events."""

    model_config = service_settings("notification")
