"""The edge as Envoy's configuration: a pure function of what the ecosystem `exposes`.

Nothing else passes: no path is rewritten, no request is retried, and whatever Envoy answers itself is a problem
(RFC 9457) like those of the services behind it. Where the services listen is not in here: Envoy reads that from one
file per cluster (`assignment`), which is replaced while it runs.

Beside the public door there is one *internal* listener per service that others call. It verifies nothing and strips
nothing: what comes in there comes from services, and goes to one that verifies its callers itself.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from arnia.conventions import PROBLEM_PREFIX, REQUEST_ID_HEADER, version_prefix
from arnia.ecosystem import Ecosystem, Environment, Service
from arnia.ecosystem.groups import group_name, groups
from arnia.local.admission import Flood, Rule, Trust, hold_back, strip_identity, verify_tokens
from arnia.local.answers import local_replies
from arnia.local.clusters import address, cluster
from arnia.local.envoy_types import PROBE_AGENT, Json, duration, http_filter, typed
from arnia.local.outsiders import outside_cluster
from arnia.local.patience import REQUEST_SECONDS, wait_as_asked

MAX_BODY_BYTES: Final = 8 * 1024 * 1024
"""The edge refuses what no service could want; each service's own limit (`max_body_bytes`) is lower."""
MAX_HEADERS_KIB: Final = 32
MAX_HEADERS: Final = 100
UPLOAD_SECONDS: Final = 60.0
HEADERS_SECONDS: Final = 10.0
CLIENT_IDLE_SECONDS: Final = 60.0
_BELOW: Final = "path_separated_prefix"
"""Envoy's word for a path and everything below it, but not for longer names."""
_HTTP: Final = "envoy.extensions.filters.http"
_OWNER_ONLY: Final = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """Where Envoy listens, at the loopback address.

    Attributes:
        port: For clients.
        internal: For services, by the name of the one that is called.
        knowledge: The path of the unix socket at which it says what it knows, to its owner; none when empty.
    """

    port: int
    internal: Mapping[str, int] = field(default_factory=dict)
    knowledge: str = ""


def edge_configuration(
    ecosystem: Ecosystem,
    environment: Environment,
    doors: Doors,
    *,
    endpoints: str,
    trust: Trust | None = None,
    flood: Flood | None = None,
) -> str:
    """Return Envoy's configuration, as JSON.

    Args:
        ecosystem: Whose `exposes` to serve.
        environment: Says which services' versions run apart.
        doors: Where to listen.
        endpoints: The folder with one endpoint file per cluster, absolute.
        trust: Whose tokens are believed; None where nobody issues any, and every route is public then.
        flood: From when on an address is held back; None where the environment says it.

    Raises:
        OutsideError: The issuer is outside and takes TLS, and this machine has no certificate authorities.
    """
    exposing = [service for service in ecosystem.services if service.exposes]
    reached = [one for one in ecosystem.services if one.exposes or one.name in (*doors.internal, ecosystem.issuer)]
    paths = [path for service in exposing for path in _paths(service, environment)]
    if exposing:
        paths.append(_Path(match={_BELOW: PROBLEM_PREFIX}, cluster=_groups(exposing[0], environment)[0]))
    paths.sort(key=_specificity)
    rules = [Rule(match=path.match, audience=path.audience) for path in paths]
    flood = flood or Flood(requests=environment.edge_requests_per_second)
    outside = [] if trust is None or trust.outside is None else [outside_cluster(trust.outside)]
    filters = [hold_back(flood), *([verify_tokens(trust, rules)] if trust is not None else [])]
    configuration: Json = {
        "node": {"id": "edge", "cluster": ecosystem.name},
        "static_resources": {
            "listeners": [
                _listener("edge", doors.port, _public([path.route for path in paths], filters, flood)),
                *(
                    _listener(f"internal-{one.name}", doors.internal[one.name], _internal(one, environment))
                    for one in reached
                    if one.name in doors.internal
                ),
            ],
            "clusters": [
                *(cluster(name, endpoints) for one in reached for name in _groups(one, environment)),
                *outside,
            ],
        },
    }
    if doors.knowledge:
        configuration["admin"] = {"address": {"pipe": {"path": doors.knowledge, "mode": _OWNER_ONLY}}}
    return json.dumps(configuration, indent=2) + "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Path:
    """A path that the edge lets through, to which cluster, and whose token it asks for (none: nobody's)."""

    match: Json
    cluster: str
    audience: str = ""

    @property
    def route(self) -> Json:
        return _route(self.match, self.cluster)


def _paths(service: Service, environment: Environment) -> Iterable[_Path]:
    apart = groups(service, environment)
    for route in service.exposes:
        version = route.version if route.version in apart else apart[-1]
        audience = "" if route.public else service.name
        yield _Path(match={_BELOW: route.path}, cluster=group_name(service.name, version), audience=audience)
    # Every service describes the platform's problems, and each its own, whose names begin with its name.
    yield _Path(match={"prefix": f"{PROBLEM_PREFIX}/{service.name}-"}, cluster=group_name(service.name, apart[-1]))


def _groups(service: Service, environment: Environment) -> list[str]:
    return [group_name(service.name, version) for version in groups(service, environment)]


def _route(match: Json, target: str) -> Json:
    return {"match": match, "route": {"cluster": target, "timeout": duration(REQUEST_SECONDS)}}


def _specificity(path: _Path) -> tuple[int, str]:
    (text,) = path.match.values()
    return -len(text), text


def _listener(name: str, port: int, manager: Json) -> Json:
    return {
        "name": name,
        "address": address(port),
        "per_connection_buffer_limit_bytes": MAX_BODY_BYTES,
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }


def _public(routes: Sequence[Json], admission: Sequence[Json], flood: Flood) -> Json:
    """Return what is done with the requests of clients."""
    buffer = http_filter("buffer", f"{_HTTP}.buffer.v3.Buffer", max_request_bytes=MAX_BODY_BYTES)
    return _manager(
        "edge",
        routes,
        [*admission, buffer, wait_as_asked(), _ROUTER],
        local_replies(flood),
        use_remote_address=True,
        internal_address_config={"unix_sockets": False},
        early_header_mutation_extensions=[strip_identity()],
        normalize_path=True,
        merge_slashes=True,
        path_with_escaped_slashes_action="REJECT_REQUEST",
        strip_any_host_port=True,
        # What is upgraded has no end that a buffer could wait for.
        upgrade_configs=[{"upgrade_type": "websocket", "filters": [*admission, _ROUTER]}],
    )


def _internal(service: Service, environment: Environment) -> Json:
    """Return what is done with the requests that other services send to `service`: they are passed on as they are."""
    *apart, last = groups(service, environment)
    routes = [
        _route({_BELOW: version_prefix(version)}, group_name(service.name, version))
        for version in apart
        if version is not None
    ]
    return _manager(
        f"internal-{service.name}",
        [*routes, _route({"prefix": "/"}, group_name(service.name, last))],
        [wait_as_asked(), _ROUTER],
        local_replies(Flood()),
    )


_ROUTER: Final = http_filter("router", f"{_HTTP}.router.v3.Router", suppress_envoy_headers=True)


def _manager(name: str, routes: Sequence[Json], filters: Sequence[Json], replies: Json, **fields: object) -> Json:
    return typed(
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix=name,
        server_header_transformation="PASS_THROUGH",
        preserve_external_request_id=True,
        always_set_request_id_in_response=True,
        max_request_headers_kb=MAX_HEADERS_KIB,
        request_headers_timeout=duration(HEADERS_SECONDS),
        request_timeout=duration(UPLOAD_SECONDS),
        stream_idle_timeout=duration(UPLOAD_SECONDS),
        common_http_protocol_options={
            "idle_timeout": duration(CLIENT_IDLE_SECONDS),
            "max_headers_count": MAX_HEADERS,
            "headers_with_underscores_action": "DROP_HEADER",
        },
        local_reply_config=replies,
        route_config={
            "name": name,
            "virtual_hosts": [{"name": name, "domains": ["*"], "routes": list(routes)}],
            "request_headers_to_remove": ["x-envoy-internal"],
            "response_headers_to_remove": ["server"],
        },
        http_filters=list(filters),
        access_log=[_failures_log()],
        **fields,
    )


def _failures_log() -> Json:
    """Log the edge's own failures only; each service logs every request."""
    failed = {"response_flag_filter": {"flags": ["UH", "UF", "UC", "UO", "UT", "URX", "UPE", "DPE"]}}
    agent = {"name": "user-agent", "string_match": {"exact": PROBE_AGENT}}
    asked = {"header_filter": {"header": {**agent, "invert_match": True, "treat_missing_header_as_empty": True}}}
    return {
        "name": "envoy.access_loggers.stdout",
        "filter": {"and_filter": {"filters": [failed, asked]}},
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
