"""The service: brews by their steps, and a question that needs no memory at all."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from arnia.chassis.application import Application, create_app
from arnia.chassis.patches import Patch
from arnia.chassis.preconditions import Precondition
from arnia.chassis.process import run
from arnia.chassis.replies import Reply, created, no_content, ok
from arnia.chassis.routing import Router
from arnia.chassis.security import anyone
from arnia.chassis.settings import ServiceSettings, service_settings
from arnia.chassis.uuids import uuid7
from arnia.chassis.versions import ApiVersion
from arnia.errors import InvalidContent, Violation
from kettle.brews import (
    STEPS,
    BoilingPoint,
    BrewBody,
    BrewReplacement,
    Brews,
    BrewView,
    StepBody,
    StepView,
)


class Settings(ServiceSettings):
    """Settings of the service."""

    model_config = service_settings("kettle")


def _members(brews: Brews) -> Router:
    router = Router(version=1, prefix="/brews", tags=["brews"], dependencies=[anyone])

    @router.post("")
    async def create_brew(body: BrewBody, wanted: Precondition) -> Reply[BrewView]:
        """Put the kettle on."""
        brew, _ = brews.put(uuid7(), body, wanted)
        return created(brew.view(), location=brew.location, etag=brew.etag)

    @router.get("/{brew_id}")
    async def read_brew(brew_id: UUID) -> Reply[BrewView]:
        """Read a brew."""
        brew = brews.get(brew_id)
        return ok(brew.view(), etag=brew.etag)

    @router.put("/{brew_id}")
    async def put_brew(brew_id: UUID, body: BrewReplacement, wanted: Precondition) -> Reply[BrewView]:
        """Put the kettle on, or something else into it."""
        if body.id not in {None, brew_id}:
            detail = "The identity in the body differs from the one in the URL."
            raise InvalidContent(detail, violations=[Violation(detail=detail, code="same-identity", pointer="#/id")])
        brew, new = brews.put(brew_id, BrewBody(leaf=body.leaf, cups=body.cups), wanted)
        if new:
            return created(brew.view(), location=brew.location, etag=brew.etag)
        return no_content(etag=brew.etag)

    @router.patch("/{brew_id}")
    async def patch_brew(brew_id: UUID, patch: Patch[BrewBody], wanted: Precondition) -> Reply[BrewView]:
        """Change some of a brew."""
        brew = brews.get(brew_id)
        wanted.check(brew.etag)
        brew, _ = brews.put(brew_id, patch.apply(brew.body), wanted)
        return ok(brew.view(), etag=brew.etag)

    @router.delete("/{brew_id}")
    async def delete_brew(brew_id: UUID, wanted: Precondition) -> Reply[None]:
        """Pour a brew away."""
        brews.remove(brew_id, wanted)
        return no_content()

    return router


def _steps(brews: Brews, step: str) -> Router:
    router = Router(version=1, prefix=f"/brews/{{brew_id}}/{step}", tags=["brews"], dependencies=[anyone])

    @router.get("", name=f"read_{step}")
    async def read_step(brew_id: UUID) -> Reply[StepView]:
        """Read what was said of a step."""
        brew, note = brews.note(brew_id, step)
        return ok(StepView(note=note), etag=brew.etag)

    @router.put("", name=f"put_{step}")
    async def put_step(brew_id: UUID, body: StepBody, wanted: Precondition) -> Reply[StepView]:
        """Take a step."""
        brew, new = brews.proceed(brew_id, step, body.note, wanted)
        if new:
            return created(StepView(note=body.note), location=f"{brew.location}/{step}", etag=brew.etag)
        return no_content(etag=brew.etag)

    return router


def _questions() -> Router:
    router = Router(version=1, prefix="/boiling-point", tags=["questions"], dependencies=[anyone])

    @router.get("")
    async def read_boiling_point(
        metres: Annotated[int, Query(ge=0, le=9000, description="Above the sea.")] = 0,
    ) -> Reply[BoilingPoint]:
        """Say when the water boils."""
        return ok(BoilingPoint(celsius=100 - metres / 300), etag=f"of-{metres}")

    return router


def create() -> Application:
    """Return the service."""
    brews = Brews()
    routers = [_members(brews), *(_steps(brews, step) for step in STEPS), _questions()]
    return create_app(service="kettle", settings=Settings, routers=routers, versions=[ApiVersion(major=1)])


if __name__ == "__main__":
    run(create)
