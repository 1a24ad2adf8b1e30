"""Integers beyond 64 bits are refused where they come in, wherever that is."""

from functools import cache
from typing import Annotated, Any

import httpx2
import pytest
from fastapi import Depends, Query
from pydantic import BaseModel, Field
from tests.unit.chassis_http.sample_service import Settings

from arnia.chassis.application import create_app
from arnia.chassis.cursors import CollectionQuery
from arnia.chassis.forms import Form, FormBody
from arnia.chassis.integers import LARGEST, SMALLEST
from arnia.chassis.patches import Patch
from arnia.chassis.preconditions import Precondition
from arnia.chassis.replies import Reply, no_content
from arnia.chassis.routing import Router
from arnia.chassis.schemas import Body
from arnia.chassis.security import anyone
from arnia.chassis.spine import Spine


class Part(Body):
    """A model inside another."""

    size: int | None = None


class Crate(Body):
    """Integers in every shape."""

    count: int = 0
    counts: list[int] = []  # noqa: RUF012 - Pydantic copies it
    by_name: dict[str, int] = {}  # noqa: RUF012 - Pydantic copies it
    part: Part | None = None
    parts: tuple[Part, ...] = ()
    inner: "Crate | None" = None
    small: int = Field(default=1, ge=1, le=9)
    above: int = Field(default=1, gt=0)


class CrateForm(FormBody):
    """The same as a form."""

    count: int = 0


class CrateQuery(CollectionQuery):
    """The same as a query."""

    count: int | None = None


class Loose(BaseModel):
    """A model that no base of the chassis bounds."""

    count: int = 0


class Holder(Body):
    """A bounded model with one that is not."""

    loose: Loose


async def counted(dependent: int = 0) -> int:
    """Read a parameter in a dependency."""
    return dependent


router = Router(prefix="/crates", tags=["crates"], dependencies=[anyone])


@router.get("")
async def find(query: Annotated[CrateQuery, Query()]) -> Reply[None]:
    """Read a query of several parameters."""
    return no_content()


@router.get("/{number}")
async def read(
    number: int,
    _: Annotated[int, Depends(counted)],
    plain: int = 0,
    many: Annotated[list[int], Query()] = [],  # noqa: B006 - FastAPI copies it
) -> Reply[None]:
    """Read integers everywhere."""
    return no_content()


@router.post("")
async def add(body: Crate) -> Reply[None]:
    """Read a body."""
    return no_content()


@router.post("/form")
async def add_form(body: Form[CrateForm]) -> Reply[None]:
    """Read a form."""
    return no_content()


@router.patch("/{number}")
async def change(number: int, patch: Patch[Crate], precondition: Precondition) -> Reply[None]:
    """Read a patch."""
    patch.apply(Crate())
    return no_content()


application = create_app(service="sample", settings=Settings, routers=[router])


@cache
def served() -> Spine:
    """Return the service, which is made once."""
    return application.asgi(Settings(port=1))


async def asked(method: str, target: str, **sent: Any) -> httpx2.Response:
    """Send one request."""
    transport = httpx2.ASGITransport(served())
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as service:
        return await service.request(method, target, **sent)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"count": "N"}, "#/count"),
        ({"counts": [1, "N"]}, "#/counts/1"),
        ({"by_name": {"a": "N"}}, "#/by_name/a"),
        ({"part": {"size": "N"}}, "#/part/size"),
        ({"parts": [{"size": "N"}]}, "#/parts/0/size"),
        ({"inner": {"inner": {"count": "N"}}}, "#/inner/inner/count"),
        ({"above": "N"}, "#/above"),
    ],
)
@pytest.mark.parametrize("number", [LARGEST + 1, SMALLEST - 1, 10**400])
async def test_integer_in_a_body_has_64_bits(body: dict[str, object], pointer: str, number: int) -> None:
    """However deep it stands, a larger one is a 422 that names the place, in a body and in a patch."""
    raw = str(body).replace("'N'", str(number)).replace("'", '"').encode()
    for method, path, media in (("POST", "/crates", "json"), ("PATCH", "/crates/1", "merge-patch+json")):
        fields = {"content-type": f"application/{media}", "if-match": "*"}
        answer = await asked(method, path, content=raw, headers=fields)
        assert answer.status_code == 422
        assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]


async def test_integer_at_the_bound_is_read() -> None:
    """The largest and the smallest number of 64 bits are what they are; a model's own bounds stay."""
    for number in (LARGEST, SMALLEST):
        assert (await asked("POST", "/crates", json={"count": number})).status_code == 204
        assert (await asked("GET", f"/crates/{number}?plain={number}")).status_code == 204
    assert (await asked("POST", "/crates", json={"small": 10})).status_code == 422


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("/crates/{}", "number"),
        ("/crates/1?plain={}", "plain"),
        ("/crates/1?many=1&many={}", "many"),
        ("/crates/1?dependent={}", "dependent"),
        ("/crates?count={}", "count"),
    ],
)
async def test_integer_in_a_parameter_has_64_bits(target: str, name: str) -> None:
    """In the path, in the query and in a dependency, a larger one is a 422 that names the parameter."""
    answer = await asked("GET", target.format(LARGEST + 1))
    assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (422, name)


async def test_integer_in_a_form_has_64_bits() -> None:
    """A larger one is a 422 that names the member."""
    answer = await asked("POST", "/crates/form", data={"count": str(LARGEST + 1)})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "#/count")


async def test_document_shows_the_bounds() -> None:
    """OpenAPI says int64 with both bounds, for bodies and parameters alike."""
    document = (await asked("GET", "/openapi.json")).json()
    bounds = {"type": "integer", "format": "int64", "minimum": SMALLEST, "maximum": LARGEST}
    count = document["components"]["schemas"]["Crate"]["properties"]["count"]
    assert bounds.items() <= count.items()
    for path, name in (
        ("/crates/{number}", "number"),
        ("/crates/{number}", "plain"),
        ("/crates/{number}", "dependent"),
    ):
        (found,) = [each["schema"] for each in document["paths"][path]["get"]["parameters"] if each["name"] == name]
        assert bounds.items() <= found.items()
    (found,) = [each["schema"] for each in document["paths"]["/crates"]["get"]["parameters"] if each["name"] == "count"]
    assert bounds.items() <= found["anyOf"][0].items()


def test_model_that_nobody_bounds_ends_the_start() -> None:
    """A body with an int that could have any size is refused at the start, and so are such parameters."""
    loose = Router(prefix="/loose", tags=["loose"], dependencies=[anyone])

    @loose.post("")
    async def take(body: Holder) -> Reply[None]:
        return no_content()

    with pytest.raises(TypeError, match="POST /loose reads an int without bounds"):
        create_app(service="sample", settings=Settings, routers=[loose]).asgi(Settings.model_validate({"port": 1}))
    with pytest.raises(TypeError, match="Loose, the parameters of /loose"):

        @loose.get("")
        async def ask(query: Annotated[Loose, Query()]) -> Reply[None]:
            return no_content()
