"""Health, metrics and the description of problems: the same paths on every service."""

import asyncio
from collections.abc import Iterable
from typing import Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from arnia.chassis import problems
from arnia.chassis.context import Runtime
from arnia.chassis.handlers import Handler
from arnia.chassis.metrics import OPENMETRICS, PLAIN
from arnia.chassis.plans import RoutePlan, quality
from arnia.conventions import LIVE_PATH, METRICS_PATH, OPENAPI_PATH, PROBLEM_PREFIX, READY_PATH, STARTUP_PATH
from arnia.errors import ArniaError, NotFound, Unavailable

__all__ = ["platform_plans"]

PING_SECONDS: Final = 1.0
JSON: Final = ("application/json",)


class Health:
    """Answers how the process is."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def live(self, _: Request) -> Response:
        """Say that the process runs; depends on nothing else."""
        return _json({"status": "alive"})

    async def started(self, _: Request) -> Response:
        """Say whether the start, migrations included, is over."""
        if not self._runtime.started:
            detail = "The service is still starting."
            raise Unavailable(detail)
        return _json({"status": "started"})

    async def ready(self, _: Request) -> Response:
        """Say whether requests should come here: started, not draining, and what it depends on answers."""
        await self.started(_)
        if self._runtime.draining:
            detail = "The service is stopping."
            raise Unavailable(detail)
        # Neither the issuer's doing nor the broker's: keys already known work while that one is down, and events wait.
        told = {**self._runtime.describe_trust(), **self._runtime.describe_events()}
        if self._runtime.database is None:
            return self._ready(told)
        if self._runtime.database.waiting:
            # Busy, and asking it would only wait behind the requests: whoever is overloaded still works.
            return self._ready({"database": "busy", **told})
        try:
            async with asyncio.timeout(PING_SECONDS):
                await self._runtime.database.ping()
        except (ArniaError, TimeoutError, OSError):
            detail = "The database does not answer."
            raise Unavailable(detail) from None
        return self._ready({"database": "answers", **told})

    def _ready(self, dependencies: dict[str, str]) -> Response:
        document: dict[str, object] = {"status": "ready", "dependencies": dependencies}
        if calls := self._runtime.describe_calls():
            # For operators: who is ready while others are not still serves what needs none of them.
            document["calls"] = calls
        return _json(document)

    async def metrics(self, request: Request) -> Response:
        """Return the metrics as OpenMetrics to whoever prefers that, and else in Prometheus' own text format."""
        preferred = _prefers_openmetrics(request.headers.getlist("accept"))
        written = self._runtime.metrics.render(openmetrics=preferred)
        return Response(written, headers={"Content-Type": OPENMETRICS if preferred else PLAIN, "Vary": "Accept"})


def _prefers_openmetrics(accept: Iterable[str]) -> bool:
    """Tell whether these Accept fields name OpenMetrics 1.0, and rank plain text no higher."""
    best = {"application/openmetrics-text": 0.0, "text/plain": 0.0}
    for part in ",".join(accept).lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        versions = [each for each in parameters if each.startswith("version=")]
        if name in best and (name == "text/plain" or not versions or "version=1.0.0" in versions):
            best[name] = max(best[name], quality(parameters))
    return 0 < best["application/openmetrics-text"] >= best["text/plain"]


async def _describe_problem(request: Request) -> Response:
    slug = request.path_params["slug"]
    kind = problems.catalogue().get(slug)
    if kind is None:
        detail = "No problem has this name here."
        raise NotFound(detail)
    meaning = (kind.__doc__ or kind.title).partition("\n")[0]
    return _json({"type": f"{PROBLEM_PREFIX}/{slug}", "title": kind.title, "status": kind.status, "meaning": meaning})


def _json(document: object) -> Response:
    return Response(orjson.dumps(document), media_type="application/json", headers={"Cache-Control": "no-store"})


def platform_plans(runtime: Runtime, openapi: bytes, documentation: Iterable[str]) -> list[RoutePlan]:
    """Return the plans of the paths that every service has; `documentation` names those that FastAPI serves."""
    health = Health(runtime)

    async def describe(_: Request) -> Response:
        return Response(openapi, media_type="application/json")

    handlers: dict[str, tuple[Handler, tuple[str, ...]]] = {
        LIVE_PATH: (health.live, JSON),
        READY_PATH: (health.ready, JSON),
        STARTUP_PATH: (health.started, JSON),
        METRICS_PATH: (health.metrics, ("text/plain", "application/openmetrics-text")),
        OPENAPI_PATH: (describe, JSON),
        PROBLEM_PREFIX + "/{slug}": (_describe_problem, JSON),
    }
    plans = [
        RoutePlan(method="GET", template=path, handler=handler, produces=media, query=None)
        for path, (handler, media) in handlers.items()
    ]
    pages = [RoutePlan(method="GET", template=path, handler=None, produces=("text/html",)) for path in documentation]
    return plans + pages
