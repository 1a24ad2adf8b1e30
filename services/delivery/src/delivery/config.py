"""The settings of the delivery service: everything comes from the environment, `.env` or secret files."""

from arnia.chassis.settings import CollectionSettings, DatabaseSettings, ServiceSettings, service_settings


class Settings(CollectionSettings, DatabaseSettings, ServiceSettings):
    """Read from `DELIVERY_...`; nothing beyond what the chassis asks of a service with a database and collections."""

    model_config = service_settings("delivery")
