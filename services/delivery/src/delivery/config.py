"""The settings of the delivery service: everything comes from the environment, `.env` or secret files."""

from arnia.chassis.settings import DatabaseSettings, service_settings


class Settings(DatabaseSettings):
    """Read from `DELIVERY_...`; nothing beyond what the chassis asks of a service with a database."""

    model_config = service_settings("delivery")
