"""Which routes keep their callers waiting for too long, by the metrics of the services that run."""

import http.client
import re
from collections import Counter
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict

from arnia.conventions import METRICS_PATH
from arnia.local.state import State

__all__ = ["SlowRoute", "slow_routes"]

OFTEN: Final = 5
SHARE: Final = 0.05
"""What happens at least so often, and with one answer in twenty, is no accident."""
_PATIENCE_SECONDS: Final = 1.0
_SAMPLE: Final = re.compile(
    r"(?P<name>arnia_sync_budget_exceeded_total|http_server_request_duration_seconds_count)"
    r'\{http_request_method="(?P<method>[^"]*)"(?:,http_response_status_code="\d+")?,http_route="(?P<route>[^"]*)"\}'
    r" (?P<value>[0-9.e+]+)"
)


class SlowRoute(BaseModel):
    """A route that keeps exceeding the budget of what is waited for.

    Attributes:
        service: Its service.
        route: Method and path template.
        late: How many answers took too long.
        answers: How many there were.
    """

    model_config = ConfigDict(frozen=True)

    service: str
    route: str
    late: int
    answers: int


def slow_routes(state: State) -> tuple[SlowRoute, ...]:
    """Return the routes that do, of all replicas that answer; those that do not are left out."""
    found: list[SlowRoute] = []
    for name, service in sorted(state.services.items()):
        texts = [_metrics(replica.url) for replica in service.replicas if replica.condition == "ready"]
        found += _slow(name, texts)
    return tuple(found)


def _slow(service: str, texts: Iterable[str]) -> Iterable[SlowRoute]:
    late: Counter[str] = Counter()
    answers: Counter[str] = Counter()
    for text in texts:
        for sample in _SAMPLE.finditer(text):
            counted = late if sample["name"].startswith("arnia") else answers
            counted[f"{sample['method']} {sample['route']}"] += int(float(sample["value"]))
    for route, count in sorted(late.items()):
        if count >= OFTEN and count >= SHARE * answers[route]:
            yield SlowRoute(service=service, route=route, late=count, answers=answers[route])


def _metrics(url: str) -> str:
    target = urlsplit(url)
    connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=_PATIENCE_SECONDS)
    try:
        connection.request("GET", METRICS_PATH)
        return connection.getresponse().read().decode("utf-8", "replace")
    except (OSError, http.client.HTTPException):
        return ""
    finally:
        connection.close()
