"""Problem details: what is told, and what never is."""

import re
from dataclasses import replace
from typing import Annotated, Literal
from uuid import UUID

import orjson
import pytest
from pydantic import AnyUrl, BaseModel, Field, TypeAdapter, ValidationError
from starlette.exceptions import HTTPException
from tests.unit.chassis_http.sample_service import Settings, create

from arnia import errors
from arnia.chassis import problems

CANARY = "§canary-5ecret"


class Cat(BaseModel):
    """One of two."""

    kind: Literal["cat"]


class Dog(BaseModel):
    """The other."""

    kind: Literal["dog"]


class Sample(BaseModel):
    """Fields whose refusals repeat the input in pydantic's own words."""

    id: UUID
    link: AnyUrl
    count: int
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]
    mode: Literal["a", "b"]
    nested: dict[str, int]


def refused(document: object) -> list[errors.Violation]:
    """Return the violations of `document`."""
    with pytest.raises(ValidationError) as error:
        TypeAdapter(Sample).validate_python(document)
    return list(problems.violations(error.value.errors(), in_body=True))


def test_value_that_was_sent_is_never_repeated() -> None:
    """Whatever the model says of a value, the value is not in it."""
    told = refused(
        {
            "id": CANARY,
            "link": CANARY,
            "count": CANARY,
            "pet": {"kind": CANARY},
            "mode": CANARY,
            "nested": {"x": CANARY},
        }
    )
    assert len(told) == 6
    assert "§" not in str(told), "not even one character of it"
    assert {violation.pointer for violation in told} == {"#/id", "#/link", "#/count", "#/pet", "#/mode", "#/nested/x"}


def test_pointer_escapes_what_json_pointer_reserves() -> None:
    """A slash or a tilde in a member's name is escaped."""
    told = refused({"nested": {"a/b~c": "x"}})
    assert "#/nested/a~1b~0c" in {violation.pointer for violation in told}


def test_every_error_is_rendered_with_its_own_status_and_type() -> None:
    """Each leaf of the tree becomes a problem whose status is its code."""
    catalogue = {slug: kind for slug, kind in problems.catalogue().items() if kind.__module__ == "arnia.errors"}
    assert len(catalogue) >= 18
    for slug, kind in catalogue.items():
        response = problems.render(kind(), "t" * 32)
        told = orjson.loads(response.body)
        assert response.status_code == told["status"] == kind.status
        assert told["type"] == f"/problems/{slug}"
        assert told["trace_id"] == "t" * 32
        assert response.media_type == "application/problem+json"
        assert re.fullmatch(r"[a-z][a-z0-9-]*", slug)


@pytest.mark.parametrize(
    ("status", "slug"),
    [
        (404, "not-found"),
        (402, "payment-required"),
        (418, "i-m-a-teapot"),
        (429, "too-many-requests"),
        (501, "not-implemented"),
        (500, "internal-error"),
        (502, "bad-gateway"),
        (420, "status-420"),
    ],
)
def test_frameworks_errors_join_the_tree(status: int, slug: str) -> None:
    """What Starlette or FastAPI raises keeps its status and headers, has a type that resolves, and loses its words."""
    translated = problems.from_http_exception(HTTPException(status, CANARY, headers={"Allow": "GET"}))
    assert (translated.status, translated.slug) == (status, slug)
    assert problems.catalogue()[slug].status == status
    assert translated.headers["Allow"] == "GET"
    assert CANARY not in translated.detail


def test_own_leaf_appears_in_the_catalogue() -> None:
    """A service's own error is described under its own type."""

    class NoHoney(errors.Conflict):
        """The hive has no honey."""

        slug = "no-honey"

    assert problems.catalogue()["no-honey"] is NoHoney


def test_slug_that_the_edge_could_not_place_stops_the_start() -> None:
    """A service's own problems begin with its name, or the service does not start."""

    class NoWax(errors.Conflict):
        """The hive has no wax."""

        slug = "no-wax"

    NoWax.__module__ = "waxworks.models.errors"
    application = replace(create(), service="waxworks")
    with pytest.raises(ValueError, match="begin it with waxworks-"):
        application.asgi(Settings.model_validate({"port": 1}))
    NoWax.slug = "waxworks-no-wax"
    application.asgi(Settings.model_validate({"port": 1}))


def test_a_flood_of_violations_is_told_in_part() -> None:
    """All are counted, and no more than a hundred are listed: an answer is never many times its question."""
    with pytest.raises(ValidationError) as error:
        TypeAdapter(Sample).validate_python({"nested": dict.fromkeys(map(str, range(1000)), "x")})
    told = (problems.from_model(error.value), problems.from_validation(error.value.errors()))
    for each in told:
        assert len(each.violations) == problems.MOST_VIOLATIONS
        assert each.detail.startswith("1005 rule(s) broken in ")
        assert each.detail.endswith("The first 100 are listed.")
