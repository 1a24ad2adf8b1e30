"""Rule 12, as far as one process goes: expired work is not started, and late work leaves nothing."""

from arnia.conventions import TIMEOUT_HEADER
from arnia.testing.conformance.findings import require
from arnia.testing.conformance.probes import FAULT_PATH, SECRET, SLOW_PATH
from arnia.testing.conformance.service import RunningService
from arnia.testing.conformance.surface import Operation
from arnia.testing.http import call

__all__ = ["DeadlineRules", "FaultRules"]

SHORT_MS = "150"


class DeadlineRules:
    """Rule 12."""

    def test_an_expired_request_is_not_started(self, service: RunningService, posting: Operation) -> None:
        """A deadline of 0 ms is a 504, and the same request afterwards is the first one."""
        path, body = service.place(posting.template), service.body(posting)
        key = {"idempotency_key": f"deadline-{posting}"} if posting.keyed else {}
        late = service.writing("POST", path, body, request_timeout_ms="0", **key)
        service.check_problem(service.send(late), 504, late, rule="12")
        answer = service.write("POST", path, body, **key)
        require(answer.status < 300, "12", "the same request in time is served", answer)
        require(answer.header("idempotency-replayed") is None, "12", "an expired request leaves nothing", answer)

    def test_a_deadline_that_is_no_number_is_refused(self, service: RunningService, operation: Operation) -> None:
        """A deadline is a whole number of milliseconds; anything else is a 400."""
        for value in ("soon", "-1", "1.5", "1e3", "9" * 40):
            request = call(operation.method, service.place(operation.template), headers={TIMEOUT_HEADER: value})
            service.check_problem(service.send(request), 400, request, rule="12")

    def test_late_work_leaves_nothing(self, probed: RunningService) -> None:
        """A statement that outlives the deadline is stopped: 504, and what was written before it is undone."""
        before = probed.get(SLOW_PATH).json()
        late = call("POST", SLOW_PATH, headers={TIMEOUT_HEADER: SHORT_MS})
        for answer in probed.together([late] * 3):
            probed.check_problem(answer, 504, late, rule="12")
        require(probed.get(SLOW_PATH).json() == before, "12", "late work is undone", before)


class FaultRules:
    """Rule 1, where the service itself is at fault."""

    def test_a_fault_is_a_500_that_tells_nothing(self, probed: RunningService) -> None:
        """An unexpected exception is a problem document without a word of it; the log has it under the trace id."""
        with probed.logged() as log:
            answer = probed.get(FAULT_PATH)
        problem = probed.check_problem(answer, 500, FAULT_PATH)
        require(SECRET not in answer.body.decode(), "1", "the answer tells nothing of the fault", answer)
        require("Traceback" not in answer.body.decode(), "1", "the answer has no traceback", answer)
        require(SECRET in log.getvalue(), "1", "the log tells the fault", log.getvalue()[:300])
        require(problem["trace_id"] in log.getvalue(), "1", "the log has the trace id", log.getvalue()[:300])
