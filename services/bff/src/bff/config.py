"""The settings of the bff: everything comes from the environment, `.env` or secret files."""

from arnia.chassis.settings import service_settings
from arnia.chassis.upstreams import CallingSettings, Upstream


class Settings(CallingSettings):
    """Read from `BFF_...`: who it is to the issuer of tokens, and where deliveries and drones are."""

    model_config = service_settings("bff")

    delivery: Upstream
    drone: Upstream
