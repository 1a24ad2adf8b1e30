"""What a caller owns is not there for others: in no list, under no URL, for no method, also when two come at once."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import uuid4

from arnia.conventions import OWNED_EXTENSION
from arnia.testing.conformance.findings import require
from arnia.testing.conformance.service import RunningService
from arnia.testing.conformance.states import reach
from arnia.testing.conformance.surface import PARAMETER, Operation
from arnia.testing.http import Answer, Call, call

__all__ = ["OwnershipRules"]

RULE: Final = "ownership"
AT_ONCE: Final = 10
MOST_PAGES: Final = 200


class OwnershipRules:
    """Every rule is tried by a stranger: a second principal with all scopes, and no role that reaches everything."""

    def test_what_others_own_is_not_there(self, service: RunningService, owned: Operation) -> None:
        """A stranger is answered as if there were nothing, and with 404 where a PUT would create; nothing changes."""
        path = reach(service, owned.template) if owned.method == "GET" else service.place(owned.template)
        before = service.get(path)
        for name, headers in _conditions(owned, before).items():
            foreign = service.send(_strange(service, owned, path, headers))
            expected = service.send(_strange(service, owned, _nowhere(owned), headers))
            status = 404 if expected.status < 300 else expected.status
            require(status in (404, 412), RULE, f"what is unknown is not found {name}", owned, expected)
            require(foreign.status == status, RULE, f"what others own is not there {name}", owned, foreign)
            if status == expected.status:
                alike = _told(foreign) == _told(expected)
                require(alike, RULE, "what others own is told as what is unknown", owned, foreign, expected)
        after = service.get(path)
        require(_state(after) == _state(before), RULE, "what others try changes nothing", owned, before, after)

    def test_a_list_shows_what_one_owns(self, service: RunningService, gathered: Operation) -> None:
        """No page that a stranger reads has an item of another, and the cursor of another is a 422."""
        path = service.place(gathered.template)
        member = next(each for each in service.surface.members() if each.rpartition("/")[0] == gathered.template)
        made = {service.place(member).rpartition("/")[2] for _ in range(3)}
        target: str | None = f"{path}?limit=100"
        for _ in range(MOST_PAGES):
            if target is None:
                break
            page = service.send(_as(service.stranger, "GET", target))
            require(page.status == 200, RULE, "a stranger may list what is theirs", gathered, page)
            shown = {identity for identity in made if identity in page.body.decode()}
            require(not shown, RULE, "a list shows only what its caller owns", gathered, page)
            target = _next(page)
        following = _next(service.get(f"{path}?limit=2"))
        require(following, RULE, "the owner has a second page", gathered)
        answer = service.send(_as(service.stranger, "GET", following or ""))
        require(answer.status == 422, RULE, "a cursor serves the caller that it was made for", gathered, answer)

    def test_an_identity_has_one_owner(self, service: RunningService, claimed: str) -> None:
        """Of two callers who put one new identity at once, each many times, one creates; the other is told 404."""
        path, putting = f"{service.place(claimed.rpartition('/')[0])}/{uuid4()}", service.surface.find("PUT", claimed)
        body = None if putting is None else service.body(putting)
        # The service's own token reaches everything wherever a role that does is asked for.
        tokens = [service.stranger_named("zoe"), service.stranger] * (AT_ONCE // 2)
        answers = service.together([_as(token, "PUT", path, body) for token in tokens])
        statuses = [answer.status for answer in answers]
        require(statuses.count(201) == 1, RULE, "exactly one creates", claimed, statuses)
        creator = statuses.index(201) % 2
        mine, theirs = statuses[creator::2], statuses[1 - creator :: 2]
        require(set(mine) <= {200, 201, 204}, RULE, "its owner replaces what it created", claimed, statuses)
        require(set(theirs) == {404}, RULE, "to the other it is not there", claimed, statuses)

    def test_a_role_reaches_everything(self, service: RunningService, overseen: Operation) -> None:
        """Who has a role that the document names with `x-owned` reads what others own."""
        path = reach(service, overseen.template)
        roles = overseen.description[OWNED_EXTENSION]
        token = service.issuer.token(audience=service.audience, subject="olga", scopes=service.scopes, roles=roles[:1])
        answer = service.send(_as(token, "GET", path))
        require(answer.status == 200, RULE, f"the role {roles[0]} reaches everything", overseen, answer)


def _conditions(operation: Operation, present: Answer) -> dict[str, dict[str, str]]:
    """Return what a stranger may insist on, who has come to know the entity tag."""
    tag = {"if-match": present.header("etag") or "*"}
    if operation.method in ("GET", "POST"):
        return {"": {}}
    if operation.method == "PATCH":
        return {"with the tag": tag, "whatever is there": {"if-match": "*"}}
    creating = {"to create only": {"if-none-match": "*"}} if operation.method == "PUT" else {}
    return {"": {}, "with the tag": tag, "whatever is there": {"if-match": "*"}, **creating}


def _strange(service: RunningService, operation: Operation, path: str, headers: Mapping[str, str]) -> Call:
    return _as(service.stranger, operation.method, path, service.body(operation), operation.media_type, headers)


def _nowhere(operation: Operation) -> str:
    """Return a path of `operation` where nothing is, another one each time: a PUT may create it."""
    return PARAMETER.sub(lambda _: str(uuid4()), operation.template)


def _as(
    token: str,
    method: str,
    target: str,
    body: object = None,
    media_type: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> Call:
    given = {"authorization": f"Bearer {token}", **(headers or {})}
    return call(method, target, headers=given, document=body, media_type=media_type)


def _state(answer: Answer) -> tuple[object, ...]:
    return answer.status, answer.header("etag"), answer.body if answer.status == 200 else b""


def _told(answer: Answer) -> tuple[object, object]:
    document: dict[str, Any] = answer.json()
    return document.get("type"), document.get("detail")


def _next(page: Answer) -> str | None:
    link: dict[str, str] = page.json().get("_links", {}).get("next", {})
    return link.get("href")
