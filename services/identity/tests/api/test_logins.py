"""Users: passwords, codes, refresh tokens, and what takes them back."""

import asyncio
import secrets
from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from services.identity.tests.parties import (
    ACCESS_TOKEN,
    BFF_SECRET,
    CALLBACK,
    DRONE_SECRET,
    EXCHANGE,
    ISSUER,
    PASSWORD,
    SECRET,
    Document,
    basic,
    challenge,
    claims_of,
)

from identity.models.grants import digest_of

CREATE_CODE = """
INSERT INTO authorization_codes (digest, login_id, user_id, client_id, redirect_uri, challenge, nonce,
    scopes, audiences, authenticated_at, expires_at)
SELECT $1, $2, id, $3, $4, $5, 'n-1', $6, $7, $8, $9 FROM users WHERE username = 'maia'
"""
VERIFIER = "v" * 43


async def log_in(http: httpx.AsyncClient, username: str = "maia", **changes: str) -> Document:
    """Return what the password of a user gives."""
    form = {"grant_type": "password", "client_id": "arnia", "username": username, "password": PASSWORD}
    answer = await http.post("/token", data=form | changes)
    assert answer.status_code == 200, answer.text
    found: Document = answer.json()
    return found


async def renew(http: httpx.AsyncClient, refresh_token: object, **changes: str) -> httpx.Response:
    """Send a refresh token."""
    form = {"grant_type": "refresh_token", "client_id": "arnia", "refresh_token": str(refresh_token)}
    return await http.post("/token", data=form | changes)


async def works(http: httpx.AsyncClient, token: object) -> bool:
    """Tell whether an access token is taken at `/userinfo`."""
    return (await http.get("/userinfo", headers={"Authorization": f"Bearer {token}"})).status_code == 200


async def make_code(database_url: str, *, client: str = "arnia", seconds: float = 60) -> str:
    """Put a code for maia where `/authorize` would have put it, and return it."""
    code, now = secrets.token_urlsafe(32), datetime.now(UTC)
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        CREATE_CODE,
        digest_of(code),
        uuid4(),
        client,
        CALLBACK,
        challenge(VERIFIER),
        ["openid", "email", "deliveries:read"],
        ["delivery"],
        now,
        now + timedelta(seconds=seconds),
    )
    await connection.close()
    return code


async def redeem(http: httpx.AsyncClient, code: str, **changes: str) -> httpx.Response:
    """Send a code."""
    form = {
        "grant_type": "authorization_code",
        "client_id": "arnia",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    }
    return await http.post("/token", data=form | changes)


def refused(answer: httpx.Response, error: str = "invalid_grant") -> bool:
    """Tell whether an answer is the refusal `error`."""
    return (answer.status_code, answer.json().get("error")) == (400, error)


async def test_a_password_gives_tokens_with_roles(http: httpx.AsyncClient) -> None:
    """The access token names the user, the roles and the login; the ID token is for the OAuth client."""
    told = await log_in(http, "operator", scope="openid profile email users:manage", audience="identity")
    claims = claims_of(str(told["access_token"]))
    assert str(UUID(str(claims["sub"]))) == claims["sub"]
    assert claims["roles"] == ["customer", "operator"]
    assert claims["scope"] == "email openid profile users:manage"
    assert claims["aud"] == "identity"
    assert str(UUID(str(claims["sid"]))) == claims["sid"]
    keys = KeySet.import_key_set((await http.get("/.well-known/jwks.json")).json())
    identity = jwt.decode(str(told["id_token"]), keys, algorithms=["ES256"])
    assert identity.header["typ"] == "JWT"
    assert (identity.claims["iss"], identity.claims["aud"], identity.claims["sub"]) == (ISSUER, "arnia", claims["sub"])
    assert identity.claims["preferred_username"] == "operator"
    assert not await works(http, told["id_token"])


async def test_userinfo_tells_what_the_scopes_allow(http: httpx.AsyncClient) -> None:
    """Without `email` there is no address, without `openid` no answer, and without a token a challenge."""
    full = await log_in(http, scope="openid profile email")
    little = await log_in(http, scope="openid")
    answers = [
        await http.get("/userinfo", headers={"Authorization": f"Bearer {each['access_token']}"})
        for each in (full, little, await log_in(http, scope="deliveries:read"))
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 403]
    assert answers[0].json()["email"] == "maia@example.org"
    assert answers[0].json()["preferred_username"] == "maia"
    assert answers[1].json().keys() == {"sub"}
    nobody = await http.get("/userinfo")
    assert nobody.status_code == 401
    assert nobody.headers["www-authenticate"].startswith("Bearer")


async def test_a_wrong_password_is_like_an_unknown_user(http: httpx.AsyncClient) -> None:
    """Whoever guesses learns nothing from the answer."""
    answers = [
        await http.post(
            "/token",
            data={"grant_type": "password", "client_id": "arnia", "username": username, "password": password},
        )
        for username, password in (("willi", "wrong"), ("nobody", PASSWORD), ("willi", "x" * 2000), ("WILLI", PASSWORD))
    ]
    assert all(refused(answer) for answer in answers)
    assert len({answer.text for answer in answers}) == 1


async def test_only_our_own_clients_send_passwords(http: httpx.AsyncClient) -> None:
    """A partner's client is not registered for it."""
    form = {"grant_type": "password", "username": "maia", "password": PASSWORD}
    assert refused(await http.post("/token", data=form, headers=basic("partner", SECRET)), "unauthorized_client")


async def test_a_refresh_token_is_good_once(http: httpx.AsyncClient) -> None:
    """It gives the next one and the same login; used again it ends the login, and what the login gave."""
    first = await log_in(http)
    second = (await renew(http, first["refresh_token"])).json()
    assert second["scope"] == first["scope"]
    assert claims_of(second["access_token"])["sid"] == claims_of(str(first["access_token"]))["sid"]
    assert second["refresh_token"] != first["refresh_token"]
    assert await works(http, second["access_token"])
    assert refused(await renew(http, first["refresh_token"]))
    assert refused(await renew(http, second["refresh_token"]))
    assert not await works(http, second["access_token"])


async def test_a_refresh_token_gives_no_more_than_the_login(http: httpx.AsyncClient) -> None:
    """Scopes and audiences shrink for one token, never grow, and another client has no use for it."""
    told = await log_in(http, scope="openid deliveries:read", audience="delivery")
    less = (await renew(http, told["refresh_token"], scope="deliveries:read")).json()
    assert less["scope"] == "deliveries:read"
    again = (await renew(http, less["refresh_token"])).json()
    assert again["scope"] == "deliveries:read openid"
    assert refused(await renew(http, again["refresh_token"], scope="deliveries:write"), "invalid_scope")
    assert refused(await renew(http, again["refresh_token"], audience="bff"), "invalid_target")
    form = {"grant_type": "refresh_token", "refresh_token": again["refresh_token"]}
    assert refused(await http.post("/token", data=form, headers=basic("partner", SECRET)))
    assert (await renew(http, again["refresh_token"])).status_code == 200
    assert refused(await renew(http, "nothing of ours"))


async def test_a_refresh_token_used_20_times_at_once(http: httpx.AsyncClient) -> None:
    """At most one gets new tokens, and afterwards nothing of the login is good."""
    told = await log_in(http)
    answers = await asyncio.gather(*(renew(http, told["refresh_token"]) for _ in range(20)))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 400: 19}
    (won,) = (answer.json() for answer in answers if answer.status_code == 200)
    assert refused(await renew(http, won["refresh_token"]))


async def test_a_code_gives_tokens_once(http: httpx.AsyncClient, database_url: str) -> None:
    """With the verifier a code gives tokens and an ID token with the nonce; a second use ends what the first gave."""
    code = await make_code(database_url)
    told = (await redeem(http, code)).json()
    assert told["scope"] == "deliveries:read email openid"
    assert claims_of(told["access_token"])["aud"] == "delivery"
    identity = claims_of(told["id_token"])
    assert (identity["nonce"], identity["aud"], identity["email"]) == ("n-1", "arnia", "maia@example.org")
    assert refused(await redeem(http, code))
    assert refused(await renew(http, told["refresh_token"]))


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": "w" * 43},
        {"code_verifier": ""},
        {"code_verifier": challenge(VERIFIER)},
        {"code_verifier": "v" * 42},
        {"redirect_uri": CALLBACK + "/"},
        {"redirect_uri": ""},
    ],
)
async def test_a_code_is_of_no_use_to_a_thief(
    http: httpx.AsyncClient, database_url: str, changes: dict[str, str]
) -> None:
    """Another verifier or another address gives nothing, and there is no second try."""
    code = await make_code(database_url)
    assert refused(await redeem(http, code, **changes))
    assert refused(await redeem(http, code))


async def test_a_code_is_one_clients_and_of_one_minute(http: httpx.AsyncClient, database_url: str) -> None:
    """Another client can neither use it nor use it up; after its time it gives nothing."""
    code = await make_code(database_url)
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    assert refused(await http.post("/token", data=form, headers=basic("partner", SECRET)))
    assert (await redeem(http, code)).status_code == 200
    assert refused(await redeem(http, await make_code(database_url, seconds=-1)))
    assert refused(await redeem(http, "never made"))


async def test_a_code_redeemed_20_times_at_once(http: httpx.AsyncClient, database_url: str) -> None:
    """One gets tokens, and all of them are taken back, as nobody knows who was first."""
    code = await make_code(database_url)
    answers = await asyncio.gather(*(redeem(http, code) for _ in range(20)))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 400: 19}
    (won,) = (answer.json() for answer in answers if answer.status_code == 200)
    assert refused(await renew(http, won["refresh_token"]))
    headers = basic("bff", BFF_SECRET)
    told = await http.post("/introspect", data={"token": won["access_token"]}, headers=headers)
    assert told.json() == {"active": False}


async def exchanged(http: httpx.AsyncClient, token: object, **changes: str) -> httpx.Response:
    """Exchange a token as the bff."""
    form = {
        "grant_type": EXCHANGE,
        "subject_token": str(token),
        "subject_token_type": ACCESS_TOKEN,
        "audience": "delivery",
    }
    return await http.post("/token", data=form | changes, headers=basic("bff", BFF_SECRET))


async def test_a_service_acts_for_a_user(http: httpx.AsyncClient) -> None:
    """The bff gets, for the token that it was called with, one for delivery: fewer scopes, no longer, and who acts."""
    told = await log_in(http)
    await asyncio.sleep(1.1)  # else a whole new life would end in the same second
    answer = await exchanged(http, told["access_token"], scope="deliveries:read deliveries:write")
    assert answer.json()["issued_token_type"] == ACCESS_TOKEN
    assert "refresh_token" not in answer.json()
    before, claims = claims_of(str(told["access_token"])), claims_of(answer.json()["access_token"])
    assert (claims["aud"], claims["scope"], claims["client_id"]) == ("delivery", "deliveries:read", "bff")
    assert (claims["sub"], claims["sid"], claims["roles"]) == (before["sub"], before["sid"], ["customer"])
    assert claims["act"] == {"sub": "bff"}
    assert int(str(claims["exp"])) <= int(str(before["exp"]))
    assert claims["jti"] != before["jti"]


async def test_only_what_was_meant_for_a_service_is_exchanged(http: httpx.AsyncClient) -> None:
    """A token for somebody else, a token that is none, a scope that the user did not give: nothing."""
    told = await log_in(http)
    other = await log_in(http, audience="delivery")
    assert refused(await exchanged(http, other["access_token"]))
    assert refused(await exchanged(http, "a.b.c"))
    assert refused(await exchanged(http, told["id_token"]))
    assert refused(await exchanged(http, told["refresh_token"]))
    assert refused(await exchanged(http, told["access_token"], audience="drone"), "invalid_scope")
    assert refused(await exchanged(http, told["access_token"], audience="telemetry"), "invalid_target")
    kinds = {"subject_token_type": "urn:ietf:params:oauth:token-type:saml2"}
    assert refused(await exchanged(http, told["access_token"], **kinds), "invalid_request")
    assert refused(await exchanged(http, told["access_token"], actor_token="x"), "invalid_request")


async def test_what_was_revoked_is_not_exchanged(http: httpx.AsyncClient) -> None:
    """A token whose login ended gives no other one, at once."""
    told = await log_in(http)
    assert (await exchanged(http, told["access_token"])).status_code == 200
    form = {"token": str(told["refresh_token"]), "client_id": "arnia"}
    assert (await http.post("/revoke", data=form)).status_code == 200
    assert refused(await exchanged(http, told["access_token"]))


async def test_a_token_is_told_to_whom_it_is_for(http: httpx.AsyncClient) -> None:
    """Introspection answers the audience, nobody else, and never a client without a secret."""
    told = await log_in(http)
    token = {"token": str(told["access_token"])}
    audience = (await http.post("/introspect", data=token, headers=basic("bff", BFF_SECRET))).json()
    assert audience["active"] is True
    assert audience["client_id"] == "arnia"
    assert audience["scope"] == told["scope"]
    for client, secret in (("drone", DRONE_SECRET), ("scheduler", SECRET)):
        other = await http.post("/introspect", data=token, headers=basic(client, secret))
        assert other.json() == {"active": False}
    assert refused(await http.post("/introspect", data={**token, "client_id": "arnia"}), "unauthorized_client")
    assert (await http.post("/introspect", data=token)).status_code == 401


async def test_a_client_takes_back_its_own_tokens_only(http: httpx.AsyncClient) -> None:
    """One access token, or a login with all of its tokens; not another client's, and nobody is told which exist."""
    told = await log_in(http)
    access, refresh = str(told["access_token"]), str(told["refresh_token"])
    for token in (access, refresh, "unknown"):
        stranger = await http.post("/revoke", data={"token": token}, headers=basic("scheduler", SECRET))
        assert stranger.status_code == 200
    assert await works(http, access)
    assert (await http.post("/revoke", data={"token": access, "client_id": "arnia"})).status_code == 200
    assert not await works(http, access)
    renewed = (await renew(http, refresh)).json()
    assert await works(http, renewed["access_token"])
    revoked = {"token": renewed["refresh_token"], "client_id": "arnia", "token_type_hint": "refresh_token"}
    assert (await http.post("/revoke", data=revoked)).status_code == 200
    assert not await works(http, renewed["access_token"])
    assert refused(await renew(http, renewed["refresh_token"]))


async def test_the_metadata_leads_everywhere(http: httpx.AsyncClient) -> None:
    """Both documents say the same, name this issuer, and only paths that exist."""
    documents = [
        (await http.get(f"/.well-known/{name}")).json()
        for name in ("openid-configuration", "oauth-authorization-server")
    ]
    assert documents[0] == documents[1]
    told = documents[0]
    assert told["issuer"] == ISSUER
    assert told["id_token_signing_alg_values_supported"] == ["ES256"]
    assert told["code_challenge_methods_supported"] == ["S256"]
    assert told["authorization_response_iss_parameter_supported"] is True
    for name, url in told.items():
        if name.endswith(("_endpoint", "_uri")):
            assert url.startswith(ISSUER)
            assert (await http.options(url.removeprefix(ISSUER))).status_code == 204
