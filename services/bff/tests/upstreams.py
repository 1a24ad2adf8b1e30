"""Applications that stand for the services that own what is shown, and example answers of theirs."""

from collections import Counter
from collections.abc import Callable
from typing import Final
from uuid import UUID

from pydantic import JsonValue
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

Json = dict[str, JsonValue]
FIRST: Final = UUID(int=1)


def a_delivery(number: int) -> Json:
    """Return a delivery as the delivery service shows it, with a field that nobody here knows."""
    milan: Json = {"latitude": 45.4642, "longitude": 9.19}
    turin: Json = {"latitude": 45.0703, "longitude": 7.6869}
    return {
        "id": str(UUID(int=number)),
        "status": "planned",
        "pickup": {"position": milan},
        "dropoff": {"position": turin},
        "items": [{"name": "Honey jar", "price": {"amount": "12.30", "currency": "EUR"}, "quantity": 2}],
        "schedule": {"pickup_time": "2026-12-01T12:00:00Z", "deadline": "2026-12-01T14:00:00Z"},
        "created_at": "2026-12-01T10:00:00.123456Z",
        "updated_at": "2026-12-01T10:00:00.123456Z",
        "weather": "fine",
        "_links": {"self": {"href": f"/api/v2/deliveries/{UUID(int=number)}", "method": "GET"}},
    }


def a_drone(*deliveries: str) -> Json:
    """Return a drone that carries `deliveries`, as the drone service shows it."""
    return {
        "id": str(UUID(int=900)),
        "name": "Maia",
        "model": "Carrier 5",
        "capacity_kg": 5.0,
        "free_kg": 1.0,
        "battery": 80,
        "status": "flying",
        "position": {"latitude": 45.4, "longitude": 9.1},
        "carries": [*deliveries],
    }


class Owners:
    """Both services over two dictionaries; the first delivery has a drone, the others have none.

    Attributes:
        asked: How often each was called, and for what.
        down: The services that answer 503.
    """

    def __init__(self, deliveries: int = 3) -> None:
        self.deliveries = [a_delivery(number) for number in range(1, deliveries + 1)]
        self.asked: list[tuple[str, str]] = []
        self.traces: Counter[tuple[str, str]] = Counter()
        self.tokens: list[str] = []
        self.down: set[str] = set()

    def delivery(self) -> ASGIApp:
        """Return the delivery service."""
        return self._application("delivery", self._deliveries)

    def drone(self) -> ASGIApp:
        """Return the drone service."""
        return self._application("drone", self._drones)

    def _application(self, name: str, answer: Callable[[Request], JSONResponse]) -> ASGIApp:
        async def application(scope: Scope, receive: Receive, send: Send) -> None:
            request = Request(scope)
            self.asked.append((name, request.url.path))
            self.traces[name, request.headers["traceparent"].split("-")[1]] += 1
            self.tokens.append(request.headers.get("authorization", ""))
            response = JSONResponse({}, 503) if name in self.down else answer(request)
            await response(scope, receive, send)

        return application

    def _deliveries(self, request: Request) -> JSONResponse:
        _, _, wanted = request.url.path.partition("/api/v2/deliveries/")
        if wanted:
            found = next((one for one in self.deliveries if one["id"] == wanted), None)
            return JSONResponse({}, 404) if found is None else JSONResponse(found)
        cursor, limit = request.query_params.get("cursor", "0"), int(request.query_params["limit"])
        if not cursor.isdecimal():
            return JSONResponse({}, 422)
        end = int(cursor) + limit
        links = {"next": {"href": f"/api/v2/deliveries?limit={limit}&cursor={end}"}}
        more = end < len(self.deliveries)
        return JSONResponse({"items": self.deliveries[end - limit : end], "_links": links if more else {}})

    def _drones(self, request: Request) -> JSONResponse:
        carried = [each for each in request.query_params.getlist("delivery_id") if each == str(FIRST)]
        return JSONResponse({"items": [a_drone(*carried)] if carried else []})
