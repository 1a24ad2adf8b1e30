"""An issuer outside: what a page may say of it, and what each mistake is told."""

import re

import pytest

from arnia.ecosystem import Ecosystem, Environment, Issuer, Service
from arnia.errors import DeclarationError

KEYS = "https://login.example/keys"
SHOP = (Service(name="shop", owner="us"),)


def test_an_issuer_says_what_every_service_is_told() -> None:
    """What is not said is not told: services have their own defaults."""
    realm = Issuer(url="https://login.example/r", keys=KEYS, algorithms=("RS256", "PS256"), roles="realm_access.roles")
    assert realm.settings == {
        "issuer": "https://login.example/r",
        "jwks_url": KEYS,
        "token_type": "at+jwt",
        "token_algorithms": "PS256,RS256",
        "roles_claim": "realm_access.roles",
    }
    assert (realm.host, realm.port, realm.secure) == ("login.example", 443, True)
    here = Issuer(url="http://[::1]:9000", keys="http://localhost/keys")
    assert (here.host, here.port, here.secure) == ("localhost", 80, False)


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        ({"url": "login.example"}, "`url` is no URL"),
        ({"keys": "ftp://login.example"}, "`keys` is no URL"),
        ({"keys": "https://"}, "`keys` is no URL"),
        ({"keys": "https://login.example:99999/"}, "`keys` is no URL"),
        ({"keys": "https://login.example/a b"}, "`keys` is no URL"),
        ({"keys": "https://[::1/keys"}, "`keys` is no URL"),
        ({"keys": "http://login.example/keys"}, "who is on the way could forge its keys: use https"),
        ({"url": "http://10.0.0.1"}, "use https"),
        ({"keys": "https://me:secret@login.example/"}, "leave out user, query and fragment"),
        ({"keys": "https://login.example/?a=1"}, "leave out user, query and fragment"),
        ({"token_type": "jwt"}, "no type of token is called 'jwt': use 'at+jwt' or 'JWT' or 'absent'"),
        ({"roles": ""}, "`roles` is empty"),
        ({"role": "groups"}, "issuer 'https://login.example': there is no argument `role`: write `roles`"),
        ({"keys": None}, "`keys` takes a text in quotes"),
    ],
    ids=str,
)
def test_a_mistake_is_told_with_what_to_write(given: dict[str, object], advice: str) -> None:
    """Each fault names the argument and says what to do; none is left for the start of a server."""
    with pytest.raises(DeclarationError, match=re.escape(advice)):
        Issuer(**{"url": "https://login.example", "keys": KEYS} | given)  # type: ignore[arg-type]  # that is the test


def test_an_environment_takes_one_issuer() -> None:
    """A URL where a service belongs, a text where an issuer belongs, and two issuers are told apart."""
    realm = Issuer(url="https://login.example", keys=KEYS)
    with pytest.raises(DeclarationError, match=re.escape('`issuer=Issuer(url="https://login.example", keys="...")`')):
        Ecosystem(name="x", services=SHOP, issuer="https://login.example")
    with pytest.raises(DeclarationError, match=re.escape('such as `Issuer(url="...", keys="...")`')):
        Environment(name="local", issuer="https://login.example")  # type: ignore[arg-type]  # that is the test
    with pytest.raises(DeclarationError, match="'shop' issues tokens too: keep one of them"):
        Ecosystem(name="x", services=SHOP, issuer="shop", environments=(Environment(name="local", issuer=realm),))
    assert Environment.model_validate_json(Environment(name="local", issuer=realm).model_dump_json()).issuer == realm


@pytest.mark.parametrize("requests", [0, -1, 1_000_001])
def test_the_edge_lets_at_least_one_request_through(requests: int) -> None:
    """A rate that no edge can hold is a fault of the page."""
    with pytest.raises(DeclarationError, match="let an address send from 1 to 1000000 requests"):
        Ecosystem(name="x", services=SHOP, environments=(Environment(name="local", edge_requests_per_second=requests),))
