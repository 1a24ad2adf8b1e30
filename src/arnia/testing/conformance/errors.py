"""Rule 1: every 4xx and 5xx is a problem document, and nothing that was sent comes back in one."""

import re
from typing import Final

from arnia.testing.conformance.findings import require
from arnia.testing.conformance.samples import broken
from arnia.testing.conformance.service import RunningService
from arnia.testing.conformance.surface import Operation, filled
from arnia.testing.http import call

__all__ = ["ErrorRules"]

CANARY: Final = "canary-7f3a9c"
POINTER: Final = re.compile(r"#(/.*)?")


class ErrorRules:
    """Rule 1."""

    def test_a_path_where_nothing_lives_is_a_problem(self, service: RunningService) -> None:
        """404 for an unknown path is a problem document, whatever the method."""
        for method in ("GET", "PUT", "POST", "PATCH", "DELETE", "OPTIONS"):
            service.check_problem(service.send(call(method, "/no/such/place")), 404, method)

    def test_every_answer_of_the_framework_is_a_problem(self, service: RunningService, operation: Operation) -> None:
        """405, 406, 400 and 415 come from the framework, and are problem documents like the service's own."""
        path = filled(operation.template)
        service.check_problem(service.send(call("TRACE", path)), 405)
        service.check_problem(service.send(call(operation.method, f"{path}?no_such=1")), 400)
        accept = {"accept": "image/png"}
        service.check_problem(service.send(call(operation.method, path, headers=accept)), 406)

    def test_an_identity_that_is_none_is_a_problem(self, service: RunningService, member: str) -> None:
        """An ill-formed identity in the path names its parameter (or is simply not found)."""
        path = f"{service.place(member).rpartition('/')[0]}/not-an-identity"
        answer = service.get(path)
        problem = service.check_problem(answer, answer.status)
        require(answer.status in (404, 422), "1", "an ill-formed identity is 422 or 404", answer)
        if answer.status == 422:
            names = [error.get("parameter") for error in problem.get("errors", [])]
            require(all(names) and names, "1", "a violation in the path names its parameter", answer)

    def test_violations_point_into_the_body(self, service: RunningService, whole: Operation) -> None:
        """Each broken rule of the schema is a 422 whose pointer leads to where it was broken."""
        body = service.body(whole)
        path = service.place(whole.template)
        for each in broken(service.surface.schemas, whole.body_schema or {}, body):
            request = service.writing(whole.method, path, each.body)
            answer = service.send(request)
            problem = service.check_problem(answer, 422, each.rule, request)
            pointers = [str(error.get("pointer")) for error in problem.get("errors", [])]
            sentence = f"{each.rule} is told with its pointer {each.pointer}"
            require(any(pointer.startswith(each.pointer) for pointer in pointers), "1", sentence, request, answer)
            for error in problem["errors"]:
                require(error.get("detail") and error.get("code"), "1", "a violation says what and why", answer)
                require(POINTER.fullmatch(error["pointer"]), "1", "a pointer is a URI fragment", answer)

    def test_no_value_in_a_body_comes_back_or_is_logged(self, service: RunningService, bodied: Operation) -> None:
        """A value in a refused body is neither in the answer nor in the log."""
        body, path = service.body(bodied), filled(bodied.template)
        bodies: list[object] = [CANARY, [CANARY], {"no_such_member": CANARY}]
        if isinstance(body, dict):
            bodies += [{**body, name: CANARY * 40} for name in body] + [{**body, name: [CANARY]} for name in body]
        with service.logged() as log:
            for each in bodies:
                request = service.writing(bodied.method, path, each, if_match='"1-a"')
                answer = service.send(request)
                _check_silence(answer.body.decode() + str(answer.headers), "answer", request)
        _check_silence(log.getvalue(), "log", bodied)

    def test_no_value_in_a_header_or_query_comes_back(self, service: RunningService, operation: Operation) -> None:
        """A value in a refused header or query is neither in the answer nor in the log."""
        path = filled(operation.template)
        names = ("accept", "if-match", "if-none-match", "content-type", "request-timeout-ms", "traceparent")
        requests = [call(operation.method, path, headers={name: CANARY}) for name in names]
        requests.append(call(operation.method, path, headers={"idempotency-key": f"{CANARY}\x01"}))
        requests += [call(operation.method, f"{path}?{name}={CANARY}") for name in [*operation.query(), "no_such"]]
        with service.logged() as log:
            for request in requests:
                answer = service.send(request)
                require(answer.status < 500, "1", "what a caller sends is never a 5xx", request, answer)
                if answer.status >= 400:
                    _check_silence(answer.body.decode() + str(answer.headers), "answer", request)
        _check_silence(log.getvalue(), "log", operation)


def _check_silence(text: str, where: str, request: object) -> None:
    require(CANARY not in text, "1", f"no value that was sent is in the {where}", request, text[:500])
