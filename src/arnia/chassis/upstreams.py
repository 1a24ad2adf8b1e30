"""Where other services are, and how they are called: what the settings say of declared clients."""

from typing import Literal

from pydantic import Field, SecretStr, field_validator

from arnia.chassis.call_policy import PolicyFields
from arnia.chassis.settings import ServiceSettings

__all__ = ["CallingSettings", "Upstream"]


class Upstream(PolicyFields):
    """The settings of one service that is called: `SCHEDULER_DRONE__URL`, `SCHEDULER_DRONE__RETRIES`, and so on.

    Attributes:
        url: Where it is.
        transport: What carries the calls.
    """

    url: str = Field(description="http://host:port, where the other service is")
    transport: Literal["pyreqwest", "httpx"] = "pyreqwest"

    @field_validator("url")
    @classmethod
    def _is_http(cls, given: str) -> str:
        if not given.startswith(("http://", "https://")) or "?" in given or "#" in given:
            message = "it must look like http://host:port"
            raise ValueError(message)
        return given


class CallingSettings(ServiceSettings):
    """What a service that calls others can be told besides; each of them is a field of type `Upstream`.

    ```python
    class Settings(DatabaseSettings, CallingSettings):
        model_config = service_settings("scheduler")
        drone: Upstream
    ```
    """

    token_url: str = Field(
        default="", description="Token endpoint of the issuer; needed as soon as a call asks for a scope or a user."
    )
    client_id: str = Field(default="", description="This service as an OAuth client; none means its name.")
    client_secret: SecretStr = Field(default=SecretStr(""), description="The OAuth client's secret.")

    @field_validator("token_url")
    @classmethod
    def _is_http(cls, given: str) -> str:
        if given and not given.startswith(("http://", "https://")):
            message = "it must look like https://host/token"
            raise ValueError(message)
        return given
