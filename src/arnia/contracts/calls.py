"""Holding what one service calls against what another serves: whether every declared call can succeed.

What a consumer sends must lie within what the provider takes, and what the provider answers within what the consumer
reads. A reader ignores fields that it does not know, so those that it does not name are the provider's own affair.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from typing_extensions import override

from arnia.contracts.changes import Change, Kind, changed
from arnia.contracts.documents import Contract, Document, operations
from arnia.contracts.reading import Reading, breaking
from arnia.contracts.schemas import Comparison, Direction, field, resolve

_PLACEHOLDER = re.compile(r"\{([^}]*)\}")
_JSON = "application/json"
_SENT = frozenset({"accept", "idempotency-key", "request-timeout-ms", "traceparent", "x-request-id", "authorization"})
"""Headers that a declared client sends by itself."""
_UNSAID = frozenset({Kind.BOUND, Kind.FORM})
"""Rules on values that a consumer may keep without having written them into its model."""


def hold_calls(consumer: Contract, provider: Contract) -> Iterator[str]:
    """Yield, as sentences, every call of `consumer` that `provider` does not serve as it is declared."""
    called = consumer.calls.get("calls", {}).get(provider.service)
    if called is None or called["version"] not in provider.openapi:
        return  # that there is no such version is another finding
    document = provider.openapi[called["version"]]
    served = {(method, _anonymous(path)): (path, each) for path, method, each in operations(document)}
    for call in called.get("operations", ()):
        place = f"{consumer.service} calls {call['method']} {call['path']} of {provider.service}"
        found = served.get((call["method"], _anonymous(call["path"])))
        if found is None:
            paths = {path for _, path in served}
            what = "which has no such method" if _anonymous(call["path"]) in paths else "which has no such path"
            yield f"{place}, {what}: correct one of them."
            continue
        held = _Held(place, call, consumer.calls, found[1], document)
        yield from held.parameters(_PLACEHOLDER.findall(call["path"]), _PLACEHOLDER.findall(found[0]))
        yield from held.body()
        yield from held.answers()
        yield from held.scopes()


@dataclass(frozen=True, slots=True)
class _Held:
    """One call beside the operation that it is of."""

    place: str
    call: Document
    calls: Document
    operation: Document
    document: Document

    def parameters(self, ours: list[str], theirs: list[str]) -> Iterator[str]:
        sent: Document = dict(self.call.get("parameters", {}))
        comparison = Comparison(self.calls, self.document, Direction.TAKEN)
        for given in self.operation["parameters"]:
            parameter = resolve(given, self.document)
            name, where = str(parameter["name"]), parameter["in"]
            mine = dict(zip(theirs, ours, strict=False)).get(name, name) if where == "path" else name
            found = sent.pop(mine, None) if where in {"path", "query"} else None
            if found is not None:
                faults = comparison.compare(found["schema"], parameter.get("schema", True), f"parameter {name}")
                yield from (f"{self.place}: {fault}" for fault in breaking(faults))
            elif parameter.get("required") and not (where == "header" and self._sends(name.lower())):
                yield f"{self.place} and does not send the {where} parameter {name!r}, which is required."
        for name in sorted(sent):
            yield f"{self.place} with the parameter {name!r}, which it does not have."
        names = {str(resolve(each, self.document)["name"]).lower() for each in self.operation["parameters"]}
        if self.call.get("keyed") and "idempotency-key" not in names:
            yield f"{self.place} with an Idempotency-Key, which it does not promise to honour: a retry may act twice."

        if self.call.get("if_match") and "if-match" not in names:
            yield f"{self.place} with If-Match, which it does not look at: what somebody else wrote would be lost."

    def _sends(self, header: str) -> bool:
        return header in _SENT or (header == "if-match" and self.call.get("if_match") == "required")

    def body(self) -> Iterator[str]:
        taken, sent = resolve(self.operation.get("requestBody"), self.document), self.call.get("body")
        if sent is None:
            if taken.get("required"):
                yield f"{self.place} without a body, which is required."
            return
        content = taken.get("content", {})
        kind = self.call.get("body_type") or _JSON
        if kind not in content:
            yield f"{self.place} with a body of type {kind}, which it does not take."
            return
        comparison = _Sent(self.calls, self.document, Direction.TAKEN)
        faults = comparison.compare(sent, content[kind].get("schema", True), "body:")
        yield from (f"{self.place}: {fault}" for fault in breaking(faults, unsaid=_UNSAID))

    def answers(self) -> Iterator[str]:
        wanted = self.call.get("answer")
        if wanted is None:
            return
        optional = _takes_null(wanted, self.calls)
        for status, given in sorted(self.operation.get("responses", {}).items()):
            if not status.startswith("2"):
                continue
            content = resolve(given, self.document).get("content", {})
            if _JSON not in content:
                if not optional:
                    yield f"{self.place} and expects a body: a {status} has none; let its answer be `... | None`."
                continue
            comparison = Reading(self.calls, self.document, Direction.GIVEN)
            faults = comparison.compare(wanted, content[_JSON].get("schema", True), f"answer {status}:")
            yield from (f"{self.place}: {fault}" for fault in breaking(faults))

    def scopes(self) -> Iterator[str]:
        demanded = [scopes for each in self.operation.get("security", ()) for scopes in each.values()]
        if not demanded:
            return
        missing = min((sorted(set(scopes) - set(self.call.get("scopes", ()))) for scopes in demanded), key=len)
        if missing:
            yield f"{self.place} without the scope {' '.join(missing)}: declare it with the call."


class _Sent(Comparison):
    """What is sent beside what is taken: a field that the provider does not know, or demands, is refused."""

    @override
    def _compare_fields(self, old: Document, new: Document, where: str) -> Iterator[Change]:
        sent, taken = old.get("properties", {}), new.get("properties", {})
        always = set(old.get("required", ()))
        for name in sorted(set(new.get("required", ())) - always):
            what = "is required and may be left out" if name in sent else "is required and not sent"
            yield changed(Kind.REQUIRED, field(where, name), what, breaking=True)
        for name, schema in sorted(sent.items()):
            if name in taken:
                yield from self.compare(schema, taken[name], field(where, name))
            elif new.get("additionalProperties") is False:
                yield changed(Kind.FIELD, field(where, name), "is sent and not known there", breaking=True)


def _anonymous(path: str) -> str:
    return _PLACEHOLDER.sub("{}", path)


def _takes_null(schema: Document, root: Document) -> bool:
    resolved = resolve(schema, root)
    return resolved.get("type") == "null" or any(_takes_null(each, root) for each in resolved.get("anyOf", ()))
