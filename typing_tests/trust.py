"""What a type checker says of who calls, and of what is believed. Never run: mypy reads it."""

from typing import assert_type

from arnia.chassis.context import Runtime
from arnia.chassis.integers import Bounded
from arnia.chassis.keys import Keys, VerifyingKey, read_keys
from arnia.chassis.principals import Principal
from arnia.chassis.revocations import Revocations
from arnia.chassis.settings import ServiceSettings
from arnia.chassis.tokens import ALGORITHMS, Claims, Expected, Refusal, believe, dissect, issued_at
from arnia.chassis.verifier import Verifier


class Swarm(Bounded):
    bees: int


bee = Principal(subject="bee", client="hive", scopes=frozenset({"honey:read"}), roles=frozenset())
runtime = Runtime(service="hive", version="1.0.0", settings=ServiceSettings(port=0))
expected = Expected(issuer="https://issuer.example", audience="hive")
claims: Claims = {"sub": "bee", "iat": 0}
revocations = Revocations(demanding=True)


def trust(keys: Keys, key: VerifyingKey) -> None:
    verifier = Verifier(keys=keys, expected=expected, revocations=revocations)
    assert_type(verifier.remembered(b"token"), Principal | None)
    assert_type(key.verify(dissect(b"token")), None)
    Verifier(keys=[key], expected=expected, revocations=revocations)  # type: ignore[arg-type]  # keys are looked for
    key.verify(b"token")  # type: ignore[arg-type]  # what is verified has been taken apart


assert_type(bee.is_service, bool)
assert_type(runtime.cursor_key, bytes)
assert_type(believe(claims, expected, 0.0), Principal)
assert_type(issued_at(claims), int)
assert_type(read_keys([], ALGORITHMS), dict[str, VerifyingKey])
assert_type(revocations.holds(bee, 0), bool)
assert_type(Refusal("expired").reason, str)
assert_type(Swarm(bees=3).bees, int)

Principal("bee", "hive")  # type: ignore[call-arg]  # who calls is read by names
bee.subject = "queen"  # type: ignore[misc]  # nobody becomes somebody else
Runtime(service="hive")  # type: ignore[call-arg]  # what requests share is known when they come
Expected(issuer="https://issuer.example")  # type: ignore[call-arg]  # a token is meant for somebody
dissect("token")  # type: ignore[arg-type]  # a token is read as it was sent
believe({"sub": object()}, expected, 0.0)  # type: ignore[dict-item]  # claims are JSON
issued_at(claims=[])  # type: ignore[arg-type]  # claims are an object
read_keys({}, ALGORITHMS)  # type: ignore[arg-type]  # a set of keys is a list
revocations.holds("bee", 0)  # type: ignore[arg-type]  # a token is held against the list, not a name
Refusal()  # type: ignore[call-arg]  # a refusal has a reason
ALGORITHMS.append("none")  # type: ignore[attr-defined]  # nobody adds an algorithm
Swarm(bees="many")  # type: ignore[arg-type]  # a number of bees
