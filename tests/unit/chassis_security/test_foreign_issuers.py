"""Any OpenID issuer by setting only: a realm of Keycloak over HTTP, and the shapes of Entra, Auth0 and Okta."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from pydantic import JsonValue, ValidationError
from tests.unit.chassis_security.foreign_issuer import ForeignIssuer, Members, foreign_issuer
from tests.unit.chassis_security.guarded_service import SERVICE, Settings, guarded

from arnia.testing.issuer import TestIssuer

PATH = "/api/v1/wishes"
WISH = {"text": "rain"}
KEYCLOAK = {"token_type": "JWT", "token_algorithms": "RS256,PS256", "roles_claim": "realm_access.roles"}


@pytest.fixture(scope="module")
def realm() -> Iterator[ForeignIssuer]:
    """A realm that signs with RS256."""
    with foreign_issuer() as started:
        yield started


@dataclass(frozen=True)
class Shape:
    """How an issuer writes access tokens, and what a service is told about that."""

    settings: dict[str, str]
    claims: Members
    header: Members


SHAPES = {
    "Entra, v2": Shape(
        {"token_type": "JWT", "scopes_claim": "scp", "client_claim": "azp"},
        {"azp": "phone", "scp": "wishes:read wishes:write", "roles": ["queen"], "ver": "2.0", "uti": "u", "oid": "o"},
        {"typ": "JWT", "x5t": "key-of-the-realm"},
    ),
    "Entra, v1": Shape(
        {"token_type": "JWT", "scopes_claim": "scp", "client_claim": "appid"},
        {"appid": "phone", "appidacr": "0", "scp": "wishes:read wishes:write", "roles": ["queen"], "ver": "1.0"},
        {"typ": "JWT", "x5t": "key-of-the-realm"},
    ),
    "Auth0": Shape(
        {"token_type": "JWT", "roles_claim": "https://orchard.example/roles"},
        {"azp": "phone", "scope": "openid wishes:read wishes:write", "https://orchard.example/roles": ["queen"]},
        {"typ": "JWT"},
    ),
    "Auth0, RFC 9068": Shape(
        {"roles_claim": "https://orchard.example/roles"},
        {
            "client_id": "phone",
            "scope": "wishes:read wishes:write",
            "jti": "j",
            "https://orchard.example/roles": ["queen"],
        },
        {"typ": "at+jwt"},
    ),
    "Auth0, permissions of an API": Shape(
        {"token_type": "JWT", "scopes_claim": "permissions", "roles_claim": "https://orchard.example/roles"},
        {
            "azp": "phone",
            "scope": "openid profile",
            "permissions": ["wishes:read", "wishes:write"],
            "https://orchard.example/roles": ["queen"],
        },
        {"typ": "JWT"},
    ),
    "Okta": Shape(
        {"token_type": "absent", "scopes_claim": "scp", "client_claim": "cid", "roles_claim": "groups"},
        {"cid": "phone", "uid": "00u", "scp": ["wishes:read", "wishes:write"], "groups": ["queen"], "ver": 1},
        {"typ": None},
    ),
    "Authentik": Shape(
        {"token_type": "JWT", "roles_claim": "groups"},
        {"azp": "phone", "scope": "wishes:read wishes:write", "groups": ["queen"], "acr": "a", "uid": "u"},
        {"typ": "JWT"},
    ),
    "application/at+jwt": Shape(
        {"roles_claim": "resource_access.guarded.roles"},
        {
            "client_id": "phone",
            "scope": "wishes:read wishes:write",
            "jti": "j",
            "resource_access": {"guarded": {"roles": ["queen"]}},
        },
        {"typ": "application/at+jwt"},
    ),
}


def _bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


@pytest.mark.parametrize("algorithm", ["RS256", "PS256"])
async def test_a_realm_of_keycloak_is_believed_by_setting_only(algorithm: str) -> None:
    """Its keys are found by its metadata; client, scopes and roles by setting, and they decide as they always do."""
    with foreign_issuer("PS256" if algorithm == "PS256" else "RS256") as realm:
        async with guarded(realm, **KEYCLOAK) as client:
            answer = await client.get(PATH, headers=_bearer(realm.access_token()))
            assert (answer.status_code, answer.json()["subject"], answer.json()["client"]) == (200, "maia", "phone")
            assert (await client.post(PATH, headers=_bearer(realm.access_token()), json=WISH)).status_code == 201
            without: tuple[Members, ...] = (
                {"realm_access": {"roles": ["drone"]}},
                {"realm_access": None},
                {"realm_access": {}},
                {"scope": "openid wishes:read"},
                {"roles": ["queen"], "groups": ["queen"], "realm_access": {"roles": []}},
            )
            for lacking in without:
                refused = await client.post(PATH, headers=_bearer(realm.access_token(**lacking)), json=WISH)
                assert refused.status_code == 403, lacking


@pytest.mark.parametrize("name", SHAPES)
async def test_the_shapes_of_other_issuers_are_settings(realm: ForeignIssuer, name: str) -> None:
    """With its settings a token passes and its roles count; without them the guard is as strict as ever."""
    shape = SHAPES[name]
    claims: Members = {**realm.times(), "iss": realm.url, "aud": SERVICE, "sub": "maia", **shape.claims}
    token = _bearer(realm.sign(claims, **shape.header))
    async with guarded(realm, token_algorithms="RS256", **shape.settings) as client:
        answer = await client.post(PATH, headers=token, json=WISH)
        assert (answer.status_code, answer.json()["subject"], answer.json()["client"]) == (201, "maia", "phone")
        elsewhere = _bearer(realm.sign(claims | {"aud": "somewhere"}, **shape.header))
        assert (await client.post(PATH, headers=elsewhere, json=WISH)).status_code == 401
    async with guarded(realm, token_algorithms="RS256") as client:
        strict = "at+jwt" in str(shape.header["typ"])
        assert (await client.post(PATH, headers=token, json=WISH)).status_code == (403 if strict else 401)
    async with guarded(realm, **shape.settings) as client:
        assert (await client.post(PATH, headers=token, json=WISH)).status_code == 401, "nobody asked for RS256"


@pytest.mark.parametrize("roles", ["queen", 7, True, {"queen": 1}, ["queen", 7], ["queen", ["x"]], [None], [""], None])
@pytest.mark.parametrize("place", ["realm_access.roles", "realm_access", "https://orchard.example/roles"])
async def test_roles_of_another_form_are_refused(realm: ForeignIssuer, place: str, roles: JsonValue) -> None:
    """What is no list of texts makes the token a 401, never a fault of the service."""
    *outer, name = [place] if ":" in place else place.split(".")
    claims: Members = {outer[0]: {name: roles}} if outer else {name: roles}
    token = realm.sign(
        {**realm.times(), "iss": realm.url, "aud": SERVICE, "sub": "m", "azp": "p", "scope": "wishes:read", **claims}
    )
    async with guarded(realm, **KEYCLOAK | {"roles_claim": place}) as client:
        answer = await client.get(PATH, headers=_bearer(token))
    assert (answer.status_code, "error=" in answer.headers["www-authenticate"]) == (401, True)


@pytest.mark.parametrize("between", ["text", 7, ["roles"], None, True])
async def test_what_has_no_members_is_refused(realm: ForeignIssuer, between: JsonValue) -> None:
    """A place leads through objects: a claim on the way that is none makes the token a 401."""
    whole: Members = {**realm.times(), "iss": realm.url, "aud": SERVICE, "sub": "m", "azp": "p", "scope": "wishes:read"}
    for settings in (KEYCLOAK, {**KEYCLOAK, "client_claim": "a.b"}, {**KEYCLOAK, "scopes_claim": "a.b.c"}):
        async with guarded(realm, **settings) as client:
            token = realm.sign({**whole, "realm_access": between, "a": {"b": between}})
            assert (await client.get(PATH, headers=_bearer(token))).status_code == 401


@pytest.mark.parametrize(
    "changes",
    [
        {"typ": "ID"},
        {"typ": "Refresh"},
        {"typ": "Logout"},
        {"typ": ["Bearer"]},
        {"nonce": "n"},
        {"at_hash": "h"},
        {"c_hash": "h"},
        {"events": {}},
        {"scope": None},
        {"azp": None},
        {"azp": SERVICE},
        {"aud": "phone"},
        {"aud": None},
    ],
)
async def test_an_id_token_of_the_realm_opens_nothing(realm: ForeignIssuer, changes: Members) -> None:
    """The same key signs ID tokens, with roles in them where somebody wished so: each of their signs is enough."""
    async with guarded(realm, **KEYCLOAK) as client:
        assert (await client.get(PATH, headers=_bearer(realm.access_token(**changes)))).status_code == 401


async def test_no_setting_lets_two_types_in(realm: ForeignIssuer) -> None:
    """A service believes tokens of one type: that of its setting, and it is `at+jwt` where nothing is said."""
    for told in ("at+jwt", "JWT", "absent"):
        async with guarded(realm, token_algorithms="RS256", token_type=told) as client:
            for kind in ("at+jwt", "JWT", None, "jwt", "", "id+jwt"):
                claims: Members = {"sub": "m", "client_id": "p", "jti": "j", "scope": "wishes:read"}
                token = realm.sign({**realm.times(), "iss": realm.url, "aud": SERVICE, **claims}, typ=kind)
                wanted = 200 if (kind or "absent") == told and kind != "" else 401
                assert (await client.get(PATH, headers=_bearer(token))).status_code == wanted, (told, kind)


@pytest.mark.parametrize("place", ["", "a..b", ".a", "a.", "a b", "a b/c", "a.b c"])
def test_a_place_that_leads_nowhere_ends_the_start(place: str) -> None:
    """What can name no claim is a fault of the settings."""
    with pytest.raises(ValidationError):
        Settings.model_validate({"port": 1, "roles_claim": place})


async def test_arnias_own_tokens_can_hold_roles_elsewhere() -> None:
    """Where roles are is said on its own: a token of RFC 9068 with roles elsewhere is as strictly read as any."""
    with TestIssuer() as issuer:
        async with guarded(issuer, roles_claim="orchard.roles") as client:
            scopes = ["wishes:read", "wishes:write"]
            there = issuer.token(audience=SERVICE, scopes=scopes, orchard={"roles": ["queen"]})
            assert (await client.post(PATH, headers=_bearer(there), json=WISH)).status_code == 201
            here = issuer.token(audience=SERVICE, scopes=scopes, roles=["queen"])
            assert (await client.post(PATH, headers=_bearer(here), json=WISH)).status_code == 403
