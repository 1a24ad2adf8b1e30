"""Where the edge sends requests: one cluster per group of like processes, whose addresses it reads from a file."""

import json
from collections.abc import Iterable
from typing import Final

from arnia.conventions import LOOPBACK, READY_PATH
from arnia.local.envoy_types import Json, duration, typed

MAX_CONNECTIONS: Final = 256
"""Connections from the edge to one cluster; further requests wait in a queue that is bounded too."""
MAX_WAITING: Final = 4096
UPSTREAM_IDLE_SECONDS: Final = 3.0
"""Below uvicorn's keep-alive (5 s), so that the edge never writes into a connection that is being closed."""
CHECK_SECONDS: Final = 0.5
CHECK_TIMEOUT_SECONDS: Final = 3.0
"""How long a process may take to say that it is ready; twice too long, and it gets no requests."""


def address(port: int) -> Json:
    """Return a socket at the loopback address."""
    return {"socket_address": {"address": LOOPBACK, "port_value": port}}


def assignment(cluster: str, ports: Iterable[int]) -> str:
    """Return the content of a cluster's endpoint file."""
    resource = typed(
        "envoy.config.endpoint.v3.ClusterLoadAssignment",
        cluster_name=cluster,
        endpoints=[{"lb_endpoints": [{"endpoint": {"address": address(port)}} for port in sorted(ports)]}],
    )
    return json.dumps({"resources": [resource]}) + "\n"


def cluster(name: str, endpoints: str) -> Json:
    """Return the cluster `name`, whose file is in the folder `endpoints`."""
    return {
        "name": name,
        "type": "EDS",
        "connect_timeout": duration(1.0),
        "lb_policy": "LEAST_REQUEST",
        "ignore_health_on_host_removal": True,
        # Where nobody is healthy the answer is 503 at once; Envoy would try them all the same, and wait.
        "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
        "eds_cluster_config": {
            "eds_config": {
                "resource_api_version": "V3",
                "path_config_source": {
                    "path": f"{endpoints}/{name}.json",
                    "watched_directory": {"path": endpoints},
                },
            }
        },
        "health_checks": [_health_check()],
        "circuit_breakers": {
            "thresholds": [
                {
                    "max_connections": MAX_CONNECTIONS,
                    "max_pending_requests": MAX_WAITING,
                    "max_requests": MAX_CONNECTIONS + MAX_WAITING,
                    "max_retries": 0,
                }
            ]
        },
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(
                "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                common_http_protocol_options={"idle_timeout": duration(UPSTREAM_IDLE_SECONDS)},
                explicit_http_config={"http_protocol_options": {}},
            )
        },
    }


def _health_check() -> Json:
    return {
        "timeout": duration(CHECK_TIMEOUT_SECONDS),
        "interval": duration(CHECK_SECONDS),
        "no_traffic_interval": duration(CHECK_SECONDS),
        "unhealthy_threshold": 2,
        "healthy_threshold": 1,
        "http_health_check": {"path": READY_PATH, "host": "localhost"},
    }
