"""Issuers that do not follow RFC 9068: their access tokens are believed where a setting says so, their others never."""

from dataclasses import dataclass

import pytest
from pydantic import JsonValue
from tests.unit.chassis_security.guarded_service import SERVICE, guarded
from tests.unit.chassis_security.verification import AUDIENCE, Clock, cache_of

from arnia.chassis.principals import Principal
from arnia.chassis.revocations import Revocations
from arnia.chassis.tokens import Expected, Refusal
from arnia.chassis.verifier import Verifier
from arnia.testing.forgeries import forgeries
from arnia.testing.issuer import TestIssuer

PATH = "/api/v1/wishes"
Members = dict[str, JsonValue]


@dataclass
class OtherIssuer:
    """Signs as the big public issuers do: `typ: JWT` for everything, `azp`, `scp`, and no `jti`."""

    issuer: TestIssuer
    clock: Clock

    def claims(self, audience: str, **others: JsonValue) -> Members:
        """Return what all its tokens say."""
        now = int(self.clock())
        return {"iss": self.issuer.url, "sub": "maia", "aud": audience, "iat": now, "exp": now + 600, **others}

    def access_token(self, audience: str, others: Members) -> bytes:
        given: Members = {"azp": "phone", "scp": ["wishes:read", "b"], **others}
        claims = self.claims(audience, **{name: value for name, value in given.items() if value is not None})
        return self.issuer.sign(claims, typ="JWT").encode()

    def id_token(self, **others: JsonValue) -> bytes:
        return self.issuer.sign(self.claims("phone", **others), typ="JWT").encode()

    def verifier(self, audience: str = AUDIENCE) -> Verifier:
        return Verifier(
            keys=cache_of(self.issuer, self.clock),
            expected=Expected(issuer=self.issuer.url, audience=audience, kind="JWT"),
            revocations=Revocations(clock=self.clock),
            clock=self.clock,
        )

    async def believed(self, token: bytes, audience: str = AUDIENCE) -> Principal | str:
        """Return who calls with `token`, or why it was refused."""
        try:
            return await self.verifier(audience).verify(token)
        except Refusal as refusal:
            return refusal.reason


async def test_another_issuer_is_a_setting() -> None:
    """A service that is told `JWT` lets the other issuer's callers in, and one that is not told does not."""
    with TestIssuer() as issuer:
        other = OtherIssuer(issuer, Clock())
        headers = {"authorization": f"Bearer {other.access_token(SERVICE, {}).decode()}"}
        async with guarded(issuer, token_type="JWT") as client:
            answer = await client.get(PATH, headers=headers)
            assert (answer.status_code, answer.json()["subject"], answer.json()["client"]) == (200, "maia", "phone")
            strict = {"authorization": f"Bearer {issuer.token(audience=SERVICE, scopes=['wishes:read'])}"}
            assert (await client.get(PATH, headers=strict)).status_code == 401
        async with guarded(issuer) as client:
            assert (await client.get(PATH, headers=headers)).status_code == 401


@pytest.mark.parametrize(
    "claims",
    [
        {"scp": "b wishes:read"},
        {"scp": None, "scope": "wishes:read b"},
        {"scope": "b wishes:read"},
        {"azp": None, "client_id": "phone"},
        {"client_id": "phone", "jti": "t"},
    ],
)
async def test_either_claim_names_client_and_scopes(claims: Members) -> None:
    """`client_id` or `azp`, `scope` or `scp`, as a text or as a list: one is enough, and two agree."""
    with TestIssuer() as issuer:
        other = OtherIssuer(issuer, Clock())
        principal = await other.believed(other.access_token(AUDIENCE, claims))
    assert isinstance(principal, Principal)
    assert (principal.client, principal.scopes) == ("phone", frozenset({"wishes:read", "b"}))
    assert principal.token_id == claims.get("jti", "")


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"azp": None}, "claims"),
        ({"azp": ["phone"]}, "claims"),
        ({"azp": ""}, "claims"),
        ({"client_id": "tablet"}, "claims"),
        ({"client_id": None, "azp": "phone\n"}, "claims"),
        ({"scope": "wishes:write"}, "claims"),
        ({"scp": ["a b"], "scope": "a"}, "claims"),
        ({"scp": [1]}, "claims"),
        ({"scp": [["wishes:read"]]}, "claims"),
        ({"scp": {"a": 1}}, "claims"),
        ({"scp": ["wishes:write wishes:read"]}, "claims"),
        ({"scp": True}, "claims"),
        ({"jti": ""}, "claims"),
        ({"jti": 7}, "claims"),
        ({"sub": ""}, "claims"),
        ({"cnf": {"jkt": "x"}}, "bound"),
        ({"exp": 1}, "expired"),
        ({"iss": "https://id.example"}, "issuer"),
    ],
)
async def test_what_can_be_read_in_two_ways_is_refused(claims: Members, reason: str) -> None:
    """Claims that disagree, or are not what they should be, are no claims."""
    with TestIssuer() as issuer:
        other = OtherIssuer(issuer, Clock())
        assert await other.believed(other.access_token(AUDIENCE, claims)) == reason


async def test_an_id_token_opens_nothing() -> None:
    """It is signed with the same key: it is refused for its audience, or else as what it is."""
    with TestIssuer() as issuer:
        other = OtherIssuer(issuer, Clock())
        assert await other.believed(other.id_token(azp="phone", scope="openid")) == "audience"
        for claims in (
            {"azp": "phone"},
            {"azp": "tablet"},
            {"azp": "phone", "scope": "openid"},
            {"azp": "tablet", "scope": "openid", "nonce": "n"},
            {"azp": "tablet", "scope": "openid", "at_hash": "h"},
        ):
            assert await other.believed(other.id_token(**claims), audience="phone") == "type", claims


@pytest.mark.parametrize("kind", ["jwt", "at+jwt", "id+jwt", "logout+jwt", "application/jwt", ""])
async def test_the_type_is_exactly_what_was_said(kind: str) -> None:
    """`JWT` is accepted, and nothing beside it, in no other spelling; the forgeries have it missing."""
    with TestIssuer() as issuer:
        other = OtherIssuer(issuer, Clock())
        token = issuer.sign(other.claims(AUDIENCE, azp="phone", scp="a"), typ=kind).encode()
        assert await other.believed(token) == "type"


async def test_no_forgery_is_believed_for_the_other_type() -> None:
    """The forgeries of a token of type JWT are refused too, but the one that only is of that type."""
    with TestIssuer() as issuer:
        other = OtherIssuer(issuer, Clock())
        verifier = other.verifier()
        names = []
        for forgery in forgeries(issuer, AUDIENCE, scopes=("a",)):
            try:
                await verifier.verify(forgery.token)
            except Refusal:
                continue
            names.append(forgery.name)
    assert names == ["typ 'JWT'"]
