"""Reservations over HTTP, as the scheduler sees them."""

from uuid import uuid4

import httpx

from drone.schemas.drones import EXAMPLE

DRONES = "/api/v1/drones"
RESERVATIONS = "/api/v1/drone-reservations"


def slug(answer: httpx.Response) -> str:
    """Return the last part of a problem's type."""
    kind: str = answer.json()["type"]
    return kind.rpartition("/")[2]


def wish(weight_kg: float = 2.0) -> dict[str, object]:
    """Return a wish for a delivery of its own."""
    return {"delivery_id": str(uuid4()), "weight_kg": weight_kg}


async def test_a_reservation_lives_and_is_released(client: httpx.AsyncClient) -> None:
    """PUT is 201 with the drone that was chosen, the same again 200; by its links it leads to the drone and its end."""
    drone = (await client.post(DRONES, json=EXAMPLE)).headers["location"]
    path, body = f"{RESERVATIONS}/{uuid4()}", wish()
    first = await client.put(path, json=body)
    again = await client.put(path, json=body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.headers["location"] == path
    assert first.content == again.content == (await client.get(path)).content
    links = first.json()["_links"]
    assert links["drone"]["href"] == drone
    assert (await client.get(drone)).json()["free_kg"] == 3.0
    assert (await client.request(links["release"]["method"], links["release"]["href"])).status_code == 204
    assert (await client.get(drone)).json()["free_kg"] == 5.0
    assert slug(await client.delete(path)) == "drone-reservation-not-found"
    late = await client.put(path, json=body)
    assert (late.status_code, slug(late)) == (409, "drone-reservation-released")
    assert (await client.get(drone)).json()["free_kg"] == 5.0


async def test_post_chooses_an_identity(client: httpx.AsyncClient) -> None:
    """POST makes a reservation at a new place."""
    await client.post(DRONES, json=EXAMPLE)
    answer = await client.post(RESERVATIONS, json=wish())
    assert answer.status_code == 201
    assert (await client.get(answer.headers["location"])).json() == answer.json()


async def test_each_refusal_has_its_own_slug(client: httpx.AsyncClient) -> None:
    """Exhausted, taken by another reservation, or different content: a client can tell which."""
    await client.post(DRONES, json=EXAMPLE)
    path, body = f"{RESERVATIONS}/{uuid4()}", wish()
    assert (await client.put(path, json=body)).status_code == 201
    refused = [
        await client.post(RESERVATIONS, json=wish(3.001)),
        await client.post(RESERVATIONS, json=body),
        await client.put(path, json=body | {"weight_kg": 1}),
    ]
    assert [answer.status_code for answer in refused] == [409, 409, 409]
    assert [slug(answer) for answer in refused] == [
        "drone-capacity-exhausted",
        "drone-delivery-already-reserved",
        "drone-reservation-differs",
    ]


async def test_a_drone_that_is_relied_on_stays(client: httpx.AsyncClient) -> None:
    """While it is reserved a drone is neither removed nor retired nor made smaller, and shows no link to do so."""
    drone = (await client.post(DRONES, json=EXAMPLE)).headers["location"]
    reservation = (await client.post(RESERVATIONS, json=wish())).headers["location"]
    assert not {"remove", "retire"} & (await client.get(drone)).json()["_links"].keys()
    assert slug(await client.delete(drone)) == "drone-not-removable"
    assert slug(await client.put(f"{drone}/status", json={"status": "retired"})) == "drone-not-retirable"
    assert slug(await client.put(drone, json=EXAMPLE | {"capacity_kg": 1.9})) == "drone-capacity-reserved"
    await client.delete(reservation)
    assert (await client.delete(drone)).status_code == 204


async def test_preconditions_are_kept(client: httpx.AsyncClient) -> None:
    """If-Match and If-None-Match rule reservations as they do everything else."""
    drone = (await client.post(DRONES, json=EXAMPLE)).headers["location"]
    path, body = f"{RESERVATIONS}/{uuid4()}", wish()
    assert (await client.put(path, json=body, headers={"if-match": "*"})).status_code == 412
    assert (await client.get(drone)).json()["free_kg"] == 5.0
    assert (await client.put(path, json=body, headers={"if-none-match": "*"})).status_code == 201
    assert (await client.put(path, json=body, headers={"if-none-match": "*"})).status_code == 412
    assert (await client.delete(path, headers={"if-match": '"0-old"'})).status_code == 412
    assert (await client.delete(path)).status_code == 204
    assert (await client.delete(path, headers={"if-match": "*"})).status_code == 412
