"""Rule 8: collections are read a page at a time, in a stable order, while others write to them."""

import re
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from arnia.testing.conformance.findings import require
from arnia.testing.conformance.service import RunningService
from arnia.testing.conformance.surface import Operation
from arnia.testing.http import Answer

__all__ = ["CollectionRules"]

MADE: Final = 7
PAGE: Final = 2
MOST_PAGES: Final = 2000
NEXT: Final = re.compile(r'<([^>]*)>;\s*rel="?next"?')


class CollectionRules:
    """Rule 8."""

    def test_every_item_is_seen_once(self, service: RunningService, collection: Operation) -> None:
        """Following `next` shows each item once and none twice, in every order that is offered."""
        path = service.place(collection.template)
        made = {_make(service, collection, path) for _ in range(MADE)}
        limit = _part(service, path)
        for sort in [*_sorts(service, collection), None]:
            query = {"limit": limit, **({} if sort is None else {"sort": sort})}
            seen = [_identity(item) for page in _walk(service, path, query) for item in _items(page)]
            require(len(seen) == len(set(seen)), "8", f"no item twice when sorted by {sort}", collection)
            require(made <= set(seen), "8", f"every item is seen when sorted by {sort}", collection)

    def test_pages_hold_while_others_write(self, service: RunningService, collection: Operation) -> None:
        """Items that are there throughout are seen exactly once, though others come and go between the pages."""
        path = service.place(collection.template)
        steady = {_make(service, collection, path) for _ in range(MADE)}
        doomed = [_make(service, collection, path) for _ in range(MADE)]
        limit = _part(service, path)
        for sort in [*_sorts(service, collection), None]:
            query = {"limit": limit, **({} if sort is None else {"sort": sort})}
            seen: list[str] = []
            for number, page in enumerate(_walk(service, path, query)):
                seen += [_identity(item) for item in _items(page)]
                if number < MADE:
                    _make(service, collection, path)
                if doomed:
                    service.write("DELETE", f"{path}/{doomed.pop()}")
            count = [seen.count(each) for each in steady]
            require(set(count) == {1}, "8", f"what stays is seen once when sorted by {sort}", collection, seen[:9])

    def test_a_page_keeps_to_its_limit(self, service: RunningService, collection: Operation) -> None:
        """A page has at most `limit` items; 0 and more than the maximum are a 422."""
        path = service.place(collection.template)
        for _ in range(PAGE + 1):
            _make(service, collection, path)
        page = service.get(f"{path}?limit={PAGE}")
        require(len(_items(page)) == PAGE, "8", "a page has as many items as its limit", collection, page)
        maximum = service.surface.schemas.plain(collection.query()["limit"]).get("maximum")
        require(maximum, "8", "the limit of a page has a maximum", collection)
        for limit in (0, -1, int(maximum or 0) + 1, "1e3"):
            service.check_problem(service.get(f"{path}?limit={limit}"), 422, f"limit={limit}", rule="8")

    def test_next_is_in_header_and_body(self, service: RunningService, collection: Operation) -> None:
        """`Link: rel=next` and `_links.next` are one, and the last page has neither."""
        path = service.place(collection.template)
        for _ in range(PAGE + 1):
            _make(service, collection, path)
        last = None
        for page in _walk(service, path, {"limit": 100}):
            last = page
        for page in (service.get(f"{path}?limit={PAGE}"), last):
            if page is not None:
                found = NEXT.search(page.header("link") or "")
                sentence = "Link rel=next is the page's _links.next"
                require((found and found.group(1)) == _next(page), "8", sentence, collection, page)

    def test_a_cursor_cannot_be_forged(self, service: RunningService, collection: Operation) -> None:
        """A cursor that was changed, cut or made up is a 422 that names `cursor`."""
        path = service.place(collection.template)
        cursor = _cursor(service, collection, path)
        middle = len(cursor) // 2
        swapped = cursor[:middle] + ("A" if cursor[middle] != "A" else "B") + cursor[middle + 1 :]
        for forged in (swapped, cursor[:-4], cursor[4:], cursor + "AAAA", "AAAA", "%F0%9F%90%9D", "e30", ""):
            answer = service.get(f"{path}?limit={PAGE}&cursor={forged}")
            problem = service.check_problem(answer, 422, f"cursor={forged}", rule="8")
            named = {error.get("parameter") for error in problem.get("errors", ())}
            require(named == {"cursor"}, "8", "a bad cursor is told by its name", answer)

    def test_a_cursor_belongs_to_its_sort_and_filter(self, service: RunningService, collection: Operation) -> None:
        """A cursor under another sort or another filter is a 422."""
        path = service.place(collection.template)
        cursor = _cursor(service, collection, path)
        others = [{"sort": sort} for sort in _sorts(service, collection)]
        refused = [service.get(f"{path}?{urlencode({'cursor': cursor, **other})}").status for other in others]
        if others:
            sentence = "a cursor serves one sort only"
            require(refused.count(200) <= 1 and set(refused) <= {200, 422}, "8", sentence, collection, refused)
        for name, schema in collection.query().items():
            values = service.surface.schemas.plain(schema).get("enum", ())
            if name != "sort" and values:
                answer = service.get(f"{path}?{urlencode({'cursor': cursor, name: values[0]})}")
                service.check_problem(answer, 422, f"a cursor under {name}={values[0]}", rule="8")

    def test_sorts_are_listed(self, service: RunningService, collection: Operation) -> None:
        """Only the documented orders are served; another one is a 422 that names `sort`."""
        path = service.place(collection.template)
        if "sort" in collection.query():
            require(_sorts(service, collection), "8", "the sorts are listed in the document", collection)
        for sort in ("no_such_column", "id;drop", "-"):
            answer = service.get(f"{path}?{urlencode({'sort': sort})}")
            status = 422 if "sort" in collection.query() else 400
            service.check_problem(answer, status, f"sort={sort}", rule="8")

    def test_a_filter_shows_only_what_it_names(self, service: RunningService, filtered: Operation) -> None:
        """A filter by a listed value shows only items that have it."""
        path = service.place(filtered.template)
        _make(service, filtered, path)
        for name, values in service.surface.filters(filtered).items():
            for value in values:
                page = service.get(f"{path}?{urlencode({name: value, 'limit': 100})}")
                shown = {item.get(name, value) for item in _items(page)}
                require(shown <= {value}, "8", f"{name}={value} shows only those", filtered, shown)


def _make(service: RunningService, collection: Operation, path: str) -> str:
    """Make an item in the collection at `path` and return its identity."""
    posting = service.surface.find("POST", collection.template)
    if posting is not None:
        answer = service.write("POST", path, service.body(posting))
        require(answer.status == 201, "5", "POST on a collection creates", posting, answer)
        return (answer.header("location") or "").rpartition("/")[2]
    member = next(
        (each for each in service.surface.members("PUT") if each.rpartition("/")[0] == collection.template), None
    )
    if member is None:
        service.give_up(f"{collection}: nothing can be put into it from outside")
    made = f"{path}/{service.path_of_new(member).rpartition('/')[2]}"
    putting = service.surface.find("PUT", member)
    answer = service.write("PUT", made, service.body(putting) if putting else None)
    require(answer.status == 201, "5", "PUT on a member creates", member, answer)
    return made.rpartition("/")[2]


def _walk(service: RunningService, path: str, query: dict[str, object]) -> Any:
    target: str | None = f"{path}?{urlencode(query)}"
    for _ in range(MOST_PAGES):
        if target is None:
            return
        page = service.get(target)
        require(page.status == 200, "8", "a page can be read", target, page)
        yield page
        target = _next(page)
    require(False, "8", "the pages come to an end", path)


def _part(service: RunningService, path: str) -> int:
    """Return a limit that makes about `MADE` pages of what is there."""
    there = sum(len(_items(page)) for page in _walk(service, path, {"limit": 100}))
    return max(PAGE, min(100, there // MADE))


def _items(page: Answer) -> list[dict[str, Any]]:
    lists: list[list[dict[str, Any]]] = [value for value in page.json().values() if isinstance(value, list)]
    require(len(lists) == 1, "8", "a page has one list: its items", page)
    return lists[0]


def _identity(item: dict[str, Any]) -> str:
    return str(item.get("id") or item["_links"]["self"]["href"].rpartition("/")[2])


def _next(page: Answer) -> str | None:
    link: dict[str, str] = page.json().get("_links", {}).get("next", {})
    return link.get("href")


def _cursor(service: RunningService, collection: Operation, path: str) -> str:
    for _ in range(PAGE + 1):
        _make(service, collection, path)
    following = _next(service.get(f"{path}?limit={PAGE}"))
    require(following, "8", "a page that is not the last leads to the next", collection)
    query = dict(parse_qsl(urlsplit(following or "").query))
    require("cursor" in query, "8", "the next page is named by a cursor", following)
    return query["cursor"]


def _sorts(service: RunningService, collection: Operation) -> list[str]:
    schema = collection.query().get("sort", {})
    sorts: list[str] = list(service.surface.schemas.plain(schema).get("enum", ()))
    return sorts
