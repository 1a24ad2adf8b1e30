"""A consumer, the florist, that calls a provider, the nursery; both are services of the chassis."""

import asyncio
from typing import Annotated
from uuid import UUID

from fastapi import Depends

from arnia.chassis.application import Application, create_app
from arnia.chassis.client import CallPolicy, Client, delete, get, post, put
from arnia.chassis.routing import Router
from arnia.chassis.schemas import Body, View
from arnia.chassis.security import anyone
from arnia.chassis.settings import service_settings
from arnia.chassis.upstreams import CallingSettings, Upstream
from arnia.errors import Conflict, UpstreamRefused

Tags = tuple[str, ...]


class Wish(Body):
    """What the florist orders."""

    stems: int


class Plant(View):
    """A plant, as far as the florist cares."""

    name: str
    height: float | None = None


class NurseryClient(
    Client,
    service="nursery",
    version=1,
    policy=CallPolicy(breaker_calls=10, breaker_rest_ms=300, backoff_ms=10, timeout_ms=500, breaker_slow_ms=400),
):
    """The nursery."""

    @get("/plants/{plant_id}")
    async def read(self, plant_id: UUID) -> Plant: ...

    @get("/plants/{plant_id}", cached=True)
    async def read_cached(self, plant_id: UUID) -> Plant: ...

    @get("/plants/{plant_id}", hedged=True)
    async def read_hedged(self, plant_id: UUID) -> Plant: ...

    @get("/plants")
    async def search(self, colour: str | None = None, *, tall: bool = False, tags: Tags = ()) -> list[Plant]: ...

    @put("/orders/{order_id}")
    async def order(self, order_id: UUID, body: Wish) -> None: ...

    @post("/orders")
    async def buy(self, body: Wish) -> Plant: ...

    @post("/gifts", keyed=True)
    async def give(self, body: Wish) -> Plant: ...

    @delete("/orders/{order_id}")
    async def cancel(self, order_id: str) -> None: ...


Nursery = Annotated[NurseryClient, Depends(NurseryClient.current)]


class Settings(CallingSettings):
    model_config = service_settings("florist")
    nursery: Upstream


router = Router(prefix="/bouquets", version=1, dependencies=[anyone])


@router.get("/{plant_id}")
async def bouquet(plant_id: UUID, nursery: Nursery) -> Plant:
    return await nursery.read(plant_id)


@router.get("/{plant_id}/cached")
async def cached(plant_id: UUID, nursery: Nursery) -> Plant:
    return await nursery.read_cached(plant_id)


@router.get("/{plant_id}/hedged")
async def hedged(plant_id: UUID, nursery: Nursery) -> Plant:
    return await nursery.read_hedged(plant_id)


@router.get("/{plant_id}/handled")
async def handled(plant_id: UUID, nursery: Nursery) -> Plant:
    try:
        return await nursery.read(plant_id)
    except UpstreamRefused as refused:
        raise Conflict(f"no plant: {refused.status} {refused.slug}") from None


@router.get("/all/plants")
async def plants(nursery: Nursery) -> list[Plant]:
    return await nursery.search("dark red", tall=True, tags=("a&b", "c"))


@router.get("/all/idle")
async def idle() -> Plant:
    await asyncio.sleep(0.03)  # as a route waits for its database
    return Plant(name="nothing is called")


@router.post("/cancelled/{order_id}")
async def cancel(order_id: str, nursery: Nursery) -> None:
    await nursery.cancel(order_id)


@router.post("")
async def buy(nursery: Nursery) -> Plant:
    return await nursery.buy(Wish(stems=1))


@router.post("/gifts")
async def give(nursery: Nursery) -> Plant:
    return await nursery.give(body=Wish(stems=2))


def create() -> Application:
    return create_app(service="florist", settings=Settings, routers=[router], clients=[NurseryClient])


def settings(url: str, **nursery: object) -> Settings:
    """Return settings that name the nursery at `url`."""
    upstream = Upstream.model_validate({"url": url, **nursery})
    return Settings(port=0, nursery=upstream)
