"""The bff before real delivery and drone services: bytes, calls found by their trace in the logs, and a bad day."""

import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest

from arnia.local.servers.postgres import Postgres
from arnia.testing.issuer import TestIssuer
from arnia.testing.postgres import fresh_database
from arnia.testing.processes import ServiceProcess

WEB, MOBILE = "/bff/web/deliveries", "/bff/mobile/deliveries"
MANY = 20
Processes = dict[str, ServiceProcess]


@pytest.fixture(scope="module")
def services(
    postgres_server: Postgres, issuer: TestIssuer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Processes]:
    """Run the three services."""
    folder: Path = tmp_path_factory.mktemp("views")
    shared = {"issuer": issuer.url, "log_format": "json"}
    with ExitStack() as stack:
        running: Processes = {}
        for name in ("delivery", "drone"):
            url = stack.enter_context(fresh_database(postgres_server))
            owned = {**shared, "database_url": url, "cursor_key": "a key that is only known here", "role": "api"}
            running[name] = ServiceProcess(name, f"{name}.main", owned, folder / f"{name}.log")
        calling = {name: {"url": process.url, "timeout_ms": 5_000} for name, process in running.items()}
        given = {**shared, "token_url": issuer.token_url, "client_secret": "never looked at", **calling}
        running["bff"] = ServiceProcess("bff", "bff.main", given, folder / "bff.log")
        for process in running.values():
            stack.enter_context(process)
        yield running


@pytest.fixture(scope="module")
def deliveries(services: Processes, issuer: TestIssuer) -> list[UUID]:
    """Give Ada deliveries, and every second one a drone."""
    position = {"latitude": 45.4642, "longitude": 9.19}
    place = {"position": position}
    order = {
        "pickup": place,
        "dropoff": place,
        "items": [{"name": "Honey jar", "price": {"amount": "12.30", "currency": "EUR"}, "quantity": 2}],
        "schedule": {"pickup_time": "2026-12-01T12:00:00Z", "deadline": "2026-12-01T14:00:00Z"},
    }
    drone = {"name": "Maia", "model": "Carrier 5", "capacity_kg": 100, "battery": 80, "position": position}
    with _client(services, issuer, "delivery", "deliveries:write", subject="ada") as client:
        answers = [client.post("/api/v2/deliveries", json=order).raise_for_status() for _ in range(MANY)]
    made = [UUID(answer.json()["id"]) for answer in answers]
    with _client(services, issuer, "drone", "drones:write", "reservations:write", roles=["operator"]) as client:
        client.post("/api/v1/drones", json=drone).raise_for_status()
        for delivery in made[::2]:
            wish = {"delivery_id": str(delivery), "weight_kg": 1}
            client.put(f"/api/v1/drone-reservations/{uuid4()}", json=wish).raise_for_status()
    return made


def _client(
    services: Processes,
    issuer: TestIssuer,
    audience: str,
    *scopes: str,
    subject: str = "root",
    roles: Collection[str] = (),
) -> httpx.Client:
    token = issuer.token(audience=audience, subject=subject, scopes=scopes, roles=roles)
    return httpx.Client(base_url=services[audience].url, headers={"Authorization": f"Bearer {token}"}, timeout=30)


@pytest.fixture
async def ada(services: Processes, issuer: TestIssuer) -> AsyncIterator[httpx.AsyncClient]:
    """Return Ada's client of the bff."""
    token = issuer.token(audience="bff", subject="ada", scopes=["deliveries:read", "drones:read"])
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=services["bff"].url, headers=headers, timeout=30) as client:
        yield client


@pytest.mark.parametrize("single", [False, True], ids=["list", "one"])
async def test_two_shapes_of_one_view(ada: httpx.AsyncClient, deliveries: list[UUID], *, single: bool) -> None:
    """Real answers of real services: both views tell the drone, mobile in at most half the bytes (R107)."""
    target = f"/{deliveries[0]}" if single else f"?limit={MANY}"
    web, mobile = [(await ada.get(path + target)).raise_for_status() for path in (WEB, MOBILE)]
    assert len(mobile.content) * 2 <= len(web.content), (len(mobile.content), len(web.content))
    if single:
        assert (web.json()["drone"]["name"], mobile.json()["drone"]["name"]) == ("Maia", "Maia")
    else:
        shown = {one["id"]: one.get("drone") is not None for one in mobile.json()["items"]}
        assert shown == {str(delivery): number % 2 == 0 for number, delivery in enumerate(deliveries)}


@pytest.mark.parametrize("path", [WEB, MOBILE])
async def test_one_call_a_service_and_view(
    ada: httpx.AsyncClient, services: Processes, deliveries: list[UUID], path: str
) -> None:
    """The logs of the services that were called have the view's trace once each, however long the list is (R103)."""
    for number, target in enumerate((f"{path}?limit={MANY}", f"{path}/{deliveries[0]}"), start=1):
        trace = f"{number}{'a' if path == WEB else 'b'}".rjust(32, "c")
        await ada.get(target, headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
        assert _logged(services, trace) == {"bff": 1, "delivery": 1, "drone": 1}


def test_another_customer_sees_nothing(services: Processes, issuer: TestIssuer, deliveries: list[UUID]) -> None:
    """The user goes on through the bff: what Ada ordered is neither listed for Eve nor found by her."""
    with _client(services, issuer, "bff", "deliveries:read", "drones:read", subject="eve") as eve:
        assert eve.get(WEB).json()["items"] == []
        assert eve.get(f"{WEB}/{deliveries[0]}").status_code == 404


async def test_a_bad_day_of_the_drones(ada: httpx.AsyncClient, services: Processes, deliveries: list[UUID]) -> None:
    """Without the drone service both views are there, and say what is missing; with it they are whole again."""
    services["drone"].kill()
    try:
        for path in (WEB, MOBILE):
            for target in (path, f"{path}/{deliveries[0]}"):
                answer = await ada.get(target)
                assert (answer.status_code, answer.json()["missing"]) == (200, ["drone"])
                assert answer.headers["cache-control"] == "no-store"
    finally:
        services["drone"].__enter__()
    whole = await ada.get(f"{MOBILE}/{deliveries[0]}")
    assert "missing" not in whole.json()
    unchanged = await ada.get(f"{MOBILE}/{deliveries[0]}", headers={"if-none-match": whole.headers["etag"]})
    assert unchanged.status_code == 304


def _logged(services: Processes, trace: str) -> Counter[str]:
    """Return how many requests of `trace` each service has logged, once all three have any."""
    until = time.monotonic() + 60
    while True:
        found = Counter[str]()
        for name, process in services.items():
            lines = [line for line in process.log.read_text().splitlines() if trace in line]
            found[name] = sum("status" in json.loads(line) for line in lines)
        if all(found.values()) or time.monotonic() > until:
            return found
        time.sleep(0.05)
