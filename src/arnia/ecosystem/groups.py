"""Groups: like processes of one service, which serve all of its API versions or one of them."""

from arnia.ecosystem.environments import Environment
from arnia.ecosystem.services import Service


def group_name(service: str, version: int | None) -> str:
    """Return the name of a group of like processes: a service, or one major version of it that runs on its own."""
    return service if version is None else f"{service}-v{version}"


def groups(service: Service, environment: Environment) -> tuple[int | None, ...]:
    """Return the major versions of `service` that run in processes of their own; `(None,)` where all share them."""
    return service.versions if service.name in environment.split_versions and service.versions else (None,)
