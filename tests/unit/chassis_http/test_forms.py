"""Forms as bodies: strict in their form, and validated like any other."""

from contextlib import suppress
from typing import Annotated, Literal
from urllib.parse import urlencode

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, RootModel
from tests.unit.chassis_http.sample_service import Settings, client

from arnia.chassis.application import create_app
from arnia.chassis.forms import Form, FormBody, parse_form
from arnia.chassis.routing import Router
from arnia.chassis.security import anyone
from arnia.errors import InvalidContent, MalformedRequest

MEDIA_TYPE = "application/x-www-form-urlencoded"


class Password(FormBody):
    """One of two grants."""

    grant_type: Literal["password"]
    username: str = Field(max_length=10)
    resource: tuple[str, ...] = ()


class Refresh(FormBody):
    """The other."""

    grant_type: Literal["refresh_token"]
    refresh_token: str


class Grant(RootModel[Annotated[Password | Refresh, Field(discriminator="grant_type")]]):
    """Either."""


router = Router(prefix="/forms", tags=["forms"], dependencies=[anyone])


@router.post("/password", status_code=200)
async def log_in(form: Form[Password]) -> dict[str, object]:
    """Show what was understood."""
    return form.model_dump()


@router.post("/grant", status_code=200)
async def grant(form: Form[Grant]) -> dict[str, object]:
    """Show what was understood."""
    return form.root.model_dump()


application = create_app(service="sample", settings=Settings, routers=[router])


async def posted(path: str, body: bytes, media_type: str = MEDIA_TYPE, **settings: object) -> httpx2.Response:
    """Send `body` as a form."""
    async with client(application, **settings) as service:
        return await service.post(path, content=body, headers={"content-type": media_type})


async def test_form_is_read_into_its_model() -> None:
    """Escapes and plus signs are decoded; a list takes every value; what the model does not know is ignored."""
    answer = await posted("/forms/password", b"grant_type=password&username=a+%C3%A9&resource=x&resource=y&other=1")
    assert answer.status_code == 200
    assert answer.json() == {"grant_type": "password", "username": "a é", "resource": ["x", "y"]}


async def test_one_member_may_tell_several_forms_apart() -> None:
    """A discriminated union is read by its tag, and a tag that there is not is 422."""
    known = await posted("/forms/grant", b"grant_type=refresh_token&refresh_token=r")
    assert known.json() == {"grant_type": "refresh_token", "refresh_token": "r"}
    listed = await posted("/forms/grant", b"grant_type=password&username=a&resource=x")
    assert listed.json()["resource"] == ["x"]
    unknown = await posted("/forms/grant", b"grant_type=canary")
    assert (unknown.status_code, unknown.json()["errors"][0]["code"]) == (422, "union-tag-invalid")
    assert "canary" not in unknown.text


@pytest.mark.parametrize("body", [b"", b"&&", b"username=&grant_type"])
async def test_member_without_a_value_was_not_sent(body: bytes) -> None:
    """An empty form, like empty members, is told what is missing."""
    answer = await posted("/forms/password", body)
    assert answer.status_code == 422
    assert [(each["pointer"], each["code"]) for each in answer.json()["errors"]] == [
        ("#/grant_type", "missing"),
        ("#/username", "missing"),
    ]


@pytest.mark.parametrize(
    "body", [b"username=a&username=b", b"username=&username=b", b"x=1&user%6eame=a&username=b", b"x&x"]
)
async def test_repeated_member_is_refused(body: bytes) -> None:
    """A member that came twice has no meaning on which two readers agree (RFC 6749, 3.1), known or not."""
    answer = await posted("/forms/password", b"grant_type=password&" + body)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "repeated")


@pytest.mark.parametrize(
    "body", [b"username=%ff", b"username=\xff", b"username=%zz", b"a=%", b"a=%00", b"%00=a", b"a&" * 1001]
)
async def test_ill_formed_form_is_400(body: bytes) -> None:
    """Bytes that are no form in UTF-8 are refused before a model sees them."""
    answer = await posted("/forms/password", b"grant_type=password&" + body)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")


@pytest.mark.parametrize(
    "media_type", ["application/json", "multipart/form-data", "text/plain", MEDIA_TYPE + ";charset=latin1"]
)
async def test_only_a_form_is_a_form(media_type: str) -> None:
    """Another media type or character set is 415."""
    answer = await posted("/forms/password", b"grant_type=password&username=a", media_type)
    assert answer.status_code == 415


async def test_form_has_the_bound_of_every_body() -> None:
    """A form larger than the service reads is 413."""
    answer = await posted("/forms/password", b"username=" + b"a" * 2000, max_body_bytes=1024)
    assert answer.status_code == 413


def test_document_describes_the_form() -> None:
    """OpenAPI shows the members under the media type of a form."""
    content = application.fastapi().openapi()["paths"]["/forms/password"]["post"]["requestBody"]["content"]
    assert content == {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Password"}}}


@given(st.dictionaries(st.text(min_size=1), st.text(min_size=1)))
def test_what_is_encoded_is_read(members: dict[str, str]) -> None:
    """Whatever a client encodes comes back equal, unless it holds U+0000."""
    if "\x00" in "".join([*members, *members.values()]):
        with pytest.raises(MalformedRequest):
            parse_form(urlencode(members).encode())
    else:
        assert parse_form(urlencode(members).encode()) == members


@given(st.binary())
def test_no_bytes_break_the_reader(raw: bytes) -> None:
    """Any bytes are read or refused with an error of the tree."""
    with suppress(MalformedRequest, InvalidContent):
        parse_form(raw)
