"""Whose an Idempotency-Key is."""

from uuid import uuid4

from honest.main import create

from arnia.testing.conformance.service import RunningService
from arnia.testing.conformance.suite import ServiceSuite
from arnia.testing.http import Answer, call


class TestKeys(ServiceSuite):
    """Keys of several callers, at one service."""

    application = staticmethod(create)

    def test_a_key_belongs_to_subject_and_client(self, service: RunningService) -> None:
        """The same key of another subject, or of another client for the same subject, is another key."""
        key = str(uuid4())
        callers = [("alice", "phone"), ("bob", "phone"), ("alice", "web"), ("alice phone", ""), ("alice", "phone")]
        answers = [_note(service, key, subject, client or "x") for subject, client in callers]
        assert [answer.status for answer in answers] == [201] * len(callers)
        assert len({answer.header("location") for answer in answers[:-1]}) == len(callers) - 1
        assert answers[-1].header("location") == answers[0].header("location")
        assert answers[-1].header("idempotency-replayed") == "true"


def _note(service: RunningService, key: str, subject: str, client: str) -> Answer:
    token = service.issuer.token(audience="honest", subject=subject, client=client, scopes=["notes:write"])
    headers = {"authorization": f"Bearer {token}", "idempotency-key": key}
    return service.send(call("POST", "/api/v2/notes", document={"title": "once", "weight": 1}, headers=headers))
