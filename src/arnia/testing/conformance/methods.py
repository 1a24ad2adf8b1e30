"""Rule 3: HEAD, OPTIONS and Allow tell the truth, and a query is checked by name and by value."""

from typing import Final

from arnia.testing.conformance.findings import require
from arnia.testing.conformance.service import RunningService
from arnia.testing.conformance.states import reach
from arnia.testing.conformance.surface import Operation
from arnia.testing.http import call

__all__ = ["MethodRules"]

EVERY_METHOD: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "get")
CHANGING: Final = frozenset({"x-request-id", "date"})


class MethodRules:
    """Rule 3."""

    def test_head_is_get_without_its_body(self, service: RunningService, reading: Operation) -> None:
        """HEAD answers with the status and the headers of GET, and no body."""
        path = reach(service, reading.template)
        get, head = service.get(path), service.send(call("HEAD", path))
        require(head.body == b"", "3", "HEAD has no body", reading, head)
        require(head.status == get.status, "3", "HEAD has the status of GET", reading, get, head)
        require(_steady(get.headers) == _steady(head.headers), "3", "HEAD has the headers of GET", reading, get, head)

    def test_options_lists_every_method(self, service: RunningService, template: str) -> None:
        """OPTIONS lists in Allow exactly the methods that the resource has."""
        answer = service.send(call("OPTIONS", service.place(template)))
        require(answer.status in (200, 204), "3", "OPTIONS succeeds", template, answer)
        _check_allow(service, template, answer.header("allow"))

    def test_another_method_is_405_with_the_full_allow(self, service: RunningService, template: str) -> None:
        """A method that the resource does not have is a 405 that lists those it has."""
        path = service.place(template)
        for method in EVERY_METHOD:
            if method not in service.surface.methods(template):
                answer = service.send(call(method, path))
                if method == "HEAD":
                    require(answer.status == 405, "3", "HEAD is where GET is", path, answer)
                else:
                    service.check_problem(answer, 405, method, path, rule="3")
                _check_allow(service, template, answer.header("allow"))

    def test_an_unknown_query_parameter_is_refused(self, service: RunningService, operation: Operation) -> None:
        """A query parameter that the operation does not have is a 400, so that no typing error is silent."""
        path = service.place(operation.template)
        for query in ("no_such_parameter=1", "no_such_parameter", "LIMIT=1", "%00=1"):
            request = call(operation.method, f"{path}?{query}")
            service.check_problem(service.send(request), 400, request, rule="3")

    def test_a_bad_query_value_names_its_parameter(self, service: RunningService, queried: Operation) -> None:
        """A value that a query parameter cannot have is a 422 that names the parameter."""
        for name, values in service.surface.bad_values(queried).items():
            for value in values:
                request = call("GET", f"{service.place(queried.template)}?{name}={value}")
                problem = service.check_problem(service.send(request), 422, request, rule="3")
                named = [error.get("parameter") for error in problem.get("errors", [])]
                require(name in named, "3", f"a bad value of {name} is told by that name", request, problem)


def _check_allow(service: RunningService, template: str, allow: str | None) -> None:
    listed = {method.strip() for method in (allow or "").split(",")}
    wanted = service.surface.methods(template)
    require(listed == wanted, "3", f"Allow of {template} is {', '.join(sorted(wanted))}", f"Allow: {allow}")


def _steady(headers: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
    return sorted(pair for pair in headers if pair[0] not in CHANGING)
