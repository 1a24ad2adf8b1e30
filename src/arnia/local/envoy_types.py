"""How Envoy's protobuf messages are written as JSON."""

from typing import Any, Final, TypeAlias

Json: TypeAlias = dict[str, Any]

PROBE_AGENT: Final = "arnia-probe"
"""The User-Agent of our own questions while services start; their failures are no news."""


def typed(kind: str, **fields: object) -> Json:
    """Return a message that names its own type, as extension points ask for."""
    return {"@type": f"type.googleapis.com/{kind}", **fields}


def duration(seconds: float) -> str:
    """Return a duration as protobuf writes it: `0.5s`."""
    return f"{seconds:g}s"


def http_filter(name: str, kind: str, **fields: object) -> Json:
    """Return a filter of HTTP requests."""
    return {"name": f"envoy.filters.http.{name}", "typed_config": typed(kind, **fields)}
