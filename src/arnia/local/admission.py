"""What the edge does with a request before it routes it: forged headers out, floods back, tokens verified.

Services trust nothing of this. They verify each token themselves, and read who calls from nowhere else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from arnia.conventions import (
    EDGE_KEYS_SECONDS,
    EDGE_OUTSIDE_KEYS_SECONDS,
    IDENTITY_HEADERS,
    IDENTITY_PREFIXES,
    KEYS_PATH,
)
from arnia.ecosystem import Issuer
from arnia.ecosystem.environments import EDGE_REQUESTS
from arnia.local.envoy_types import Json, duration, http_filter, typed
from arnia.local.outsiders import OUTSIDE

RETRY_SECONDS: Final = 1.0
"""After how long the issuer is asked again when it did not answer."""
OUTSIDE_SECONDS: Final = 5.0
"""The same for an issuer that somebody else runs."""
SKEW_SECONDS: Final = 5
MAX_TOKEN_BYTES: Final = 8192
KNOWN_TOKENS: Final = 1000
"""How many verified tokens each worker of Envoy remembers."""
FAILURE: Final = "failure"
"""The key of Envoy's metadata under which the reason of a refusal is found."""
JWT_FILTER: Final = "envoy.filters.http.jwt_authn"
_PROVIDER: Final = "issuer"
_HTTP: Final = "envoy.extensions.filters.http"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Whose tokens the edge believes.

    Attributes:
        issuer: Their `iss`.
        cluster: The processes that publish the keys.
        keys_path: Where these do.
        keys_seconds: How long the keys are kept, at least six seconds; Envoy asks again five seconds before, and keeps
            them on while nobody answers.
        outside: The issuer, where it is none of these processes.
    """

    issuer: str
    cluster: str
    keys_path: str = KEYS_PATH
    keys_seconds: float = EDGE_KEYS_SECONDS
    outside: Issuer | None = None

    @classmethod
    def in_outsider(cls, issuer: Issuer) -> "Trust":
        """Return trust in an issuer that somebody else runs."""
        return cls(issuer=issuer.url, cluster=OUTSIDE, keys_seconds=EDGE_OUTSIDE_KEYS_SECONDS, outside=issuer)

    @property
    def keys_url(self) -> str:
        """Where the keys are asked for."""
        return f"http://{self.cluster}{self.keys_path}" if self.outside is None else self.outside.keys

    @property
    def patience(self) -> float:
        """How many seconds an answer may take."""
        return RETRY_SECONDS if self.outside is None else OUTSIDE_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Flood:
    """More than one address may ask: `requests` at once, and as many again in every `seconds`."""

    requests: int = EDGE_REQUESTS
    seconds: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a path, and everything below it, asks for: a token for `audience`, or none where that is empty."""

    match: Json
    audience: str = ""


def strip_identity() -> Json:
    """Return what takes out of a request everything by which a client may pretend to be somebody, or somewhere else.

    It comes before Envoy adds what it knows itself (`x-forwarded-for`, `x-forwarded-proto`).
    """
    by_name: list[Json] = [{"remove": name} for name in IDENTITY_HEADERS]
    by_prefix: list[Json] = [
        {"remove_on_match": {"key_matcher": {"prefix": prefix, "ignore_case": True}}} for prefix in IDENTITY_PREFIXES
    ]
    kind = "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation"
    return {
        "name": "envoy.http.early_header_mutation.header_mutation",
        "typed_config": typed(kind, mutations=[*by_name, *by_prefix]),
    }


def verify_tokens(trust: Trust, rules: Sequence[Rule]) -> Json:
    """Return the filter that holds requests against the first of `rules` that matches."""
    return http_filter(
        "jwt_authn",
        f"{_HTTP}.jwt_authn.v3.JwtAuthentication",
        providers={_PROVIDER: _provider(trust)},
        rules=[_OF_OPTIONS, *(_rule(rule) for rule in rules)],
        # Envoy's own WWW-Authenticate would repeat the whole URL, with whatever is in its query.
        strip_failure_response=True,
    )


_OF_OPTIONS: Final[Json] = {
    "match": {"prefix": "/", "headers": [{"name": ":method", "string_match": {"exact": "OPTIONS"}}]}
}
"""Which methods a path has is no secret, and a browser asks for it without a token (CORS)."""


def _rule(rule: Rule) -> Json:
    if not rule.audience:
        return {"match": rule.match}
    wanted = {"provider_name": _PROVIDER, "audiences": [rule.audience]}
    return {"match": rule.match, "requires": {"provider_and_audiences": wanted}}


def _provider(trust: Trust) -> Json:
    return {
        "issuer": trust.issuer,
        "remote_jwks": {
            "http_uri": {
                "uri": trust.keys_url,
                "cluster": trust.cluster,
                "timeout": duration(trust.patience),
            },
            "cache_duration": duration(trust.keys_seconds),
            # The edge opens its door although the keys are not there yet: what is public needs none.
            "async_fetch": {"fast_listener": True, "failed_refetch_duration": duration(trust.patience)},
        },
        # The name of the scheme may be written in any case (RFC 9110, 11.1); these are the ways in which it is.
        "from_headers": [
            {"name": "Authorization", "value_prefix": f"{scheme} "} for scheme in ("Bearer", "bearer", "BEARER")
        ],
        "forward": True,
        "clock_skew_seconds": SKEW_SECONDS,
        "require_expiration": True,
        "jwt_cache_config": {"jwt_cache_size": KNOWN_TOKENS, "jwt_max_token_size": MAX_TOKEN_BYTES},
        "failed_status_in_metadata": FAILURE,
    }


def hold_back(flood: Flood) -> Json:
    """Return the filter that holds back an address which sends a flood; each address has a bucket of its own."""
    bucket = {
        "max_tokens": flood.requests,
        "tokens_per_fill": flood.requests,
        "fill_interval": duration(flood.seconds),
    }
    everything = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    return http_filter(
        "local_ratelimit",
        f"{_HTTP}.local_ratelimit.v3.LocalRateLimit",
        stat_prefix="flood",
        token_bucket=bucket,
        always_consume_default_token_bucket=False,
        filter_enabled=everything,
        filter_enforced=everything,
        rate_limits=[{"actions": [{"remote_address": {}}]}],
        descriptors=[{"entries": [{"key": "remote_address"}], "token_bucket": bucket}],
        max_dynamic_descriptors=4096,
    )
