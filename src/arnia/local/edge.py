"""The edge as Envoy's configuration: a pure function of what the ecosystem `exposes`.

Nothing else passes: no path is rewritten, no request is retried, and whatever Envoy answers itself is a problem
(RFC 9457) like those of the services behind it. Where the services listen is not in here: Envoy reads that from one
file per cluster (`assignment`), which is replaced while it runs.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Final

from arnia.conventions import LOOPBACK, PROBLEM_PREFIX, READY_PATH, REQUEST_ID_HEADER
from arnia.ecosystem import Ecosystem, Environment, Service
from arnia.ecosystem.groups import group_name, groups
from arnia.local.answers import LOCAL_REPLIES
from arnia.local.envoy_types import Json, duration, typed

MAX_BODY_BYTES: Final = 8 * 1024 * 1024
"""The edge refuses what no service could want; each service's own limit (`max_body_bytes`) is lower."""
MAX_HEADERS_KIB: Final = 32
MAX_HEADERS: Final = 100
MAX_CONNECTIONS: Final = 256
"""Connections from the edge to one cluster; further requests wait in a queue that is bounded too."""
MAX_WAITING: Final = 4096
REQUEST_SECONDS: Final = 35.0
"""Above the services' own ceiling (30 s), so that the service answers 504 first and rolls back."""
UPLOAD_SECONDS: Final = 60.0
HEADERS_SECONDS: Final = 10.0
CLIENT_IDLE_SECONDS: Final = 60.0
UPSTREAM_IDLE_SECONDS: Final = 3.0
"""Below uvicorn's keep-alive (5 s), so that the edge never writes into a connection that is being closed."""
CHECK_SECONDS: Final = 0.5
_BELOW: Final = "path_separated_prefix"
"""Envoy's word for a path and everything below it, but not for longer names."""
_HTTP: Final = "envoy.extensions.filters.http"


def edge_configuration(ecosystem: Ecosystem, environment: Environment, *, port: int, endpoints: str) -> str:
    """Return Envoy's configuration, as JSON.

    Args:
        ecosystem: Whose `exposes` to serve.
        environment: Says which services' versions run apart.
        port: Where to listen, at the loopback address.
        endpoints: The folder with one endpoint file per cluster, absolute.
    """
    exposing = [service for service in ecosystem.services if service.exposes]
    names = [group_name(service.name, version) for service in exposing for version in groups(service, environment)]
    routes = [route for service in exposing for route in _routes(service, environment)]
    if names:
        routes.append(_route({_BELOW: PROBLEM_PREFIX}, names[0]))
    configuration: Json = {
        "node": {"id": "edge", "cluster": ecosystem.name},
        "static_resources": {
            "listeners": [_listener(port, sorted(routes, key=_specificity))],
            "clusters": [_cluster(name, endpoints) for name in names],
        },
    }
    return json.dumps(configuration, indent=2) + "\n"


def assignment(cluster: str, ports: Iterable[int]) -> str:
    """Return the content of a cluster's endpoint file."""
    resource = typed(
        "envoy.config.endpoint.v3.ClusterLoadAssignment",
        cluster_name=cluster,
        endpoints=[{"lb_endpoints": [{"endpoint": {"address": _address(port)}} for port in sorted(ports)]}],
    )
    return json.dumps({"resources": [resource]}) + "\n"


def _routes(service: Service, environment: Environment) -> Iterable[Json]:
    apart = groups(service, environment)
    for route in service.exposes:
        version = route.version if route.version in apart else apart[-1]
        yield _route({_BELOW: route.path}, group_name(service.name, version))
    # Every service describes the platform's problems, and each its own, whose names begin with its name.
    yield _route({"prefix": f"{PROBLEM_PREFIX}/{service.name}-"}, group_name(service.name, apart[-1]))


def _route(match: Json, cluster: str) -> Json:
    return {"match": match, "route": {"cluster": cluster, "timeout": duration(REQUEST_SECONDS)}}


def _specificity(route: Json) -> tuple[int, str]:
    (path,) = route["match"].values()
    return -len(path), path


def _address(port: int) -> Json:
    return {"socket_address": {"address": LOOPBACK, "port_value": port}}


def _listener(port: int, routes: Sequence[Json]) -> Json:
    return {
        "name": "edge",
        "address": _address(port),
        "per_connection_buffer_limit_bytes": MAX_BODY_BYTES,
        "filter_chains": [
            {"filters": [{"name": "http", "typed_config": _connection_manager(routes)}]},
        ],
    }


def _connection_manager(routes: Sequence[Json]) -> Json:
    return typed(
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="edge",
        server_header_transformation="PASS_THROUGH",
        use_remote_address=True,
        internal_address_config={"unix_sockets": False},
        preserve_external_request_id=True,
        always_set_request_id_in_response=True,
        normalize_path=True,
        merge_slashes=True,
        path_with_escaped_slashes_action="REJECT_REQUEST",
        strip_any_host_port=True,
        max_request_headers_kb=MAX_HEADERS_KIB,
        request_headers_timeout=duration(HEADERS_SECONDS),
        request_timeout=duration(UPLOAD_SECONDS),
        stream_idle_timeout=duration(UPLOAD_SECONDS),
        common_http_protocol_options={
            "idle_timeout": duration(CLIENT_IDLE_SECONDS),
            "max_headers_count": MAX_HEADERS,
            "headers_with_underscores_action": "DROP_HEADER",
        },
        local_reply_config=LOCAL_REPLIES,
        route_config={
            "name": "exposed",
            "virtual_hosts": [{"name": "edge", "domains": ["*"], "routes": list(routes)}],
            "response_headers_to_remove": ["server"],
        },
        http_filters=[
            _filter("buffer", f"{_HTTP}.buffer.v3.Buffer", max_request_bytes=MAX_BODY_BYTES),
            _filter("router", f"{_HTTP}.router.v3.Router", suppress_envoy_headers=True),
        ],
        access_log=[_failures_log()],
    )


def _filter(name: str, kind: str, **fields: object) -> Json:
    return {"name": f"{_HTTP}.{name}", "typed_config": typed(kind, **fields)}


def _failures_log() -> Json:
    """Log the edge's own failures only; each service logs every request."""
    return {
        "name": "envoy.access_loggers.stdout",
        "filter": {"response_flag_filter": {"flags": ["UH", "UF", "UC", "UO", "UT", "URX", "UPE", "DPE"]}},
        "typed_config": typed(
            "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
            log_format={
                "json_format": {
                    "time": "%START_TIME%",
                    "method": "%REQ(:METHOD)%",
                    "path": "%PATH(NQ)%",
                    "status": "%RESPONSE_CODE%",
                    "why": "%RESPONSE_CODE_DETAILS%",
                    "cluster": "%UPSTREAM_CLUSTER%",
                    "request_id": f"%RESP({REQUEST_ID_HEADER})%",
                }
            },
        ),
    }


def _cluster(name: str, endpoints: str) -> Json:
    return {
        "name": name,
        "type": "EDS",
        "connect_timeout": duration(1.0),
        "lb_policy": "LEAST_REQUEST",
        "ignore_health_on_host_removal": True,
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
        "timeout": duration(5.0),
        "interval": duration(CHECK_SECONDS),
        "no_traffic_interval": duration(CHECK_SECONDS),
        "unhealthy_threshold": 2,
        "healthy_threshold": 1,
        "http_health_check": {"path": READY_PATH, "host": "localhost"},
    }
