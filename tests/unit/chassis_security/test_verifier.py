"""Verified tokens are remembered until they end."""

import pytest
from tests.unit.chassis_security.verification import AUDIENCE, Clock, verifier_of

from arnia.chassis.revocations import Revocations
from arnia.chassis.tokens import Refusal
from arnia.testing.issuer import TestIssuer


async def test_a_token_is_remembered_and_ends_with_its_time() -> None:
    """A verified token costs a look-up for a minute at most, and is refused when its time and the leeway are over."""
    clock = Clock()
    with TestIssuer() as issuer:
        verifier = verifier_of(issuer, clock)
        token = issuer.token(audience=AUDIENCE, seconds=30).encode()
        first = await verifier.verify(token)
        assert verifier.remembered(token) is first
        clock.now += 36
        assert verifier.remembered(token) is None
        with pytest.raises(Refusal, match="expired"):
            await verifier.verify(token)


async def test_a_long_token_is_verified_again_after_a_minute() -> None:
    """A token of an hour is looked at again after sixty seconds: its key may have been withdrawn."""
    clock = Clock()
    with TestIssuer(max_age=3600) as issuer:
        verifier = verifier_of(issuer, clock)
        token = issuer.token(audience=AUDIENCE, seconds=3600).encode()
        await verifier.verify(token)
        clock.now += 61
        assert verifier.remembered(token) is None
        assert (await verifier.verify(token)).subject == "alice"


async def test_refused_tokens_are_not_remembered() -> None:
    """A token that was refused is refused again, and counted under its reason."""
    with TestIssuer() as issuer:
        verifier = verifier_of(issuer, Clock())
        token = issuer.token(audience="other").encode()
        for _ in range(2):
            with pytest.raises(Refusal):
                await verifier.verify(token)
    assert verifier.refusals == {"audience": 2}


async def test_the_memory_is_bounded() -> None:
    """Beyond its capacity the verifier forgets the token that was used longest ago."""
    with TestIssuer() as issuer:
        verifier = verifier_of(issuer, Clock())
        verifier.capacity = 2
        first, second, third = (issuer.token(audience=AUDIENCE).encode() for _ in range(3))
        await verifier.verify(first)
        await verifier.verify(second)
        assert verifier.remembered(first)
        await verifier.verify(third)
        assert verifier.remembered(first)
        assert verifier.remembered(second) is None


async def test_a_withdrawn_key_takes_its_tokens_along() -> None:
    """When the issuer withdraws a key, remembered tokens of it are refused with the refresh, not a minute later."""
    clock = Clock()
    with TestIssuer(max_age=5) as issuer:
        verifier = verifier_of(issuer, clock)
        token = issuer.token(audience=AUDIENCE).encode()
        await verifier.verify(token)
        issuer.rotate()
        issuer.withdraw()
        clock.now += 11
        await verifier.verify(issuer.token(audience=AUDIENCE).encode())
        with pytest.raises(Refusal, match="key"):
            await verifier.verify(token)


@pytest.mark.parametrize("member", ["jti:t", "sid:s", "sub:alice:{later}"])
async def test_a_revoked_token_is_refused_at_once(member: str) -> None:
    """A remembered token is refused with the next request after its id, its session or its subject was revoked."""
    clock = Clock()
    revocations = Revocations(clock=clock)
    with TestIssuer() as issuer:
        verifier = verifier_of(issuer, clock, revocations)
        token = issuer.token(audience=AUDIENCE, jti="t", sid="s").encode()
        other = issuer.token(audience=AUDIENCE, subject="bob", jti="u", sid="v").encode()
        await verifier.verify(token)
        await verifier.verify(other)
        revocations.add(member.format(later=int(clock.now) + 60), clock.now + 600)
        with pytest.raises(Refusal, match="revoked"):
            await verifier.verify(token)
        assert (await verifier.verify(other)).subject == "bob"
