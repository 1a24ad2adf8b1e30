"""Who is let in: policies are enforced before anything else is looked at."""

import asyncio
import io
import json
import re

import httpx
import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute
from pydantic import ValidationError
from tests.unit.chassis_security.guarded_service import SERVICE, Settings, create, guarded

from arnia.chassis.application import create_app
from arnia.chassis.logs import AccessLog
from arnia.chassis.replies import Reply, no_content
from arnia.chassis.routing import Router
from arnia.chassis.security import allow, anyone
from arnia.chassis.settings import load
from arnia.errors import SettingsError
from arnia.local.ports import free_port
from arnia.testing.forgeries import forgeries
from arnia.testing.http import AsgiClient, Call, Lifespan, call
from arnia.testing.issuer import TestIssuer

PATH = "/api/v1/wishes"
READ = ("wishes:read",)


def _bearing(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def _error(answer: httpx.Response) -> tuple[int, str | None]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.headers.get("www-authenticate")


async def _knows_the_keys(client: AsgiClient) -> None:
    async with asyncio.timeout(60):
        while "not fetched" in (await client.send(call("GET", "/readyz"))).body.decode():  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.02)


async def test_without_a_token_the_caller_is_told_what_it_takes() -> None:
    """No token: 401, the scheme and the scopes, and no error (RFC 6750, 3.1)."""
    with TestIssuer() as issuer:
        async with guarded(issuer) as client:
            assert _error(await client.get(PATH)) == (401, 'Bearer scope="wishes:read"')
            wanted = 'Bearer scope="wishes:read wishes:write"'
            assert _error(await client.post(PATH, json={"text": "a"})) == (401, wanted)
        assert not issuer.asked


@pytest.mark.parametrize("scheme", ["Basic", "Token", "JWT", "DPoP", "MAC", "Bearer2", "Digest", ""])
async def test_other_schemes_are_no_token(scheme: str) -> None:
    """A good token under another scheme is no token."""
    with TestIssuer() as issuer:
        token = issuer.token(audience=SERVICE, scopes=READ)
        async with guarded(issuer) as client:
            answer = await client.get(PATH, headers={"authorization": f"{scheme} {token}"})
    assert _error(answer) == (401, 'Bearer scope="wishes:read"')


async def test_the_scheme_has_no_case() -> None:
    """The scheme's name may be spelled in any case (RFC 9110, 11.1)."""
    with TestIssuer() as issuer:
        token = issuer.token(audience=SERVICE, scopes=READ)
        async with guarded(issuer) as client:
            answer = await client.get(PATH, headers={"authorization": f"bearer  {token}"})
    assert answer.status_code == 200


async def test_a_token_is_read_from_one_place_only() -> None:
    """A token in the query, in a form, in a cookie or in a second Authorization field opens nothing."""
    with TestIssuer() as issuer:
        token = issuer.token(audience=SERVICE, scopes=READ)
        async with guarded(issuer) as client:
            form = {"content-type": "application/x-www-form-urlencoded"}
            tried = [
                await client.get(PATH, params={"access_token": token}),
                await client.post(PATH, content=f"access_token={token}", headers=form),
                await client.get(PATH, headers={"cookie": f"access_token={token}; authorization=Bearer {token}"}),
                await client.get(PATH, headers={"x-forwarded-authorization": f"Bearer {token}"}),
            ]
            assert [answer.status_code for answer in tried] == [401] * 4
            twice = [("authorization", f"Bearer {token}")] * 2
            assert _error(await client.get(PATH, headers=twice)) == (401, 'Bearer error="invalid_token"')


async def test_every_forgery_is_refused_alike() -> None:
    """Over HTTP each forgery gets the same 401, and never a 5xx."""
    with TestIssuer() as issuer:
        async with guarded(issuer) as client:
            assert (await client.get(PATH, headers=_bearing(issuer.token(audience=SERVICE, scopes=READ)))).is_success
            issuer.asked.clear()
            told = set()
            for forgery in forgeries(issuer, SERVICE, scopes=READ):
                headers = [(b"authorization", b"Bearer " + forgery.token)]
                if len(forgery.token) < 30_000:
                    told.add(_error(await client.get(PATH, headers=headers)))
            assert told == {(401, 'Bearer error="invalid_token"')}
        assert len(issuer.asked) <= 2


@pytest.mark.parametrize(
    ("scopes", "roles", "status"),
    [
        ((), (), 403),
        (("wishes:write",), ("operator",), 403),
        (("wishes:write", "wishes:read"), (), 403),
        (("wishes:write", "wishes:read"), ("worker",), 403),
        (("wishes:write", "wishes:read"), ("queen",), 201),
    ],
)
async def test_scopes_and_roles_are_held(scopes: tuple[str, ...], roles: tuple[str, ...], status: int) -> None:
    """A known caller without the scopes and one of the roles gets 403 insufficient_scope."""
    with TestIssuer() as issuer:
        token = issuer.token(audience=SERVICE, scopes=scopes, roles=roles)
        async with guarded(issuer) as client:
            answer = await client.post(PATH, json={"text": "a"}, headers=_bearing(token))
    assert answer.status_code == status
    if status == 403:
        assert answer.headers["www-authenticate"].startswith('Bearer error="insufficient_scope", scope="wishes:read')


async def test_a_handler_knows_who_calls() -> None:
    """The principal and the raw token reach the handler; a public route knows nobody, whatever it is sent."""
    with TestIssuer() as issuer:
        token = issuer.token(audience=SERVICE, scopes=READ, subject="alice", client="phone")
        async with guarded(issuer) as client:
            mine = (await client.get(PATH, headers=_bearing(token))).json()
            anybody = (await client.get(f"{PATH}/weather", headers=_bearing("nonsense"))).json()
    assert mine == {"subject": "alice", "client": "phone", "token": token}
    assert anybody == {"subject": "anonymous", "client": "", "token": ""}


async def test_the_policy_of_a_parameter_counts() -> None:
    """A policy that is declared as a parameter replaces the router's, as one of the route does."""
    with TestIssuer() as issuer:
        async with guarded(issuer) as client:
            read, special = (issuer.token(audience=SERVICE, scopes=[scope]) for scope in (*READ, "wishes:special"))
            assert (await client.get(f"{PATH}/parameter", headers=_bearing(read))).status_code == 403
            assert (await client.get(f"{PATH}/parameter", headers=_bearing(special))).status_code == 200


async def test_nothing_is_looked_at_before_the_token() -> None:
    """A stranger learns nothing of queries, preconditions, media types and bodies, and no body is read."""
    with TestIssuer() as issuer:
        client = AsgiClient(create().asgi(Settings.model_validate({"port": 1, "issuer": issuer.url})))
        strange = [
            call("GET", f"{PATH}?no_such=1"),
            call("GET", PATH, headers={"accept": "image/png"}),
            call("POST", PATH, body=b"{", media_type="text/plain"),
            Call("POST", PATH, (("content-length", "99999999"),), (b"{", b"}")),
            call("POST", PATH, document={}, headers={"idempotency-key": "\x01"}),
        ]
        for request in strange:
            answer = await client.send(request)
            assert (answer.status, answer.read) == (401, 0), str(request)


async def test_what_is_not_a_route_needs_no_token() -> None:
    """Unknown paths are 404, other methods 405, and the platform's paths answer anybody."""
    with TestIssuer() as issuer:
        async with guarded(issuer) as client:
            assert (await client.get("/api/v1/nothing")).status_code == 404
            assert (await client.put(PATH)).status_code == 405
            assert (await client.options(PATH)).headers["allow"] == "GET, HEAD, OPTIONS, POST"
            for path in ("/livez", "/metrics", "/openapi.json", "/docs", "/problems/not-authenticated"):
                assert (await client.get(path)).status_code == 200


async def test_readiness_and_metrics_tell_of_tokens() -> None:
    """The age of the keys is a detail of readiness, refusals are counted by reason, and no issuer is needed for it."""
    with TestIssuer() as issuer:
        spine = create().asgi(Settings.model_validate({"port": 1, "issuer": issuer.url}))
        issuer.stop()
        async with Lifespan(spine):
            client = AsgiClient(spine)
            before = (await client.send(call("GET", "/readyz"))).json()
            issuer.start()
            await _knows_the_keys(client)
            await client.send(call("GET", PATH, headers=_bearing(issuer.token(audience="other"))))
            after = (await client.send(call("GET", "/readyz"))).json()
            metrics = (await client.send(call("GET", "/metrics"))).body.decode()
    assert before == {"status": "ready", "dependencies": {"issuer": "keys not fetched yet"}}
    assert re.fullmatch(r"keys \d s old", after["dependencies"]["issuer"])
    assert 'access_token_refusals_total{reason="audience"} 1.0' in metrics


@pytest.mark.parametrize("late", [False, True])
async def test_an_issuer_is_needed_once(late: bool) -> None:  # noqa: FBT001 - a case
    """A service is ready without its issuer, gets the keys before a token needs them, and then lets it go away."""
    with TestIssuer() as issuer:
        spine = create().asgi(Settings.model_validate({"port": 1, "issuer": issuer.url}))
        headers = _bearing(issuer.token(audience=SERVICE, scopes=READ))
        if late:
            issuer.stop()
        async with Lifespan(spine):
            client = AsgiClient(spine)
            assert (await client.send(call("GET", "/readyz"))).status == 200
            if late:
                issuer.start()
            await _knows_the_keys(client)
            issuer.stop()
            assert (await client.send(call("GET", PATH, headers=headers))).status == 200


async def test_an_issuer_that_is_down_is_no_reason_to_send_a_caller_away() -> None:
    """While the keys were never had a token gets 503 with Retry-After; a public route answers."""
    with TestIssuer() as issuer:
        token = issuer.token(audience=SERVICE, scopes=READ)
    async with guarded(issuer) as client:
        answer = await client.get(PATH, headers=_bearing(token))
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        assert (await client.get(f"{PATH}/weather")).status_code == 200


async def test_a_shared_secret_verifies_where_it_is_all_there_is() -> None:
    """With a shared key HS256 tokens are believed, and no others."""
    from joserfc import jws  # noqa: PLC0415 - for this test only
    from joserfc.jwk import OctKey  # noqa: PLC0415 - as well

    from arnia.chassis.tokens import dissect  # noqa: PLC0415 - as well
    from arnia.testing.forgeries import text  # noqa: PLC0415 - as well

    secret = "a secret of thirty-two characters"
    with TestIssuer() as issuer:
        signed = issuer.token(audience=SERVICE, scopes=READ)
        claims = dissect(signed.encode()).claims
        header = {"typ": "at+jwt", "alg": "HS256"}
        shared = jws.serialize_compact(header, text(claims), OctKey.import_key(secret), algorithms=["HS256"])
        async with guarded(issuer, shared_token_key=secret) as client:
            assert (await client.get(PATH, headers=_bearing(shared))).status_code == 200
            assert (await client.get(PATH, headers=_bearing(signed))).status_code == 401
        async with guarded(issuer) as client:
            assert (await client.get(PATH, headers=_bearing(shared))).status_code == 401


async def test_told_keys_verify_and_nobody_is_asked() -> None:
    """With public keys by setting their tokens are believed, every forgery is refused, and the issuer is not asked."""
    with TestIssuer() as issuer:
        key = {**issuer.key.as_dict(private=False), "alg": issuer.algorithm}
        async with guarded(issuer, token_keys=json.dumps({"keys": [key]})) as client:
            good = issuer.token(audience=SERVICE, scopes=READ)
            assert (await client.get(PATH, headers=_bearing(good))).status_code == 200
            told = set()
            for forgery in forgeries(issuer, SERVICE, scopes=READ):
                headers = [(b"authorization", b"Bearer " + forgery.token)]
                if len(forgery.token) < 30_000:
                    told.add(_error(await client.get(PATH, headers=headers)))
            assert told == {(401, 'Bearer error="invalid_token"')}
            assert "issuer" not in (await client.get("/readyz")).json().get("checks", {})
        assert not issuer.asked


KNOWN = TestIssuer().key.as_dict(private=False)
PRIVATE = TestIssuer().key.as_dict(private=True)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"token_keys": "no JSON"}, r"it must be a JWK set"),
        ({"token_keys": json.dumps(KNOWN)}, r"it must be a JWK set"),
        ({"token_keys": '{"keys": []}'}, r"it must be a JWK set"),
        ({"token_keys": json.dumps({"keys": [KNOWN, PRIVATE]})}, r"its key 2 is a secret one.* without d$"),
        (
            {"token_keys": '{"keys": [{"kty": "oct", "kid": "a", "k": "AAAA"}]}'},
            r"its key 1 is a secret one.* without k",
        ),
        (
            {"token_keys": json.dumps({"keys": [KNOWN | {"kid": ""}]})},
            r"its key 1 verifies nothing: it must have a kid",
        ),
        ({"token_keys": json.dumps({"keys": [KNOWN | {"alg": "HS256"}]})}, r"its key 1 verifies nothing"),
        ({"token_keys": json.dumps({"keys": [KNOWN]}), "token_algorithms": "RS256"}, r"and be for RS256"),
        ({"token_keys": json.dumps({"keys": [KNOWN, KNOWN | {"y": KNOWN["x"]}]})}, r"its key 2 cannot be read"),
        ({"token_keys": json.dumps({"keys": [KNOWN, KNOWN]})}, r"its key 2 has the kid of another one"),
        ({"token_keys": json.dumps({"keys": [KNOWN]}), "jwks_url": "https://id.example/keys"}, r"give no key URL"),
    ],
)
def test_told_keys_are_public_and_of_use(
    given: dict[str, str], why: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A private key, a symmetric one, or one that verifies nothing here ends the start; no value is told, or logged."""
    for name, value in given.items():
        monkeypatch.setenv(f"GUARDED_{name.upper()}", value)
    with pytest.raises(SettingsError, match=why) as told:
        load(Settings, SERVICE, port=1)
    assert "GUARDED_TOKEN_KEYS is not valid" in str(told.value)
    assert str(PRIVATE["d"]) not in str(told.value)
    assert not caplog.records


def test_wrong_algorithms_are_no_fault_of_told_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the setting of algorithms is wrong, that alone is said: good keys beside it are not refused as well."""
    monkeypatch.setenv("GUARDED_TOKEN_KEYS", json.dumps({"keys": [KNOWN]}))
    monkeypatch.setenv("GUARDED_TOKEN_ALGORITHMS", "none")
    with pytest.raises(SettingsError, match="GUARDED_TOKEN_ALGORITHMS is not valid") as told:
        load(Settings, SERVICE, port=1)
    assert "GUARDED_TOKEN_KEYS" not in str(told.value)


@pytest.mark.parametrize(
    "beside",
    [
        {"token_keys": json.dumps({"keys": [KNOWN]})},
        {"jwks_url": "https://id.example/keys"},
        {"token_algorithms": "ES256"},
        {"shared_token_key": "too short"},
    ],
)
def test_a_shared_secret_stands_alone(beside: dict[str, str]) -> None:
    """A shared key beside keys or algorithms of an issuer, or a short one, is refused at the start."""
    given = {"port": 1, "issuer": "https://id.example", "shared_token_key": "a secret of thirty-two characters"}
    with pytest.raises(ValidationError, match="shared_token_key"):
        Settings.model_validate(given | beside)


@pytest.mark.parametrize("algorithms", ["none", "HS256", "ES256,none", ""])
def test_algorithms_that_everybody_could_sign_with_are_refused(algorithms: str) -> None:
    """`none` and shared secrets cannot be asked for as algorithms of an issuer."""
    with pytest.raises(ValidationError, match="token_algorithms"):
        Settings.model_validate({"port": 1, "token_algorithms": algorithms})


def test_a_service_with_policies_needs_an_issuer() -> None:
    """The start ends with the variable's name when routes take tokens and nobody issues them; public ones need none."""
    with pytest.raises(SettingsError, match="GUARDED_ISSUER is missing"):
        create().asgi(Settings.model_validate({"port": 1}))
    router = Router(prefix="/open", dependencies=[anyone])
    router.get("")(_nothing)
    create_app(service=SERVICE, settings=Settings, routers=[router]).asgi(Settings.model_validate({"port": 1}))


async def _nothing() -> Reply[None]:
    return no_content()


def test_a_route_without_a_policy_keeps_the_service_from_starting() -> None:
    """Whoever forgets to say who may call a route is told which, and what to write."""
    router = Router(version=1, prefix="/open")
    router.get("/door")(_nothing)
    forgetful = create_app(service=SERVICE, settings=Settings, routers=[router])
    with pytest.raises(TypeError, match=r"GET /api/v1/open/door has no policy: .*allow.*anyone"):
        forgetful.asgi(Settings.model_validate({"port": 1}))


def test_what_has_no_place_for_a_policy_keeps_the_service_from_starting() -> None:
    """A WebSocket, and a router within a router, would be served past the policies: neither is left out in silence."""
    talking, nested = Router(prefix="/talks"), Router(prefix="/nests")
    talking.add_api_websocket_route("/live", _nothing)
    nested.include_router(APIRouter(routes=[APIRoute("/inner", _nothing, response_model=None)]))
    for router, prefix in ((talking, "/talks"), (nested, "/nests")):
        odd = create_app(service=SERVICE, settings=Settings, routers=[router])
        with pytest.raises(TypeError, match=f"the router {prefix} "):
            odd.asgi(Settings.model_validate({"port": 1}))


def test_two_policies_are_one_too_many() -> None:
    """Nobody can tell which of two policies is meant: the declaration is refused, naming the route."""
    with pytest.raises(TypeError, match="the router /a declares 2 policies"):
        Router(prefix="/a", dependencies=[allow("a"), allow("b")])
    router = Router(prefix="/a")
    with pytest.raises(TypeError, match="GET /a/b declares 2 policies"):
        router.get("/b", dependencies=[allow("a"), anyone])(_nothing)


def test_the_contract_tells_policies() -> None:
    """The OpenAPI document has the scheme, scopes and roles, 401 and 403, and says what is public."""
    document = create().contract()["openapi"]["v1"]
    reading, writing = (document["paths"][PATH][method] for method in ("get", "post"))
    public = document["paths"][f"{PATH}/weather"]["get"]
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    assert (reading["security"], reading.get("x-roles")) == ([{"bearer": ["wishes:read"]}], None)
    assert writing["security"] == [{"bearer": ["wishes:read", "wishes:write"]}]
    assert writing["x-roles"] == ["operator", "queen"]
    assert public["security"] == []
    assert {"401", "403"} <= reading["responses"].keys()
    assert not {"401", "403"} & public["responses"].keys()


async def test_another_issuer_is_a_matter_of_settings() -> None:
    """An issuer of another make, with another algorithm, a path and another audience, is believed by settings."""
    with TestIssuer(algorithm="Ed25519", path="/realms/bees") as other, TestIssuer() as usual:
        token = other.token(audience="https://hives.example", scopes=READ)
        settings = {"audience": "https://hives.example", "token_algorithms": "Ed25519"}
        async with guarded(other, **settings) as client:
            assert (await client.get(PATH, headers=_bearing(token))).status_code == 200
            mine = usual.token(audience="https://hives.example", scopes=READ)
            assert (await client.get(PATH, headers=_bearing(mine))).status_code == 401
        other.asked.clear()
        async with guarded(other, **settings, jwks_url=other.jwks_url) as client:
            assert (await client.get(PATH, headers=_bearing(token))).status_code == 200
            assert other.asked == ["/realms/bees/keys"]


async def test_ten_rotations_refuse_nobody() -> None:
    """While an issuer changes its key ten times, and goes on publishing the old ones, every token of it is believed."""
    with TestIssuer() as issuer:
        async with guarded(issuer, key_refetch_seconds=0) as client:
            tokens = []
            for _ in range(10):
                tokens.append(issuer.token(audience=SERVICE, scopes=READ))
                answers = [await client.get(PATH, headers=_bearing(token)) for token in tokens]
                assert {answer.status_code for answer in answers} == {200}
                issuer.rotate()


@pytest.mark.parametrize(("lost", "status"), [("open", 200), ("closed", 503)])
async def test_what_happens_without_the_list_is_a_setting(lost: str, status: int) -> None:
    """Where nobody can say what was revoked, a service goes on or refuses, as it was told; it starts either way."""
    with TestIssuer() as issuer:
        given = {"port": 1, "issuer": issuer.url, "revocation_url": f"redis://127.0.0.1:{free_port()}"}
        spine = create().asgi(Settings.model_validate({**given, "revocation_lost": lost}))
        async with Lifespan(spine):
            client = AsgiClient(spine, issuer.token(audience=SERVICE, scopes=READ))
            answers = [await client.send(call("GET", PATH)) for _ in range(2)]
            ready = (await client.send(call("GET", "/readyz"))).json()
    assert [answer.status for answer in answers] == [status] * 2
    assert ready["dependencies"]["revocations"] == "lost"


async def test_the_token_is_never_logged() -> None:
    """Neither a token that is believed nor one that is not comes into the log."""
    log = io.StringIO()
    with TestIssuer() as issuer:
        access = AccessLog(log, SERVICE, "0", as_json=True)
        spine = create().asgi(Settings.model_validate({"port": 1, "issuer": issuer.url}), access=access)
        good, bad = issuer.token(audience=SERVICE, scopes=READ), issuer.token(audience="other")
        for token in (good, bad):
            await AsgiClient(spine, token).send(call("GET", PATH))
        access.flush()
    assert log.getvalue().count("\n") == 2
    assert not any(part in log.getvalue() for token in (good, bad) for part in token.split("."))
