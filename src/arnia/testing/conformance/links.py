"""Rule 9: a client gets everywhere by following links, and a link to an action means that the action is allowed."""

import re
from typing import Any, Final

from arnia.testing.conformance.findings import require
from arnia.testing.conformance.service import RunningService
from arnia.testing.conformance.states import arrive, ways
from arnia.testing.conformance.surface import Operation
from arnia.testing.http import Answer, call

__all__ = ["LinkRules"]

HEADER_LINK: Final = re.compile(r'<([^>]*)>;\s*rel="([^"]*)"')


class LinkRules:
    """Rule 9."""

    def test_a_resource_links_to_itself(self, service: RunningService, member: str) -> None:
        """`_links.self` of a resource is where it was read."""
        path = service.place(member)
        links = _links(service.get(path))
        require(links.get("self", {}).get("href") == path, "9", "_links.self is the resource's own path", path, links)

    def test_links_are_in_the_header_too(self, service: RunningService, member: str) -> None:
        """The Link header has the same relations and targets as the body's `_links`."""
        answer = service.get(service.place(member))
        in_header = {relation: href for href, relation in HEADER_LINK.findall(answer.header("link") or "")}
        for relation, link in _links(answer).items():
            require(in_header.get(relation) == link["href"], "9", f"Link has the relation {relation}", answer)

    def test_every_link_leads_somewhere(self, service: RunningService, member: str) -> None:
        """A link without a method can be read; one with a method leads to a resource that allows it."""
        _check_links(service, service.get(service.place(member)))

    def test_every_link_of_a_page_leads_somewhere(self, service: RunningService, collection: Operation) -> None:
        """The links of a page, and those of its items, lead somewhere."""
        page = service.get(service.place(collection.template))
        require("self" in _links(page), "9", "a page has links", collection, page)
        _check_links(service, page)

    def test_an_action_that_is_linked_is_allowed(self, service: RunningService, member: str) -> None:
        """Each action that a resource links to, in any state, is carried out when it is asked for."""
        for way in ways(service, member):
            for relation, link in _links(service.get(arrive(service, member, way))).items():
                operation = service.surface.at(_method(link), link["href"])
                if _method(link) != "GET" and operation is not None:
                    _check_action(service, operation, relation, arrive(service, member, way))


def _check_action(service: RunningService, operation: Operation, relation: str, path: str) -> None:
    link = _links(service.get(path)).get(relation)
    require(link is not None, "9", f"two resources in one state both link to {relation}", path)
    target = "" if link is None else link["href"]
    request = service.writing(operation.method, target, service.body(operation), if_match=service.etag(path))
    answer = service.send(request)
    sentence = f"the action {relation} is linked, so it is allowed"
    require(answer.status < 300 or answer.status == 422, "9", sentence, request, answer)


def _links(answer: Answer) -> dict[str, dict[str, str]]:
    require(answer.status == 200, "9", "what has links can be read", answer)
    links: dict[str, dict[str, str]] = answer.json().get("_links", {})
    return links


def _method(link: dict[str, Any]) -> str:
    return str(link.get("method", "GET"))


def _check_links(service: RunningService, answer: Answer) -> None:
    for relation, link in _links(answer).items():
        href, method = link["href"], _method(link)
        require(href.startswith("/"), "9", f"the link {relation} is an absolute path", answer)
        if method == "GET":
            read = service.get(href)
            require(read.status == 200, "9", f"the link {relation} can be followed", link, read)
        else:
            allow = service.send(call("OPTIONS", href)).header("allow") or ""
            require(method in allow.split(", "), "9", f"the target of {relation} allows {method}", link, allow)
