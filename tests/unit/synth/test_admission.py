"""What the edge of a cluster asks for: tokens where the page says so, of the issuer that it says, and patience."""

from typing import Final

import msgspec
import pytest
from pydantic import JsonValue
from tests.unit.synth.meadow import MEADOW, PRODUCTION, contracts_of
from tests.unit.synth.objects import Object, Objects

from arnia.contracts import Contract, Document
from arnia.conventions import (
    EDGE_KEYS_SECONDS,
    EDGE_OUTSIDE_KEYS_SECONDS,
    IDENTITY_HEADERS,
    IDENTITY_PREFIXES,
    variable,
)
from arnia.ecosystem import Ecosystem, Environment, Issuer, Route
from arnia.errors import DeclarationError
from arnia.local.admission import Trust, strip_identity
from arnia.synth.admission import BackendTrafficPolicy, ClientTrafficPolicy, SecurityPolicy
from arnia.synth.artefacts import synth

REALM = Issuer(
    url="https://login.example/realms/meadow",
    keys="https://login.example:8443/realms/meadow/certs",
    token_type="JWT",
    algorithms=("RS256",),
    roles="realm_access.roles",
)


def _told(ecosystem: Ecosystem, environment: Environment) -> Objects:
    contracts = contracts_of(ecosystem)
    for service, contract in contracts.items():
        settings = contract.settings["settings"]
        rows = [{**settings[0], "type": "str", "variable": variable(service, name)} for name in REALM.settings]
        known = {row["variable"] for row in settings}
        mended = {"settings": [*settings, *(row for row in rows if row["variable"] not in known)]}
        contracts[service] = contract.model_copy(update={"settings": mended})
    return Objects.read(synth(ecosystem, environment, contracts))


def _provider(policy: Object) -> Object:
    (provider,) = policy["spec"]["jwt"]["providers"]
    return dict(provider)


def _guarded(found: Objects) -> dict[str, tuple[str, str, tuple[str, ...]]]:
    """Return, by path and method, which issuer, keys and audiences it takes a token of."""
    asked = {
        policy["spec"]["targetRefs"][0]["name"]: (
            _provider(policy)["issuer"],
            _provider(policy)["remoteJWKS"]["uri"],
            tuple(_provider(policy)["audiences"]),
        )
        for policy in found.of("SecurityPolicy")
    }
    return {
        f"{match.get('method', 'any')} {match['path']['value']}": asked[route["metadata"]["name"]]
        for route in found.of("HTTPRoute")
        if route["metadata"]["name"] in asked
        for rule in route["spec"]["rules"]
        for match in rule["matches"]
    }


def _kept(found: Objects) -> set[str]:
    return {_provider(policy)["remoteJWKS"]["cacheDuration"] for policy in found.of("SecurityPolicy")}


def _open(found: Objects) -> set[str]:
    asked = {policy["spec"]["targetRefs"][0]["name"] for policy in found.of("SecurityPolicy")}
    return {
        f"{match.get('method', 'any')} {match['path']['value']}"
        for route in found.of("HTTPRoute")
        if route["metadata"]["name"] not in asked
        for rule in route["spec"]["rules"]
        for match in rule["matches"]
        if not match["path"]["value"].startswith("/problems")
    }


def test_the_edge_asks_for_tokens_of_the_issuer_of_the_page() -> None:
    """Every route that is not public takes a token for its service; public ones take none, and neither does OPTIONS."""
    found = Objects.read(synth(MEADOW, PRODUCTION, contracts_of(MEADOW)))
    own = ("https://meadow.example", "http://queen.meadow-production.svc.cluster.local/.well-known/jwks.json")
    paths = {"gate": ("/bff/web", "/bff/mobile"), "nectar": ("/api/v1/nectar", "/api/v2/nectar", "/flowers")}
    wanted = {f"any {path}": (*own, (name,)) for name, each in paths.items() for path in each}
    assert _guarded(found) == wanted
    assert _open(found) == {"any /token", *(path.replace("any", "OPTIONS") for path in wanted)}


def test_the_edge_keeps_keys_as_long_as_that_of_a_laptop() -> None:
    """It says so: what it keeps them for otherwise is longer than the issuer waits before a new key signs."""
    found = Objects.read(synth(MEADOW, PRODUCTION, contracts_of(MEADOW)))
    assert _kept(found) == {f"{EDGE_KEYS_SECONDS}s"} == {f"{Trust(issuer='', cluster='').keys_seconds}s"}


def test_the_edge_asks_for_tokens_of_an_issuer_outside() -> None:
    """So it does where the environment names one; services are told about it, and may ask for its keys."""
    nectar = MEADOW.service("nectar")
    routes = (*nectar.exposes, Route(path="/flowers/weather", public=True))
    services = tuple(one for one in MEADOW.services if one.name != "nectar")
    mixed = (*services, nectar.model_copy(update={"exposes": routes}))
    ecosystem = MEADOW.model_copy(update={"issuer": "", "services": mixed})
    found = _told(ecosystem, PRODUCTION.model_copy(update={"issuer": REALM}))
    assert _guarded(found)["any /flowers"] == (REALM.url, REALM.keys, ("nectar",))
    assert _kept(found) == {f"{EDGE_OUTSIDE_KEYS_SECONDS}s"}
    assert {"any /flowers/weather", "any /token", "OPTIONS /flowers"} <= _open(found)
    data = found.by_path["production/bee-line/config-map.yaml"]["data"]
    assert {name: data[variable("bee-line", name)] for name in REALM.settings} == REALM.settings
    egress = found.by_path["production/bee-line/network-policy.yaml"]["spec"]["egress"]
    assert {"ports": [{"port": 8443, "protocol": "TCP"}]} in egress


def test_without_an_issuer_nothing_takes_a_token() -> None:
    """Where nobody issues tokens there is no policy about them."""
    ecosystem = MEADOW.model_copy(update={"issuer": ""})
    found = Objects.read(synth(ecosystem, PRODUCTION, contracts_of(ecosystem)))
    assert found.of("SecurityPolicy") == []
    assert "any /flowers" in _open(found)


def _with_proxies() -> dict[str, Contract]:
    contracts = contracts_of(MEADOW)
    for name, contract in contracts.items():
        row: JsonValue = {
            "type": "tuple[str, ...]",
            "required": False,
            "default": "('127.0.0.0/8', '::1/128')",
            "variable": variable(name, "trusted_proxies"),
        }
        settings = {"settings": [*contract.settings["settings"], row]}
        contracts[name] = contract.model_copy(update={"settings": settings})
    return contracts


def _trusted(environment: Environment) -> dict[str, str]:
    found = Objects.read(synth(MEADOW, environment, _with_proxies())).of("ConfigMap")
    told = [(one["metadata"]["name"], name, text) for one in found for name, text in one["data"].items()]
    return {service: text for service, name, text in told if name.endswith("_TRUSTED_PROXIES")}


def test_exposed_services_believe_the_proxies_of_the_page() -> None:
    """They believe their networks beside the own pod, where a mesh has its proxy; a setting for one service wins."""
    told = PRODUCTION.model_copy(update={"proxies": ("10.244.0.0/16", "fd00:10:244::/56")})
    listed = "127.0.0.0/8,::1/128,10.244.0.0/16,fd00:10:244::/56"
    assert _trusted(told) == dict.fromkeys(("gate", "nectar-v1", "nectar-v2", "queen"), listed)
    mixed = told.model_copy(update={"settings": {"QUEEN_TRUSTED_PROXIES": "10.9.0.0/16"}})
    assert _trusted(mixed) == {**_trusted(told), "queen": "10.9.0.0/16"}


def test_an_issuer_must_know_where_the_proxies_are() -> None:
    """It counts failed logins by address: without the networks everybody would be locked out by anybody."""
    with pytest.raises(
        DeclarationError, match=r"'queen' counts by address.*`proxies=\(\"10\.244\.0\.0/16\",\)`"
    ) as told:
        synth(MEADOW, PRODUCTION, _with_proxies())
    assert "'gate'" not in str(told.value)


def test_the_page_says_whose_word_about_callers_is_taken() -> None:
    """A list of networks, which no default of a contract carries, reaches the service as it was said."""
    contracts = _with_proxies()
    told = PRODUCTION.model_copy(update={"settings": {"QUEEN_TRUSTED_PROXIES": "10.244.0.0/16,fd00:10:244::/56"}})
    data = Objects.read(synth(MEADOW, told, contracts)).by_path["production/queen/config-map.yaml"]["data"]
    assert data["QUEEN_TRUSTED_PROXIES"] == "10.244.0.0/16,fd00:10:244::/56"


SHARED: Final = "shared_token_key"


def _guarded_contracts(ecosystem: Ecosystem, *names: str) -> dict[str, Contract]:
    contracts = contracts_of(ecosystem)
    document: Document = {"paths": {"/api/v1/things": {"get": {"security": [{"bearer": []}]}}}}
    for name in names:
        key: JsonValue = {
            "type": "SecretStr | None",
            "required": False,
            "secret": True,
            "variable": variable(name, SHARED),
        }
        settings = {"settings": [*contracts[name].settings["settings"], key]}
        contracts[name] = contracts[name].model_copy(update={"openapi": {1: document}, "settings": settings})
    return contracts


def test_several_services_of_a_cluster_get_no_shared_keys() -> None:
    """Where nobody issues tokens, one service may verify with a shared key; with two, who is left with one is named."""
    ecosystem = MEADOW.model_copy(update={"issuer": ""})
    alone = Objects.read(synth(ecosystem, PRODUCTION, _guarded_contracts(ecosystem, "gate")))
    assert alone.of("SecurityPolicy") == []
    both = _guarded_contracts(ecosystem, "gate", "nectar")
    with pytest.raises(DeclarationError, match=r"gate_shared_token_key, nectar_shared_token_key.*name an `issuer`"):
        synth(ecosystem, PRODUCTION, both)
    told = {"NECTAR_ISSUER": "https://login.example"}
    with pytest.raises(DeclarationError, match=r"\(gate_shared_token_key\).*name an `issuer`"):
        synth(ecosystem, PRODUCTION.model_copy(update={"settings": told}), both)
    told["GATE_ISSUER"] = told["NECTAR_ISSUER"]
    assert synth(ecosystem, PRODUCTION.model_copy(update={"settings": told}), both)
    assert synth(ecosystem.model_copy(update={"issuer": "queen"}), PRODUCTION, both)


def test_told_keys_stand_alone() -> None:
    """Where the page says who issues tokens, keys by setting are a fault; else no shared key is mounted."""
    ecosystem = MEADOW.model_copy(update={"issuer": ""})
    contracts = _guarded_contracts(ecosystem, "gate", "nectar")
    rows: list[JsonValue] = [
        {"type": "str", "required": False, "default": "", "variable": f"{name}_TOKEN_KEYS"}
        for name in ("GATE", "NECTAR")
    ]
    for name, row in zip(("gate", "nectar"), rows, strict=True):
        settings = {"settings": [*contracts[name].settings["settings"], row]}
        contracts[name] = contracts[name].model_copy(update={"settings": settings})
    told = {"GATE_TOKEN_KEYS": '{"keys": []}'}
    told |= {f"{name}_ISSUER": "https://login.example" for name in ("GATE", "NECTAR")}
    found = Objects.read(synth(ecosystem, PRODUCTION.model_copy(update={"settings": told}), contracts))
    assert found.by_path["production/gate/config-map.yaml"]["data"]["GATE_TOKEN_KEYS"] == told["GATE_TOKEN_KEYS"]
    assert "gate_shared_token_key" not in str(found.by_path["production/gate/deployment.yaml"])
    assert "nectar_shared_token_key" in str(found.by_path["production/nectar/deployment-v1.yaml"])
    told = {"GATE_TOKEN_KEYS": told["GATE_TOKEN_KEYS"]}
    with pytest.raises(DeclarationError, match="GATE_TOKEN_KEYS is decided by synthesis: remove it"):
        synth(MEADOW, PRODUCTION.model_copy(update={"settings": told}), contracts)


def test_the_rate_limit_is_that_of_the_environment() -> None:
    """What one address may send is a number of the page, in IPv4 and in IPv6, each address for itself."""
    environment = PRODUCTION.model_copy(update={"edge_requests_per_second": 70})
    (policy,) = Objects.read(synth(MEADOW, environment, contracts_of(MEADOW))).of("BackendTrafficPolicy")
    rules = policy["spec"]["rateLimit"]["local"]["rules"]
    assert [rule["limit"] for rule in rules] == [{"requests": 70, "unit": "Second"}] * 2
    networks = [rule["clientSelectors"][0]["sourceCIDR"] for rule in rules]
    assert networks == [{"type": "Distinct", "value": value} for value in ("0.0.0.0/0", "::/0")]


def test_the_edge_takes_out_what_the_one_of_a_laptop_takes_out() -> None:
    """One policy for the whole Gateway removes the same fields and prefixes, no more than either kind may have."""
    found = Objects.read(synth(MEADOW, PRODUCTION, contracts_of(MEADOW)))
    (policy,) = found.of("ClientTrafficPolicy")
    assert policy["spec"]["targetRefs"] == [
        {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": found.of("Gateway")[0]["metadata"]["name"]}
    ]
    removal = policy["spec"]["headers"]["earlyRequestHeaders"]
    laptop = strip_identity()["typed_config"]["mutations"]
    assert removal["remove"] == [one["remove"] for one in laptop if "remove" in one]
    prefixes = [one["remove_on_match"]["key_matcher"]["prefix"] for one in laptop if "remove_on_match" in one]
    assert removal["removeOnMatch"] == [{"type": "Prefix", "value": prefix} for prefix in prefixes]
    assert {"x-roles", "forwarded"} <= {*removal["remove"]}
    assert {"x-arnia-", "x-forwarded-"} <= {*prefixes}
    assert 0 < len(IDENTITY_HEADERS) <= 16
    assert 0 < len(IDENTITY_PREFIXES) <= 16


def test_without_a_door_there_is_no_policy_of_one() -> None:
    """Where nothing is exposed there is no Gateway, and nothing that is about one."""
    services = tuple(one.model_copy(update={"exposes": ()}) for one in MEADOW.services)
    ecosystem = MEADOW.model_copy(update={"services": services})
    found = Objects.read(synth(ecosystem, PRODUCTION, contracts_of(ecosystem)))
    kinds = ("Gateway", "ClientTrafficPolicy", "BackendTrafficPolicy", "SecurityPolicy", "HTTPRoute")
    assert [found.of(kind) for kind in kinds] == [[]] * len(kinds)


def test_what_the_structs_do_not_know_is_refused() -> None:
    """A field that is not there, or a limit that is no number, does not get into a file."""
    found = Objects.read(synth(MEADOW, PRODUCTION, contracts_of(MEADOW)))
    for kind in (BackendTrafficPolicy, SecurityPolicy, ClientTrafficPolicy):
        thing, *_ = found.of(kind.__name__)
        msgspec.convert(thing, kind)
        with pytest.raises(msgspec.ValidationError, match="unknown field"):
            msgspec.convert({**thing, "spec": {**thing["spec"], "other": 1}}, kind)


def test_an_issuer_at_this_machine_is_no_issuer_of_a_cluster() -> None:
    """Pods reach no loopback address of the one who declares: that is a fault."""
    environment = PRODUCTION.model_copy(
        update={"issuer": Issuer(url="https://login.example", keys="http://127.0.0.1:9000/keys")}
    )
    ecosystem = MEADOW.model_copy(update={"issuer": ""})
    with pytest.raises(DeclarationError, match="no pod reaches"):
        synth(ecosystem, environment, contracts_of(ecosystem))
