"""Rule 5: what PUT, POST, PATCH and DELETE mean."""

from typing import Any, Final
from uuid import uuid4

from arnia.testing.conformance.findings import require
from arnia.testing.conformance.service import RunningService
from arnia.testing.conformance.surface import Operation, parent
from arnia.testing.http import Answer

__all__ = ["PatchRules", "WriteRules"]

VOLATILE: Final = frozenset({"updated_at", "version"})
FIRST_PUTS: Final = 30
IMPOSSIBLE: Final[tuple[object, ...]] = (
    {"op": "no_such_op", "path": "/a"},
    {"op": "remove", "path": "/no_such_member"},
    {"op": "replace", "path": "/no_such_member", "value": 1},
    {"op": "add", "path": "no_slash", "value": 1},
    {"op": "add", "path": "/a/b/c", "value": 1},
    {"op": "add", "path": "/a"},
    {"op": "move", "path": "/a"},
    {"op": "copy", "from": "/no_such_member", "path": "/a"},
    {"path": "/a"},
    {"op": "add", "path": 1, "value": 1},
    {"op": ["add"], "path": "/a", "value": 1},
    {"op": "replace", "path": "", "value": []},
    {"op": "add", "path": "/no_such_member", "value": 1},
    "no operation",
    None,
)


class WriteRules:
    """Rule 5, without PATCH."""

    def test_put_creates_then_replaces(self, service: RunningService, puttable: str) -> None:
        """PUT is 201 with a Location that can be read, then 204 or 200; twice the same leaves the same state."""
        operation = _operation(service, "PUT", puttable)
        body, path = service.body(operation), service.path_of_new(puttable)
        first = service.write("PUT", path, body)
        require(first.status == 201, "5", "PUT creates what is not there", puttable, first)
        location = first.header("location")
        require(location == path, "5", "the Location of a PUT is its own path", path, first)
        state = _state(service.get(path))
        again = service.write("PUT", path, body)
        require(again.status in (200, 204), "5", "PUT replaces what is there", puttable, again)
        require(_state(service.get(path)) == state, "5", "the same PUT twice leaves the same state", puttable)

    def test_of_many_first_puts_one_creates(self, service: RunningService, puttable: str) -> None:
        """Concurrent first PUTs of one resource: exactly one 201, and no error."""
        operation = _operation(service, "PUT", puttable)
        request = service.writing("PUT", service.path_of_new(puttable), service.body(operation))
        answers = service.together([request] * FIRST_PUTS)
        made = [answer for answer in answers if answer.status == 201]
        require(len(made) == 1, "5", f"of {FIRST_PUTS} first PUTs exactly one creates, not {len(made)}", *answers[:3])
        others = {answer.status for answer in answers if answer.status != 201}
        require(others <= {200, 204}, "5", f"the others replace; they got {others}", puttable)

    def test_put_with_another_identity_in_its_body_is_refused(self, service: RunningService, identified: str) -> None:
        """A body whose id is not that of the URL is a 422 that points to it."""
        operation = _operation(service, "PUT", identified)
        body, path = service.body(operation), service.path_of_new(identified)
        answer = service.write("PUT", path, {**body, "id": str(uuid4())})
        problem = service.check_problem(answer, 422, operation, rule="5")
        require([error["pointer"] for error in problem["errors"]] == ["#/id"], "5", "it points to the id", answer)
        answer = service.write("PUT", path, {**body, "id": path.rpartition("/")[2]})
        require(answer.status == 201, "5", "the same id in URL and body is fine", operation, answer)

    def test_post_makes_a_new_resource_each_time(self, service: RunningService, making: Operation) -> None:
        """POST on a collection is a 201 whose Location leads to what was made, another one each time."""
        path = service.place(making.template)
        answers = []
        for _ in range(2):
            answer = service.write("POST", path, service.body(making))
            answers.append(answer)
            require(answer.status == 201, "5", "POST creates", making, answer)
            made = service.get(answer.header("location") or "/")
            require(made.status == 200, "5", "the Location of a POST can be read", answer, made)
            require(made.body == answer.body, "5", "what was made is what POST answered", answer, made)
        locations = {answer.header("location") for answer in answers}
        require(len(locations) == 2, "5", "POST makes a new URI each time", making, *answers)

    def test_delete_is_204_and_then_404(self, service: RunningService, deletable: str) -> None:
        """DELETE is 204; what is gone is 404, to GET and to the next DELETE."""
        path = service.place(deletable)
        answer = service.write("DELETE", path)
        require(answer.status == 204, "5", "DELETE is 204", deletable, answer)
        require(answer.body == b"", "5", "a 204 has no body", answer)
        service.check_problem(service.get(path), 404, "GET after DELETE", rule="5")
        service.check_problem(service.write("DELETE", path), 404, "DELETE after DELETE", rule="5")

    def test_an_unknown_identity_is_404(self, service: RunningService, member: str) -> None:
        """GET of a member that does not exist is a 404."""
        service.check_problem(service.get(service.path_of_new(member)), 404, member, rule="5")


class PatchRules:
    """Rule 5: PATCH."""

    def test_merge_patch_changes_what_it_names(self, service: RunningService, patchable: str) -> None:
        """A merge patch changes the members that it names and leaves the others as they are."""
        path, change = _changeable(service, patchable)
        before = service.get(path)
        answer = _patch(service, path, change)
        require(answer.status in (200, 204), "5", "a merge patch is applied", patchable, change, answer)
        state = _state(service.get(path))
        for name, value in _state(before).items():
            wanted = change.get(name, value)
            if name in change or not name.startswith("_"):
                require(state.get(name) == wanted, "5", f"a merge patch leaves {name} as it should be", change, answer)

    def test_an_empty_patch_changes_nothing(self, service: RunningService, patchable: str) -> None:
        """An empty merge patch and an empty JSON Patch leave the state as it is."""
        path = service.place(patchable)
        state = _state(service.get(path))
        nothing: tuple[object, ...] = ({}, [])
        for empty in nothing:
            answer = service.send(_patching(service, path, empty))
            require(answer.status in (200, 204), "5", "an empty patch is fine", patchable, answer)
            require(_state(service.get(path)) == state, "5", "an empty patch changes nothing", patchable)

    def test_merge_patch_of_a_required_member_with_null_is_refused(
        self, service: RunningService, patchable: str
    ) -> None:
        """Null removes a member; a required one cannot go, and nothing is changed."""
        path, change = _changeable(service, patchable)
        body = service.body(_whole(service, patchable))
        schema = service.surface.schemas.plain(_whole(service, patchable).body_schema or {})
        required = [name for name in schema.get("required", ()) if name in body]
        before = service.get(path)
        for name in required:
            answer = _patch(service, path, {**change, name: None})
            service.check_problem(answer, 422, f"{name}: null", rule="5")
        service.check_problem(_patch(service, path, {"no_such_member": 1}), 422, "an unknown member", rule="5")
        require(service.get(path).body == before.body, "5", "a refused patch changes nothing", patchable)

    def test_json_patch_applies_all_operations(self, service: RunningService, patchable: str) -> None:
        """test, replace, add, copy, move and remove work together, as RFC 6902 says."""
        path, change = _changeable(service, patchable)
        name, value = next(iter(change.items()))
        old = service.get(path).json()[name]
        steps = [
            {"op": "test", "path": f"/{name}", "value": old},
            {"op": "copy", "from": f"/{name}", "path": "/no_such_member"},
            {"op": "test", "path": "/no_such_member", "value": old},
            {"op": "move", "from": "/no_such_member", "path": f"/{name}"},
            {"op": "add", "path": "/no_such_member", "value": [1]},
            {"op": "add", "path": "/no_such_member/-", "value": 2},
            {"op": "add", "path": "/no_such_member/0", "value": 0},
            {"op": "test", "path": "/no_such_member", "value": [0, 1, 2]},
            {"op": "remove", "path": "/no_such_member"},
            {"op": "replace", "path": f"/{name}", "value": value},
        ]
        answer = _patch(service, path, steps)
        require(answer.status in (200, 204), "5", "a JSON Patch is applied", patchable, steps, answer)
        require(service.get(path).json()[name] == value, "5", "a JSON Patch changes the state", patchable, answer)

    def test_json_patch_is_all_or_nothing(self, service: RunningService, patchable: str) -> None:
        """A test that fails is a 409, and what came before it is not kept."""
        path, change = _changeable(service, patchable)
        name, value = next(iter(change.items()))
        before = service.get(path)
        steps = [
            {"op": "replace", "path": f"/{name}", "value": value},
            {"op": "test", "path": f"/{name}", "value": {"never": "this"}},
        ]
        service.check_problem(_patch(service, path, steps), 409, steps, rule="5")
        require(service.get(path).body == before.body, "5", "a JSON Patch is applied whole or not at all", patchable)

    def test_an_impossible_json_patch_is_refused(self, service: RunningService, patchable: str) -> None:
        """An operation that is ill-formed, leads nowhere or breaks the resource is a 422, and nothing is changed."""
        path = service.place(patchable)
        before = service.get(path)
        for step in IMPOSSIBLE:
            service.check_problem(_patch(service, path, [step]), 422, step, rule="5")
            require(service.get(path).body == before.body, "5", "a refused patch changes nothing", patchable, step)

    def test_the_patch_formats_are_advertised(self, service: RunningService, patchable: str) -> None:
        """A patch in another format is a 415 whose Accept-Patch lists both."""
        path = service.place(patchable)
        answer = service.send(_patching(service, path, {}, content_type="application/json"))
        service.check_problem(answer, 415, patchable, rule="5")
        listed = answer.header("accept-patch") or ""
        for media in ("application/merge-patch+json", "application/json-patch+json"):
            require(media in listed, "5", f"Accept-Patch lists {media}", answer)


def _operation(service: RunningService, method: str, template: str) -> Operation:
    found = service.surface.find(method, template)
    if found is None:
        raise LookupError(f"{method} {template}")
    return found


def _whole(service: RunningService, template: str) -> Operation:
    found = service.surface.find("PUT", template) or service.surface.find("POST", parent(template))
    if found is None:
        service.give_up(f"{template}: nothing writes it whole, so nobody knows what a patch may change")
    return found


def _changeable(service: RunningService, template: str) -> tuple[str, dict[str, Any]]:
    """Return a resource and a merge patch that changes exactly one of its members."""
    whole = _whole(service, template)
    body = service.body(whole)
    other = service.other_body(whole, body)
    path = service.place(template)
    return path, {name: value for name, value in other.items() if value != body.get(name)}


def _patching(service: RunningService, path: str, document: Any, **headers: str) -> Any:
    return service.writing("PATCH", path, document, if_match=service.etag(path), **headers)


def _patch(service: RunningService, path: str, document: Any) -> Answer:
    return service.send(_patching(service, path, document))


def _state(answer: Answer) -> dict[str, Any]:
    return {name: value for name, value in answer.json().items() if name not in VOLATILE}
