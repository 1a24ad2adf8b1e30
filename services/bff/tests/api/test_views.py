"""Both views over HTTP, the owners of what is shown being applications in this process."""

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import httpx
import pytest
from pydantic import SecretStr
from services.bff.tests.upstreams import FIRST, Owners

from arnia.chassis.transport_httpx import HttpxTransport
from arnia.chassis.transports import Transport
from arnia.chassis.upstreams import Upstream
from arnia.testing.http import Lifespan
from arnia.testing.issuer import TestIssuer
from bff.config import Settings
from bff.main import create

WEB, MOBILE = "/bff/web/deliveries", "/bff/mobile/deliveries"


@pytest.fixture
def owners() -> Owners:
    """Return those who own what is shown."""
    return Owners()


@pytest.fixture
async def client(owners: Owners, issuer: TestIssuer) -> AsyncIterator[httpx.AsyncClient]:
    """Return a customer's client of the running service."""
    nowhere = Upstream(url="http://127.0.0.1:9", backoff_ms=1)
    settings = Settings(
        port=0,
        issuer=issuer.url,
        token_url=issuer.token_url,
        client_secret=SecretStr("never looked at"),
        delivery=nowhere,
        drone=nowhere,
    )
    transports: dict[str, Transport] = {
        "delivery": HttpxTransport.to(owners.delivery()),
        "drone": HttpxTransport.to(owners.drone()),
    }
    spine = replace(create(), transports=transports).asgi(settings)
    token = issuer.token(audience="bff", subject="ada", scopes=["deliveries:read", "drones:read"], roles=["customer"])
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        Lifespan(spine),
        httpx.AsyncClient(transport=httpx.ASGITransport(spine), base_url="http://bff", headers=headers) as client,
    ):
        yield client


@pytest.mark.parametrize("path", [WEB, MOBILE])
async def test_one_view_one_call_to_each(client: httpx.AsyncClient, owners: Owners, path: str) -> None:
    """However many deliveries a view shows, it costs at most one call to each service, found by its trace (R103)."""
    for target in (path, f"{path}?limit=2", f"{path}/{FIRST}"):
        owners.traces.clear()
        trace = f"{len(target):032x}"
        answer = await client.get(target, headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
        assert answer.status_code == 200
        assert owners.traces == {("delivery", trace): 1, ("drone", trace): 1}


@pytest.mark.parametrize("target", ["", f"/{FIRST}"])
async def test_mobile_is_at_most_half_of_web(client: httpx.AsyncClient, target: str) -> None:
    """Two shapes of one view: both know the drone, and mobile needs at most half the bytes (R107)."""
    web, mobile = await client.get(WEB + target), await client.get(MOBILE + target)
    assert len(mobile.content) * 2 <= len(web.content)
    shown = [answer.json() if target else answer.json()["items"][0] for answer in (web, mobile)]
    assert [one["id"] for one in shown] == [str(FIRST)] * 2
    assert [one["drone"]["name"] for one in shown] == ["Maia", "Maia"]
    assert shown[0].keys() - shown[1].keys() >= {"pickup", "items", "created_at"}


@pytest.mark.parametrize("path", [WEB, MOBILE])
async def test_a_view_is_partial_while_a_part_is_missing(client: httpx.AsyncClient, owners: Owners, path: str) -> None:
    """Without the drone service a view is still a 200; it says what is missing, and nobody may keep it."""
    owners.down = {"drone"}
    for target in (path, f"{path}/{FIRST}"):
        answer = await client.get(target)
        assert (answer.status_code, answer.json()["missing"]) == (200, ["drone"])
        assert answer.headers["cache-control"] == "no-store"
        assert "etag" not in answer.headers
    owners.down = set()
    whole = await client.get(f"{path}/{FIRST}")
    assert not whole.json().get("missing")
    assert whole.headers["cache-control"] == "private, no-cache"


async def test_without_deliveries_there_is_no_view(client: httpx.AsyncClient, owners: Owners) -> None:
    """While the delivery service is down the answer is a 503 with Retry-After."""
    owners.down = {"delivery"}
    for target in (WEB, f"{WEB}/{FIRST}"):
        answer = await client.get(target)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


@pytest.mark.parametrize("path", [WEB, MOBILE])
async def test_who_has_no_such_delivery_is_told_so(client: httpx.AsyncClient, path: str) -> None:
    """The 404 of the delivery stays a 404, and a cursor that is none is a 422 that names it."""
    answer = await client.get(f"{path}/{UUID(int=77)}")
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/bff-delivery-not-found")
    answer = await client.get(path, params={"cursor": "made up"})
    assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (422, "cursor")


@pytest.mark.parametrize("path", [WEB, MOBILE])
async def test_a_view_that_did_not_change_is_not_sent_again(
    client: httpx.AsyncClient, owners: Owners, path: str
) -> None:
    """Lists and single views have entity tags: 304 while nothing changed in either service, then the new state."""
    for target in (path, f"{path}/{FIRST}"):
        tag = (await client.get(target)).headers["etag"]
        assert (await client.get(target, headers={"if-none-match": tag})).status_code == 304
        owners.deliveries[0]["status"] = f"changed {target}"
        changed = await client.get(target, headers={"if-none-match": tag})
        assert (changed.status_code, changed.headers["etag"] != tag) == (200, True)


async def test_pages_lead_on(client: httpx.AsyncClient) -> None:
    """Following `next` shows every delivery once; only the way is the bff's own."""
    seen, target = [], f"{MOBILE}?limit=2"
    while target:
        page = (await client.get(target)).json()
        seen += [one["id"] for one in page["items"]]
        target = page["_links"].get("next", {}).get("href")
        assert not target or target.startswith(MOBILE)
    assert seen == [str(UUID(int=number)) for number in (1, 2, 3)]


async def test_the_user_goes_on_and_the_users_token_does_not(client: httpx.AsyncClient, owners: Owners) -> None:
    """Each service gets a token for itself, with the user as its subject and the bff as the actor."""
    await client.get(f"{WEB}/{FIRST}")
    claims = [_claims(token) for token in owners.tokens]
    assert sorted(one["aud"] for one in claims) == ["delivery", "drone"]
    assert {(one["sub"], one["act"]["sub"]) for one in claims} == {("ada", "bff")}
    assert {one["scope"] for one in claims} == {"deliveries:read", "drones:read"}


def _claims(authorization: str) -> dict[str, Any]:
    part = authorization.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims
