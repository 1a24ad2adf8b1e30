"""Rule 4: strong entity tags, and writes that hold to them."""

import re
from typing import Final

from arnia.testing.conformance.findings import require
from arnia.testing.conformance.service import RunningService
from arnia.testing.conformance.states import enter, reach, situations
from arnia.testing.conformance.surface import Operation, parent
from arnia.testing.http import call

__all__ = ["PreconditionRules"]

STRONG: Final = re.compile(r'"[\x21\x23-\x7e]+"')
STALE: Final = '"0-stale"'
WRITERS: Final = 20
NEVER_AGAIN: Final = (409, 410)


class PreconditionRules:
    """Rule 4."""

    def test_a_resource_has_a_strong_etag(self, service: RunningService, readable: str) -> None:
        """Every single resource has a strong ETag, the same as long as nothing changes."""
        path = reach(service, readable)
        tag = service.etag(path)
        require(STRONG.fullmatch(tag), "4", "the ETag is a strong one", readable, tag)
        require(service.etag(path) == tag, "4", "the ETag stays while the state does", readable)

    def test_a_known_state_is_304(self, service: RunningService, readable: str) -> None:
        """GET and HEAD of a state that the caller has is a 304 with the ETag and no body."""
        path = reach(service, readable)
        tag = service.etag(path)
        for known in (tag, f'"other", {tag}', f"W/{tag}", "*"):
            for method in ("GET", "HEAD"):
                answer = service.send(call(method, path, headers={"if-none-match": known}))
                require(answer.status == 304, "4", f"If-None-Match: {known} is a 304", readable, answer)
                require(answer.body == b"", "4", "a 304 has no body", answer)
                require(answer.header("etag") == tag, "4", "a 304 has the ETag", answer)
        answer = service.get(path, if_none_match=STALE)
        require(answer.status == 200, "4", "another state is sent whole", readable, answer)

    def test_a_read_insists_on_a_state(self, service: RunningService, readable: str) -> None:
        """If-Match on GET and HEAD lets through the state that it names; any other is a 412, whatever is known."""
        path = reach(service, readable)
        tag = service.etag(path)
        for named in (tag, f"{STALE}, {tag}", "*"):
            answer = service.get(path, if_match=named)
            require(answer.status == 200, "4", f"If-Match: {named} lets a read through", readable, answer)
        known = service.get(path, if_match=tag, if_none_match=tag)
        require(known.status == 304, "4", "a known state that is insisted on is a 304", readable, known)
        for named in (STALE, f"W/{tag}"):
            service.check_problem(service.get(path, if_match=named), 412, readable, named, rule="4")
            head = service.send(call("HEAD", path, headers={"if-match": named}))
            require(head.status == 412 and head.body == b"", "4", "HEAD is as GET", readable, named, head)
        answer = service.get(path, if_match=STALE, if_none_match=tag)
        service.check_problem(answer, 412, readable, "If-Match comes before If-None-Match", rule="4")

    def test_a_stale_write_is_412_and_changes_nothing(self, service: RunningService, write: Operation) -> None:
        """If-Match with another tag, or a weak one, stops every write that would have succeeded."""
        for situation in situations(service, write):
            right = enter(service, write, situation)
            before = service.get(right.target)
            for tag in (STALE, f"W/{before.header('etag') or STALE}"):
                request = right.having("if-match", tag)
                service.check_problem(service.send(request), 412, request, rule="4")
            after = service.get(right.target)
            kept = after.status == before.status and (after.status != 200 or after.body == before.body)
            require(kept, "4", "a refused write changes nothing", write, before, after)

    def test_a_write_with_the_present_tag_succeeds(self, service: RunningService, write: Operation) -> None:
        """If-Match with the present ETag lets the write through, and a changed state gets another ETag."""
        for situation in situations(service, write):
            request = enter(service, write, situation)
            before = service.get(request.target)
            answer = service.send(request)
            require(answer.status < 300, "4", "the present tag lets a write through", request, answer)
            after = service.get(request.target)
            if write.method == "DELETE" or after.body == before.body:
                continue
            require(after.header("etag") != before.header("etag"), "4", "another state has another ETag", write, after)
            if answer.header("etag"):
                sentence = "a write tells the new ETag"
                require(answer.header("etag") == after.header("etag"), "4", sentence, answer, after)

    def test_an_unreadable_precondition_is_refused(self, service: RunningService, write: Operation) -> None:
        """A precondition that is no list of entity tags is a 4xx, never ignored."""
        for situation in situations(service, write):
            right = enter(service, write, situation)
            for value in ("abc", '"open', ",", '"a" "b"', ""):
                request = right.having("if-match", value)
                answer = service.send(request)
                require(answer.status in (400, 412), "4", "an unreadable If-Match is refused", request, answer)

    def test_a_patch_needs_if_match(self, service: RunningService, patchable: str) -> None:
        """PATCH without If-Match is a 428: without it, two patches could undo each other."""
        path = service.place(patchable)
        patches: tuple[object, ...] = ({}, [{"op": "test", "path": "", "value": 1}])
        for patch in patches:
            service.check_problem(service.write("PATCH", path, patch), 428, patchable, rule="4")

    def test_if_none_match_star_only_creates(self, service: RunningService, puttable: str) -> None:
        """PUT with If-None-Match: * creates, and never replaces."""
        operation = service.surface.find("PUT", puttable)
        body = service.body(operation) if operation else None
        path = service.path_of_new(puttable)
        answer = service.write("PUT", path, body, if_none_match="*")
        require(answer.status == 201, "4", "If-None-Match: * creates what is not there", puttable, answer)
        service.check_problem(service.write("PUT", path, body, if_none_match="*"), 412, puttable, rule="4")

    def test_if_match_never_creates(self, service: RunningService, puttable: str) -> None:
        """PUT with If-Match on nothing is a 412: the caller meant a state that does not exist."""
        operation = service.surface.find("PUT", puttable)
        body = service.body(operation) if operation else None
        path = service.path_of_new(puttable)
        for tag in ("*", STALE):
            service.check_problem(service.write("PUT", path, body, if_match=tag), 412, puttable, rule="4")
        require(service.get(path).status == 404, "4", "a refused PUT makes nothing", puttable)

    def test_a_tag_never_comes_back(self, service: RunningService, replaceable: str) -> None:
        """What is deleted and made anew has another ETag, so that nobody mistakes it for the old one.

        A service may refuse to make it anew (409, 410): then nothing is there.
        """
        operation = service.surface.find("PUT", replaceable)
        body = service.body(operation) if operation else None
        path = service.path_of_new(replaceable)
        service.write("PUT", path, body)
        before = service.etag(path)
        service.write("DELETE", path)
        if service.write("PUT", path, body).status in NEVER_AGAIN:
            require(
                service.get(path).status in {404, 410}, "4", "what is not made anew is not there", replaceable, before
            )
            return
        require(service.etag(path) != before, "4", "a resource made anew has a new ETag", replaceable, before)

    def test_of_many_writers_with_one_tag_one_wins(self, service: RunningService, contested: Operation) -> None:
        """Twenty concurrent writes with the same If-Match: exactly one succeeds, the others get 412."""
        path = service.place(contested.template)
        tag = service.etag(path)
        change = _touch(service, contested)
        requests = [service.writing(contested.method, path, change, if_match=tag) for _ in range(WRITERS)]
        answers = service.together(requests)
        won = [answer for answer in answers if answer.status < 300]
        sentence = f"of {WRITERS} writers with one tag exactly one wins, not {len(won)}"
        require(len(won) == 1, "4", sentence, contested, *answers[:3])
        require(
            all(answer.status == 412 for answer in answers if answer not in won), "4", "the others get 412", *answers
        )


def _touch(service: RunningService, operation: Operation) -> object:
    """Return a body, or a merge patch, that changes what is made here."""
    putting = service.surface.find("PUT", operation.template)
    putting = putting or service.surface.find("POST", parent(operation.template))
    if putting is None:
        service.give_up(f"{operation}: no whole body to make a change of")
    body = service.body(putting)
    other = service.other_body(putting, body)
    changed = {name: value for name, value in other.items() if value != body.get(name)}
    # In a new body: the one that was accepted elsewhere may have a name that is given once.
    return changed if operation.method == "PATCH" else {**service.body(putting), **changed}
