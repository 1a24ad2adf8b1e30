"""Who tells something: the identity that the metrics, logs and spans of one process have in common."""

from dataclasses import dataclass, field
from uuid import uuid4

__all__ = ["Origin", "new_instance"]


def new_instance() -> str:
    """Return a name for one process of a service, which no other has or gets; a pid is somebody else's soon."""
    return str(uuid4())


@dataclass(frozen=True, slots=True)
class Origin:
    """One process of a service, named as OpenTelemetry's semantic conventions name a resource.

    Attributes:
        service: `service.name`.
        version: `service.version`.
        environment: `deployment.environment.name`; empty for none.
        instance: `service.instance.id`.
    """

    service: str
    version: str
    environment: str = ""
    instance: str = field(default_factory=new_instance)

    @property
    def attributes(self) -> dict[str, str]:
        """What is known, by the names of the conventions."""
        named = {
            "service.name": self.service,
            "service.version": self.version,
            "service.instance.id": self.instance,
            "deployment.environment.name": self.environment,
        }
        return {name: value for name, value in named.items() if value}
