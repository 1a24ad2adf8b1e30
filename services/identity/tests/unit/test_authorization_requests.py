"""What an authorization request must be before anybody is asked for a password."""

import pytest

from identity.models.authorization import AuthorizationRequest, Refusal, examine, is_registered
from identity.models.clients import Grant, Registration

CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
HOME = "https://app.example.org/callback"
APP = Registration(
    client_id="app",
    grants=frozenset({Grant.AUTHORIZATION_CODE}),
    audiences={"delivery": frozenset({"deliveries:read"}), "drone": frozenset({"drones:read"})},
    redirect_uris=(HOME,),
    public=True,
)
NATIVE = APP.model_copy(update={"redirect_uris": ("http://127.0.0.1/callback", "http://[::1]:7000/x?y=1")})
GOOD = {
    "response_type": ["code"],
    "code_challenge": [CHALLENGE],
    "code_challenge_method": ["S256"],
    "scope": ["openid deliveries:read unheard:of"],
    "state": ["s"],
}


def test_a_good_request_is_read() -> None:
    """What a good request asks for is kept as it came."""
    found = examine(GOOD, APP, HOME)
    assert isinstance(found, AuthorizationRequest)
    assert found.scope == "openid deliveries:read unheard:of"
    assert found.audiences == ()
    assert (found.state, found.challenge, found.redirect_uri) == ("s", CHALLENGE, HOME)


def test_audiences_may_come_more_than_once() -> None:
    """`audience` and `resource` are two names of one thing, and may be repeated (RFC 8707)."""
    found = examine({**GOOD, "audience": ["drone", "delivery"], "resource": ["x"]}, APP, HOME)
    assert isinstance(found, AuthorizationRequest)
    assert found.audiences == ("drone", "delivery", "x")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"response_type": []}, "invalid_request"),
        ({"response_type": ["token"]}, "unsupported_response_type"),
        ({"response_type": ["code id_token"]}, "unsupported_response_type"),
        ({"response_mode": ["fragment"]}, "invalid_request"),
        ({"response_mode": ["form_post"]}, "invalid_request"),
        ({"code_challenge": []}, "invalid_request"),
        ({"code_challenge": [CHALLENGE[:-1]]}, "invalid_request"),
        ({"code_challenge_method": []}, "invalid_request"),
        ({"code_challenge_method": ["plain"]}, "invalid_request"),
        ({"state": ["a", "b"]}, "invalid_request"),
        ({"state": ["a" * 2049]}, "invalid_request"),
        ({"nonce": ["a" * 513]}, "invalid_request"),
        ({"max_age": ["-1"]}, "invalid_request"),
        ({"max_age": ["soon"]}, "invalid_request"),
        ({"prompt": ["none"]}, "login_required"),
        ({"prompt": ["none login"]}, "invalid_request"),
        ({"prompt": ["create"]}, "invalid_request"),
        ({"request": ["e30.e30."]}, "request_not_supported"),
        ({"request_uri": ["https://evil.example"]}, "request_uri_not_supported"),
        ({"registration": ["{}"]}, "registration_not_supported"),
    ],
)
def test_what_is_wrong_has_its_code(change: dict[str, list[str]], error: str) -> None:
    """Each thing that is wrong with a request is told by the code of its standard."""
    found = examine({**GOOD, **change}, APP, HOME)
    assert isinstance(found, Refusal)
    assert found.error == error


@pytest.mark.parametrize("prompt", ["login", "consent", "login consent", "select_account"])
def test_prompts_that_are_met_anyway_pass(prompt: str) -> None:
    """Everybody logs in each time, so that whoever demands it has it."""
    assert isinstance(examine({**GOOD, "prompt": [prompt], "max_age": ["0"]}, APP, HOME), AuthorizationRequest)


def test_a_client_without_the_grant_gets_no_code() -> None:
    """The grant is part of the registration."""
    found = examine(GOOD, APP.model_copy(update={"grants": frozenset({Grant.REFRESH_TOKEN})}), HOME)
    assert isinstance(found, Refusal)
    assert found.error == "unauthorized_client"


@pytest.mark.parametrize(
    "address",
    [
        HOME + "/",
        HOME + "/../evil",
        HOME + "?x=1",
        HOME + "#x",
        HOME + "%2f",
        HOME + "evil",
        HOME[:-1],
        "https://app.example.org/Callback",
        "https://APP.example.org/callback",
        "HTTPS://app.example.org/callback",
        "http://app.example.org/callback",
        "https://app.example.org:443/callback",
        "https://app.example.org@evil.example/callback",
        "https://evil.example/https://app.example.org/callback",
        "https://app.example.org.evil.example/callback",
        "https://app.example.org\\@evil.example/callback",
        "https://app.exаmple.org/callback",  # noqa: RUF001 - the Cyrillic letter is the attack
        "https://app.example.org/callback\n",
        " https://app.example.org/callback",
        "//app.example.org/callback",
        "javascript:alert(1)",
        "",
    ],
)
def test_addresses_are_compared_to_the_letter(address: str) -> None:
    """Nothing that merely resembles a registered address is one."""
    assert not is_registered(address, APP)
    assert is_registered(HOME, APP)


@pytest.mark.parametrize(
    ("address", "good"),
    [
        ("http://127.0.0.1:51004/callback", True),
        ("http://127.0.0.1/callback", True),
        ("http://[::1]:51004/x?y=1", True),
        ("http://[::1]/x?y=1", True),
        ("http://127.0.0.1:51004/callback/x", False),
        ("http://127.0.0.1:0/callback", False),
        ("http://127.0.0.1:65536/callback", False),
        ("http://127.0.0.1:\uff15/callback", False),
        ("http://127.0.0.1:/callback", False),
        ("http://127.0.0.1:80@evil.example/callback", False),
        ("http://127.0.0.1.evil.example/callback", False),
        ("http://127.0.0.2:51004/callback", False),
        ("http://localhost:51004/callback", False),
        ("https://127.0.0.1:51004/callback", False),
        ("http://127.0.0.1:51004/x?y=1", False),
        ("http://[::1]:51004/callback", False),
    ],
)
def test_an_app_on_a_device_listens_on_any_port(address: str, good: bool) -> None:  # noqa: FBT001 - the case
    """The port of a public client's loopback address is free, and nothing else of it (RFC 8252, 7.3)."""
    assert is_registered(address, NATIVE) is good
    assert not is_registered("http://127.0.0.1:51004/callback", NATIVE.model_copy(update={"public": False}))
