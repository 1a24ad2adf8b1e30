"""Holding what is declared against what is coded: every edge of the graph must be in both, or in neither."""

from collections.abc import Iterator, Mapping

from pydantic import BaseModel, ConfigDict

from arnia.contracts.calls import hold_calls
from arnia.contracts.documents import Contract, operations, version_of
from arnia.contracts.events import hold_events, read_events
from arnia.contracts.interactions import hold_budgets, hold_patterns
from arnia.conventions import PLATFORM_PATHS, variable, version_prefix


class Edges(BaseModel):
    """The declared edges of one service, as plain data: contracts and declaration do not know each other.

    Attributes:
        service: The service's name.
        exposes: Paths that the edge lets through.
        public: Those of them where it asks for no token; None where it asks for none anywhere.
        emits: Types of events.
        hears: Types of events.
        calls: Services called, each with the major version.
        uses_database: Whether one of the resources it uses is a database.
        uses_broker: Whether one of them is a broker.
    """

    model_config = ConfigDict(frozen=True)

    service: str
    exposes: tuple[str, ...] = ()
    public: tuple[str, ...] | None = None
    emits: tuple[str, ...] = ()
    hears: tuple[str, ...] = ()
    calls: dict[str, int] = {}
    uses_database: bool = False
    uses_broker: bool = False


class Finding(BaseModel):
    """A fault: which service, which kind of edge, and one sentence that says what to do."""

    model_config = ConfigDict(frozen=True)

    service: str
    edge: str
    sentence: str


def judge(declared: Mapping[str, Edges], contracts: Mapping[str, Contract]) -> list[Finding]:
    """Return every edge that is declared but not coded, or coded but not declared.

    A service without a contract is one finding; its edges are not judged.
    """
    findings: list[Finding] = []
    for name, edges in sorted(declared.items()):
        contract = contracts.get(name)
        if contract is None:
            sentence = "has no committed contract: write it with `arnia contract`."
            findings.append(_finding(name, "contract", sentence))
            continue
        findings.extend(_judge_routes(edges, contract))
        findings.extend(_judge_tokens(edges, contract))
        findings.extend(_judge_events(edges, contract))
        findings.extend(_judge_views(declared, contract, contracts))
        findings.extend(_judge_resources(edges, contract))
        findings.extend(_judge_calls(edges, contract, contracts))
        findings.extend(Finding(service=name, edge="exposes", sentence=each) for each in hold_budgets(contract))
    return findings


def _judge_routes(edges: Edges, contract: Contract) -> Iterator[Finding]:
    documented = (*contract.openapi.values(), contract.protocols)
    paths = {path for document in documented for path, _, _ in operations(document)}
    for route in edges.exposes:
        if not any(_covers(route, path) for path in paths):
            yield _finding(edges.service, "exposes", f"exposes {route!r} and serves nothing there: {_BOTH_WAYS}.")
    # A path below no route is not a fault: it is a backend API, for other services only.
    for major, document in sorted(contract.openapi.items()):
        strays = [path for path, _, _ in operations(document) if version_of(path) not in {None, major}]
        for path in dict.fromkeys(strays):
            sentence = f"serves {path!r} and documents it under API version {major}: give its router that version."
            yield _finding(edges.service, "exposes", sentence)
    exposed_versions = {version for route in edges.exposes if (version := version_of(route)) is not None}
    resources = {route.split("/", 3)[3] for route in edges.exposes if version_of(route) is not None}
    for major in sorted(contract.openapi.keys() - exposed_versions):
        missing = {f"{version_prefix(major)}/{name}" for name in resources}
        for route in sorted(missing):
            if any(_covers(route, path) for path in paths):
                sentence = f"serves {route!r} and exposes only other versions of it: expose it or remove it."
                yield _finding(edges.service, "exposes", sentence)


def _judge_tokens(edges: Edges, contract: Contract) -> Iterator[Finding]:
    """Hold what the edge asks for against what the service asks for, route by route; the longest one decides."""
    if edges.public is None:
        return
    documented = (*contract.openapi.values(), contract.protocols)
    for document in documented:
        for path, method, operation in operations(document):
            route = max((one for one in edges.exposes if _covers(one, path)), key=len, default=None)
            if route is None or (route in edges.public) != bool(operation.get("security")):
                continue
            if route in edges.public:
                what = f"exposes {route!r} as public and asks for a token at {method} {path}"
                sentence = f"{what}: expose that path by itself, without `public`, or let anyone in."
            else:
                what = f"asks for no token at {method} {path}, where the edge asks for one"
                sentence = f"{what}: expose the path by itself with `public=True`, or give the operation a policy."
            yield _finding(edges.service, "exposes", sentence)


def _judge_events(edges: Edges, contract: Contract) -> Iterator[Finding]:
    for edge, declared, coded in (
        ("emits", edges.emits, contract.emits),
        ("hears", edges.hears, contract.hears),
    ):
        for event in sorted({*declared} - {*coded}):
            sentence = f"is declared to {edge[:-1]} {event!r} and its code does not: {_BOTH_WAYS}."
            yield _finding(edges.service, edge, sentence)
        for event in sorted({*coded} - {*declared}):
            yield _finding(edges.service, edge, f"{edge} {event!r} and does not declare it: add it to `{edge}`.")

    for (topic, _), told in read_events(contract, "send").items():
        # A broker lets a service speak where its page says that it does, and the page knows topics alone.
        channel = topic.rpartition(".")[0]
        if told.aggregate_type not in {"", channel}:
            sentence = (
                f"emits {topic!r} about {told.aggregate_type!r}, and not about {channel!r}: let them be the same."
            )
            yield _finding(edges.service, "emits", sentence)


def _judge_views(
    declared: Mapping[str, Edges], consumer: Contract, contracts: Mapping[str, Contract]
) -> Iterator[Finding]:
    """Hold each event that is heard against the contract of the service that is declared to emit it."""
    for name, edges in sorted(declared.items()):
        if name in contracts:
            for sentence in hold_events(consumer, contracts[name], edges.emits):
                yield Finding(service=consumer.service, edge="hears", sentence=sentence)


def _judge_resources(edges: Edges, contract: Contract) -> Iterator[Finding]:
    for kind, setting, settings, used in (
        ("database", "database_url", "DatabaseSettings", edges.uses_database),
        ("broker", "broker_url", "EventSettings", edges.uses_broker),
    ):
        name = variable(contract.service, setting)
        if used and not contract.is_told(setting):
            sentence = f"uses a {kind} and has no setting {name}: inherit `{settings}` or remove the resource."
            yield _finding(edges.service, "uses", sentence)
        if contract.is_told(setting) and not used:
            sentence = f"has the setting {name} and uses no {kind}: declare a `{kind.title()}` and add it to `uses`."
            yield _finding(edges.service, "uses", sentence)


def _judge_calls(edges: Edges, contract: Contract, contracts: Mapping[str, Contract]) -> Iterator[Finding]:
    called = contract.called
    for name, version in sorted(edges.calls.items()):
        if name not in called:
            sentence = f"is declared to call {name!r} and has no client for it: {_BOTH_WAYS}."
            yield _finding(edges.service, "calls", sentence)
        elif called[name] != version:
            sentence = f"is declared to call version {version} of {name!r} and calls {called[name]}: correct one."
            yield _finding(edges.service, "calls", sentence)
        if name in contracts and version not in contracts[name].openapi:
            have = ", ".join(str(major) for major in sorted(contracts[name].openapi)) or "none"
            sentence = f"calls version {version} of {name!r}, which has {have}: call one that exists."
            yield _finding(edges.service, "calls", sentence)
    for name in sorted(called.keys() & contracts.keys()):
        for sentence in (*hold_calls(contract, contracts[name]), *hold_patterns(contract, contracts[name])):
            yield Finding(service=edges.service, edge="calls", sentence=sentence)
    for name in sorted(called.keys() - edges.calls.keys()):
        sentence = f"calls {name!r} and does not declare it: add it to `calls`."
        yield _finding(edges.service, "calls", sentence)


_BOTH_WAYS = "write the code or remove the declaration"


def _finding(service: str, edge: str, sentence: str) -> Finding:
    return Finding(service=service, edge=edge, sentence=f"{service} {sentence}")


def _covers(route: str, path: str) -> bool:
    return path not in PLATFORM_PATHS and (path == route or path.startswith(route + "/"))
