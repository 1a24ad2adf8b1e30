"""What a type checker says of declared clients. Never run: mypy reads it, and every ignore must be needed."""

from typing import Annotated, assert_type
from uuid import UUID

from fastapi import Depends

from arnia.chassis.application import create_app
from arnia.chassis.client import CallPolicy, Client, Origin, Versioned, delete, get, patch, post, put
from arnia.chassis.context import Runtime
from arnia.chassis.errands import Errand
from arnia.chassis.schemas import Body, View
from arnia.chassis.settings import ServiceSettings, service_settings
from arnia.chassis.upstreams import CallingSettings, Upstream
from arnia.errors import UpstreamRefused


class Honey(View):
    grams: int


class Wish(Body):
    grams: int


class HiveClient(Client, service="hive", version=2, policy=CallPolicy(retries=1, timeout_ms=500)):
    @get("/honey/{honey_id}", scopes=("honey:read",), cached=True, as_user=True, hedged=True)
    async def read(self, honey_id: UUID) -> Honey: ...

    @get("/honey", cached=2.5)
    async def search(self, colour: str | None = None) -> list[Honey]: ...

    @put("/honey/{honey_id}", scopes=("honey:write",))
    async def keep(self, honey_id: UUID, body: Wish) -> Honey | None: ...

    @post("/honey", keyed=True)
    async def make(self, body: Wish, *, idempotency_key: str | None = None) -> Honey: ...

    @patch("/honey/{honey_id}", keyed=True)
    async def change(self, honey_id: UUID, body: Wish, if_match: str) -> Versioned[Honey]: ...

    @delete("/honey/{honey_id}")
    async def drop(self, honey_id: UUID) -> None: ...


class Settings(CallingSettings):
    model_config = service_settings("kitchen")
    hive: Upstream


Hive = Annotated[HiveClient, Depends(HiveClient.current)]


async def right(hive: Hive, honey_id: UUID) -> None:
    assert_type(await hive.read(honey_id), Honey)
    assert_type(await hive.search(), list[Honey])
    assert_type(await hive.keep(honey_id, Wish(grams=1)), Honey | None)
    assert_type((await hive.change(honey_id, Wish(grams=1), '"1-a"')).etag, str)
    assert_type((await hive.change(honey_id, Wish(grams=1), '"1-a"')).value, Honey)
    try:
        await hive.drop(honey_id)
    except UpstreamRefused as refused:
        assert_type(refused.status, int)


async def wrong(hive: Hive) -> None:
    await hive.read("one")  # type: ignore[arg-type] # an id is a UUID
    await hive.make(Honey(grams=1))  # type: ignore[arg-type] # what is read is not what is sent
    await hive.change(UUID(int=1), Wish(grams=1))  # type: ignore[call-arg] # of which version?
    await hive.fetch()  # type: ignore[attr-defined] # no such call
    (await hive.read(UUID(int=1))).colour  # type: ignore[attr-defined] # noqa: B018 - the view has no such field


class Unnamed(Client):  # type: ignore[call-arg] # which service?
    pass


CallPolicy(retry=1)  # type: ignore[call-arg] # the field is `retries`
CallPolicy(timeout_ms="soon")  # type: ignore[arg-type] # milliseconds are a number
Upstream(retries=1)  # type: ignore[call-arg] # where is it?
Origin()  # type: ignore[call-arg] # until when?
get("/honey", scopes="honey:read")  # type: ignore[arg-type] # scopes are a tuple
get("/honey", keyed=True)  # type: ignore[call-arg] # a read needs no key
create_app(service="kitchen", settings=Settings, routers=[], clients=[HiveClient])
create_app(service="kitchen", settings=ServiceSettings, routers=[], clients=["hive"])  # type: ignore[list-item] # a class


async def go_on(runtime: Runtime) -> None:
    errand = Errand(runtime, seconds=5)
    async with errand.session() as session:
        session.require_transaction()
    assert_type(errand.client(HiveClient), HiveClient)
    errand.client(Honey)  # type: ignore[type-var]  # no client
    Errand(runtime, 5)  # type: ignore[call-arg]  # seconds of what, the reader would ask
