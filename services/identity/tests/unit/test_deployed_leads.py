"""What the cluster is told of keys: its edge keeps them no longer than the issuer counts with."""

from pathlib import Path

import yaml

from identity.config import EDGE_CACHE_SECONDS, REFRESH_SECONDS

PRODUCTION = Path(__file__).resolve().parents[4] / "deploy/production"


def _kept() -> list[int]:
    policies = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in PRODUCTION.glob("*/security-policy.yaml")]
    providers = [provider for policy in policies for provider in policy["spec"]["jwt"]["providers"]]
    return [int(provider["remoteJWKS"]["cacheDuration"].removesuffix("s")) for provider in providers]


def test_every_edge_policy_of_the_cluster_fits_the_guard() -> None:
    """No policy keeps keys longer than what the guard of the lead counts for an edge, clocks included."""
    kept = _kept()
    assert kept
    assert all(seconds + 5 <= EDGE_CACHE_SECONDS for seconds in kept), kept


def test_the_lead_in_the_cluster_is_longer_than_every_cache_in_it() -> None:
    """A key that begins to sign is known at the edge and in services: the lead there outlasts all caches together."""
    told = yaml.safe_load((PRODUCTION / "identity/config-map.yaml").read_text(encoding="utf-8"))["data"]
    caches = int(told["IDENTITY_JWKS_MAX_AGE_SECONDS"]) + max(_kept()) + 5 + REFRESH_SECONDS
    assert int(told["IDENTITY_KEY_LEAD_SECONDS"]) > caches
