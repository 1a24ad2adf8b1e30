"""Tokens that nobody may believe."""

import pytest
from tests.unit.chassis_security.verification import AUDIENCE, Clock, verifier_of

from arnia.chassis.tokens import Refusal, dissect
from arnia.testing.forgeries import encoded, forgeries, text
from arnia.testing.issuer import TestIssuer


async def test_no_forgery_is_believed() -> None:
    """More than two hundred forgeries are refused, and none of them makes the service ask anybody but its issuer."""
    with TestIssuer() as issuer:
        verifier = verifier_of(issuer, Clock())
        await verifier.verify(issuer.token(audience=AUDIENCE).encode())
        believed, tried = [], 0
        for forgery in forgeries(issuer, AUDIENCE, scopes=("deliveries:write",), roles=("operator",)):
            tried += 1
            try:
                await verifier.verify(forgery.token)
            except Refusal:
                continue
            believed.append(forgery.name)
    assert not believed
    assert tried > 200
    assert sum(verifier.refusals.values()) == tried


async def test_unknown_keys_cause_one_request_to_the_configured_issuer() -> None:
    """Key ids that nobody knows lead to one more look at the issuer's own keys, however many come."""
    clock = Clock()
    with TestIssuer() as issuer:
        verifier = verifier_of(issuer, clock)
        await verifier.verify(issuer.token(audience=AUDIENCE).encode())
        issuer.asked.clear()
        for _ in range(2):
            for forgery in forgeries(issuer, AUDIENCE):
                try:
                    await verifier.verify(forgery.token)
                except Refusal:
                    continue
        assert issuer.asked == ["/.well-known/openid-configuration", "/keys"]


async def test_a_good_token_beside_the_forgeries_is_believed() -> None:
    """What the forgeries are made of is believed: each is refused for what its name says."""
    with TestIssuer() as issuer:
        verifier = verifier_of(issuer, Clock())
        token = issuer.token(
            audience=["other", AUDIENCE], subject="mallory", scopes=["a", "b"], roles=["operator"], sid="s", nbf=0
        )
        principal = await verifier.verify(token.encode())
    assert (principal.subject, principal.client, principal.issuer) == ("mallory", "tests", issuer.url)
    assert (principal.scopes, principal.roles, principal.session) == (frozenset("ab"), frozenset({"operator"}), "s")


@pytest.mark.parametrize("name", ["Ed25519", "EdDSA"])
async def test_a_key_of_ed25519_verifies_under_both_names(name: str) -> None:
    """RFC 9864 renamed the algorithm of a key of Ed25519; tokens come under either name."""
    with TestIssuer(algorithm="Ed25519") as issuer:
        verifier = verifier_of(issuer, Clock())
        claims = dissect(issuer.token(audience=AUDIENCE).encode()).claims
        header = encoded(text({"typ": "at+jwt", "alg": name, "kid": str(issuer.key.kid)}))
        signed = header + b"." + encoded(text(claims))
        token = signed + b"." + encoded(issuer.signature_of(signed, issuer.key))
        assert (await verifier.verify(token)).subject == "alice"
