"""What every service has beside its own routes: health, metrics, documentation, and clean headers."""

import json
import re
from typing import Any, Final

from arnia.conventions import (
    DOCS_PATH,
    LIVE_PATH,
    METRICS_PATH,
    OPENAPI_PATH,
    READY_PATH,
    REDOC_PATH,
    REQUEST_ID_HEADER,
    STARTUP_PATH,
)
from arnia.testing.conformance.findings import require
from arnia.testing.conformance.service import RunningService
from arnia.testing.conformance.states import reach
from arnia.testing.conformance.surface import Operation
from arnia.testing.http import call

__all__ = ["PlatformRules"]

TRACE: Final = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT: Final = f"00-{TRACE}-00f067aa0ba902b7-01"
BAD_PARENTS: Final = (
    f"00-{'0' * 32}-00f067aa0ba902b7-01",
    f"00-{TRACE}-{'0' * 16}-01",
    f"ff-{TRACE}-00f067aa0ba902b7-01",
    f"00-{TRACE.upper()}-00f067aa0ba902b7-01",
    f"00-{TRACE}-00f067aa0ba902b7-01-more",
    "nonsense",
)
PRIVATE: Final = re.compile(r"\b(private|no-store)\b")


class PlatformRules:
    """Health, metrics, documentation, headers; named by word instead of by number."""

    def test_the_probes_answer(self, service: RunningService) -> None:
        """A started service is alive, started and ready, and tells caches to forget it."""
        for path in (LIVE_PATH, READY_PATH, STARTUP_PATH):
            answer = service.get(path)
            require(answer.status == 200, "health", f"{path} is 200", answer)
            require("no-store" in (answer.header("cache-control") or ""), "health", f"{path} is not cached", answer)

    def test_the_metrics_name_routes_and_never_paths(self, service: RunningService, reading: Operation) -> None:
        """Metrics count by path template, so that no caller can make more of them."""
        path = reach(service, reading.template)
        answer = service.get(METRICS_PATH)
        require(answer.status == 200, "health", "the metrics can be read", answer.status)
        text = answer.body.decode()
        require(reading.template in text, "health", "the metrics name the template of a route", reading)
        require(path == reading.template or path not in text, "health", "the metrics name no path", path)

    def test_the_documentation_can_be_read(self, service: RunningService) -> None:
        """Both pages of documentation are HTML, and the document behind them is JSON."""
        for path in (DOCS_PATH, REDOC_PATH):
            answer = service.get(path)
            require(answer.status == 200 and answer.media_type == "text/html", "openapi", f"{path} is a page", answer)
        answer = service.get(OPENAPI_PATH)
        require(answer.media_type == "application/json", "openapi", "the document is JSON", answer.headers)

    def test_the_document_is_the_code(self, service: RunningService) -> None:
        """The served OpenAPI document is valid OpenAPI 3.1 and the one that the code gives."""
        from openapi_spec_validator import validate  # noqa: PLC0415 - only this test needs it

        document = service.get(OPENAPI_PATH).json()
        validate(document)
        require(document["openapi"].startswith("3.1"), "openapi", "the document is OpenAPI 3.1", document["openapi"])
        wanted = json.loads(json.dumps(service.surface.document))
        require(document == wanted, "openapi", "the served document is the code's", sorted(document["paths"]))

    def test_no_body_is_untyped(self, service: RunningService, operation: Operation) -> None:
        """Every request body and every success of an operation has a schema that says something."""
        bodies = [operation.description.get("requestBody", {})]
        bodies += [answer for status, answer in operation.description["responses"].items() if status != "204"]
        for body in bodies:
            for media, content in body.get("content", {}).items():
                typed = _says_something(service.surface.schemas.plain(content.get("schema", {})))
                require(typed, "openapi", f"the {media} of {operation} has a typed schema", content)

    def test_every_operation_has_a_name_and_a_purpose(self, service: RunningService, operation: Operation) -> None:
        """An operation has an id of its own and says in words what it does."""
        ids = [each.description.get("operationId") for each in service.surface.operations]
        mine = operation.description.get("operationId")
        require(mine and ids.count(mine) == 1, "openapi", "an operation has an id of its own", operation, mine)
        told = operation.description.get("description") or operation.description.get("summary")
        require(told, "openapi", "an operation says what it does", operation)

    def test_a_request_id_comes_back_if_it_is_safe(self, service: RunningService) -> None:
        """A well-formed request id is returned; another one is replaced, never repeated."""
        for given, returned in (("abc-123", True), ("a b", False), ("x" * 129, False), ("<script>", False)):
            answer = service.get(LIVE_PATH, x_request_id=given)
            told = answer.header(REQUEST_ID_HEADER)
            require(told, "1", "every answer has a request id", answer)
            require((told == given) is returned, "1", f"the request id {given[:20]} is told or replaced", answer)

    def test_a_trace_is_continued_or_restarted(self, service: RunningService) -> None:
        """A valid traceparent is continued; an invalid one starts a new trace."""
        told = service.get("/no/such/place", traceparent=PARENT).json()["trace_id"]
        require(told == TRACE, "11", "a valid traceparent is continued", told)
        for parent in BAD_PARENTS:
            told = service.get("/no/such/place", traceparent=parent).json()["trace_id"]
            require(told != TRACE and set(told) != {"0"}, "11", "an invalid traceparent is restarted", parent, told)

    def test_nothing_of_a_person_is_kept_by_shared_caches(self, service: RunningService, reading: Operation) -> None:
        """What the service's own routes answer is private, or not stored at all."""
        answer = service.get(reach(service, reading.template))
        told = answer.header("cache-control") or ""
        require(PRIVATE.search(told), "headers", "an answer with data is private to its caller", reading, answer)

    def test_no_answer_is_sniffed_or_tells_the_server(self, service: RunningService, operation: Operation) -> None:
        """Every answer forbids sniffing, and none tells which server software made it."""
        answer = service.send(call(operation.method, service.place(operation.template)))
        require(answer.header("x-content-type-options") == "nosniff", "headers", "nosniff is on every answer", answer)
        require(answer.header("server") is None, "headers", "no answer names the server software", answer)


def _says_something(schema: Any) -> bool:
    if schema.get("type") == "object":
        return bool(schema.get("properties") or schema.get("additionalProperties") or schema.get("patternProperties"))
    if schema.get("type") == "array":
        return bool(schema.get("items"))
    return bool({"type", "enum", "const", "anyOf", "oneOf", "allOf", "$ref"} & schema.keys())
