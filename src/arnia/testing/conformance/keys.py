"""Rule 6: an Idempotency-Key makes a repetition harmless: one effect, and the first answer again."""

import json
from typing import Any, Final
from uuid import uuid4

from arnia.conventions import IDEMPOTENCY_REPLAYED_HEADER
from arnia.errors import Unavailable
from arnia.testing.conformance.findings import require
from arnia.testing.conformance.service import RunningService
from arnia.testing.conformance.states import enter, situations
from arnia.testing.conformance.surface import Operation
from arnia.testing.http import Answer, Call, call

__all__ = ["KeyRules"]

TOGETHER: Final = 20
REPEATED: Final = ("content-type", "etag", "location", "link")


class KeyRules:
    """Rule 6."""

    def test_a_repetition_gets_the_first_answer(self, service: RunningService, keyed: Operation) -> None:
        """The same key and body again: the same status, headers and bytes, and a header that says so."""
        request = _keyed(service, keyed, _key())
        first, again = service.send(request), service.send(request)
        _need_success(request, first)
        require(first.header(IDEMPOTENCY_REPLAYED_HEADER) is None, "6", "a first answer is no replay", first)
        require(again.header(IDEMPOTENCY_REPLAYED_HEADER), "6", "a replay says that it is one", request, again)
        require(_kept(again) == _kept(first), "6", "a replay is the first answer, byte for byte", first, again)

    def test_another_body_with_the_key_is_refused(self, service: RunningService, loaded: Operation) -> None:
        """The same key with another body is a 422, and nothing is done."""
        key = _key()
        request = _keyed(service, loaded, key)
        _need_success(request, service.send(request))
        other = Call(request.method, request.target, request.headers, (_reworded(request),))
        service.check_problem(service.send(_measured(other)), 422, "another body with the same key", rule="6")

    def test_the_order_of_members_does_not_matter(self, service: RunningService, loaded: Operation) -> None:
        """The same body with its members in another order and other white space is the same request."""
        request = _keyed(service, loaded, _key())
        first = service.send(request)
        _need_success(request, first)
        document = json.loads(b"".join(request.chunks))
        spread = json.dumps(_reversed(document), indent=3).encode()
        again = service.send(_measured(Call(request.method, request.target, request.headers, (spread,))))
        require(_kept(again) == _kept(first), "6", "members in another order are the same request", first, again)

    def test_a_key_of_bad_shape_is_refused(self, service: RunningService, keyed: Operation) -> None:
        """A key has 1 to 255 printable characters; another one is a 400."""
        for key in ("k" * 256, "", " ", "k\x7f", "k\xe9y"):
            request = _keyed(service, keyed, key)
            service.check_problem(service.send(request), 400, f"a key of {len(key)} characters: {key!r:.20}", rule="6")
        request = _keyed(service, keyed, str(uuid4()).ljust(255, "k"))
        _need_success(request, service.send(request))

    def test_a_refused_request_uses_up_no_key(self, service: RunningService, loaded: Operation) -> None:
        """What was refused had no effect, so its key is free for the corrected request."""
        request = _keyed(service, loaded, _key())
        refused = service.send(_measured(Call(request.method, request.target, request.headers, (b'"no"',))))
        require(refused.status == 422, "6", "a body of another shape is a 422", request, refused)
        answer = service.send(request)
        _need_success(request, answer)
        require(answer.header(IDEMPOTENCY_REPLAYED_HEADER) is None, "6", "a corrected request is served", answer)

    def test_concurrent_repetitions_have_one_effect(self, service: RunningService, keyed: Operation) -> None:
        """Twenty at once with one key: one effect; the others get its answer, or 409 while it is running.

        A service that has too much to do may say so to some of them, and starts nothing of theirs then.
        """
        request = _keyed(service, keyed, _key())
        answers = service.together([request] * TOGETHER)
        served = [answer for answer in answers if answer.status < 300]
        require(served, "6", "one of the concurrent requests is served", request, *answers[:3])
        require(len({_kept(answer) for answer in served}) == 1, "6", "all who are served get one answer", *served[:3])
        firsts = [answer for answer in served if answer.header(IDEMPOTENCY_REPLAYED_HEADER) is None]
        require(len(firsts) == 1, "6", f"one effect, not {len(firsts)}", request, *firsts[:3])
        for answer in answers:
            if answer.status >= 300 and answer.status != Unavailable.status:
                service.check_problem(answer, 409, "a concurrent request with the same key", rule="6")
                require(answer.header("retry-after"), "6", "a 409 of a running request says when to retry", answer)


def _key() -> str:
    return str(uuid4())


def _keyed(service: RunningService, operation: Operation, key: str) -> Call:
    return enter(service, operation, situations(service, operation)[0], idempotency_key=key)


def _need_success(request: Call, answer: Answer) -> None:
    require(answer.status < 300, "6", "a request with a new key is served", request, answer)


def _kept(answer: Answer) -> tuple[object, ...]:
    return answer.status, answer.body, tuple(answer.header(name) for name in REPEATED)


def _reworded(request: Call) -> bytes:
    document = json.loads(b"".join(request.chunks) or b"null")
    return json.dumps({**document, "another_member": 1} if isinstance(document, dict) else [document]).encode()


def _measured(request: Call) -> Call:
    kept = {name: value for name, value in request.headers if name not in ("content-length", "content-type")}
    media = dict(request.headers).get("content-type", "application/json")
    body = b"".join(request.chunks)
    return call(request.method, request.target, headers=kept, body=body, media_type=media)


def _reversed(document: Any) -> Any:
    if isinstance(document, dict):
        return {name: _reversed(document[name]) for name in reversed(list(document))}
    if isinstance(document, list):
        return [_reversed(item) for item in document]
    return document
