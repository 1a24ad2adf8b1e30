"""Where the edge reaches an issuer that is no process of ours: by name, over TLS with the authorities of the system."""

import ssl
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from arnia.ecosystem import Issuer
from arnia.errors import OutsideError
from arnia.local.envoy_types import Json, duration, typed

OUTSIDE: Final = "outside_issuer"
"""The cluster; no service can have the name."""
CONNECT_SECONDS: Final = 3.0
_BUNDLES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


def authorities() -> str:
    """Return the path of the system's bundle of certificate authorities; `SSL_CERT_FILE` may name another.

    Raises:
        OutsideError: There is none.
    """
    found = ssl.get_default_verify_paths().cafile
    for path in (found, *_BUNDLES):
        if path and Path(path).is_file():
            return path
    message = (
        "No bundle of certificate authorities was found, so the issuer cannot be believed: name it in SSL_CERT_FILE."
    )
    raise OutsideError(message)


def outside_cluster(issuer: Issuer) -> Json:
    """Return the cluster of the host that publishes the keys of `issuer`.

    Raises:
        OutsideError: It takes TLS, and there are no certificate authorities.
    """
    where = {"socket_address": {"address": issuer.host, "port_value": issuer.port}}
    return {
        "name": OUTSIDE,
        "type": "STRICT_DNS",
        "dns_lookup_family": "V4_PREFERRED",
        "connect_timeout": duration(CONNECT_SECONDS),
        "load_assignment": {
            "cluster_name": OUTSIDE,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": where}}]}],
        },
        **({"transport_socket": _tls(issuer.host)} if issuer.secure else {}),
    }


def _tls(host: str) -> Json:
    named = _is_name(host)
    wanted = {"san_type": "DNS" if named else "IP_ADDRESS", "matcher": {"exact": host}}
    return {
        "name": "envoy.transport_sockets.tls",
        "typed_config": typed(
            "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            **({"sni": host} if named else {}),
            common_tls_context={
                "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
                "validation_context": {
                    "trusted_ca": {"filename": authorities()},
                    "match_typed_subject_alt_names": [wanted],
                },
            },
        ),
    }


def _is_name(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return True
    return False
