"""The suite itself is tested: break one rule of a service that keeps all, and it goes red and names the rule."""

import inspect
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import pytest
from honest.main import create
from mutants import (
    Ask,
    Change,
    Mutant,
    Told,
    deaf_to,
    deaf_to_query,
    instead_of,
    saying,
    silent_about,
    with_document,
    without,
)

from arnia.testing.conformance import Nonconformance, ServiceConformance
from arnia.testing.conformance.service import RunningService
from arnia.testing.conformance.suite import FACETS, ServiceSuite


class Broken(NamedTuple):
    """One way to break a rule, and the test that must notice."""

    rule: str
    test: str
    tell: Change | None = None
    ask: Ask | None = None


def _echo(told: Told) -> None:
    """Repeat what was sent in the header Accept."""
    sent = dict(told.scope["headers"]).get(b"accept", b"").decode("latin-1")
    document = told.document
    if told.status >= 400 and isinstance(document, dict) and sent:
        told.tell({**document, "detail": f"cannot serve {sent}"})


def _blame_elsewhere(document: dict[str, Any]) -> None:
    for error in document.get("errors", ()):
        error["pointer"] = "#/elsewhere"


def _nameless(document: dict[str, Any]) -> None:
    for error in document.get("errors", ()):
        error.pop("parameter", None)


def _repeat_an_item(document: dict[str, Any]) -> None:
    if document.get("items"):
        document["items"].append(document["items"][0])


def _lose_items(document: dict[str, Any]) -> None:
    if len(document.get("items", ())) > 1:
        del document["items"][1:]


def _empty_link(document: dict[str, Any]) -> None:
    document.setdefault("_links", {})["nowhere"] = {"href": "/no/such/place", "method": "GET"}


def _wrong_method(document: dict[str, Any]) -> None:
    document.setdefault("_links", {})["remove"] = {"href": "/livez", "method": "DELETE"}


def _stray_self(document: dict[str, Any]) -> None:
    document.get("_links", {})["self"] = {"href": "/livez", "method": "GET"}


def _weak(told: Told) -> None:
    if "etag" in told.headers:
        told.headers["etag"] = f"W/{told.headers['etag']}"


def _restless(told: Told) -> None:
    if "etag" in told.headers:
        told.headers["etag"] = f'"{told.count}"'


def _constant(told: Told) -> None:
    if "etag" in told.headers:
        told.headers["etag"] = '"always"'


def _one_location(told: Told) -> None:
    if told.status == 201 and told.scope["method"] == "POST":
        told.headers["location"] = "/api/v2/notes/00000000-0000-7000-8000-000000000000"


def _head_differs(told: Told) -> None:
    if told.scope["method"] == "HEAD":
        told.headers["x-head"] = "yes"


def _short_allow(told: Told) -> None:
    if "allow" in told.headers:
        told.headers["allow"] = "GET"


def _talkative_304(told: Told) -> None:
    if told.status == 304:
        told.body = b"{}"


def _read_all(told: Told) -> None:
    if told.status == 413:
        told.status = 201


def _retype(told: Told) -> None:
    if told.status >= 400:
        told.headers["content-type"] = "application/json"


def _delete_with(told: Told, wanted: int, status: int) -> None:
    if told.scope["method"] == "DELETE":
        instead_of(wanted, status)(told)


BROKEN: Final = {
    "errors of another media type": Broken("1", "test_a_path_where_nothing_lives_is_a_problem", _retype),
    "problems without trace id": Broken("1", "test_a_path_where_nothing_lives_is_a_problem", without("trace_id")),
    "problems without status": Broken("1", "test_a_path_where_nothing_lives_is_a_problem", without("status")),
    "problems of a type that does not resolve": Broken(
        "1",
        "test_a_path_where_nothing_lives_is_a_problem",
        with_document(lambda document: document.update(type="/problems/no-such-problem"), status=404),
    ),
    "an echo": Broken("1", "test_no_value_in_a_header_or_query_comes_back", _echo),
    "violations that point elsewhere": Broken(
        "1", "test_violations_point_into_the_body", with_document(_blame_elsewhere, status=422)
    ),
    "loose bodies": Broken("2", "test_what_is_no_strict_json_is_refused", instead_of(400, 201)),
    "5xx on a strange body": Broken("2", "test_what_is_no_strict_json_is_refused", instead_of(400, 500)),
    "any media type": Broken("2", "test_another_media_type_is_refused", instead_of(415, 422)),
    "no hint what is read": Broken("2", "test_another_media_type_is_refused", silent_about("accept", "accept-patch")),
    "any size": Broken("2", "test_a_large_body_is_refused_before_it_is_read", _read_all),
    "a size that is not believed": Broken(
        "2", "test_a_large_body_is_refused_before_it_is_read", None, deaf_to("content-length")
    ),
    "any coding": Broken("2", "test_a_content_coding_is_refused", None, deaf_to("content-encoding")),
    "any Accept": Broken("2", "test_an_unknown_accept_is_refused", None, deaf_to("accept")),
    "HEAD unlike GET": Broken("3", "test_head_is_get_without_its_body", _head_differs),
    "HEAD refused": Broken(
        "3",
        "test_head_is_get_without_its_body",
        lambda told: instead_of(200, 405)(told) if told.scope["method"] == "HEAD" else None,
    ),
    "half an Allow on OPTIONS": Broken("3", "test_options_lists_every_method", _short_allow),
    "half an Allow on 405": Broken("3", "test_another_method_is_405_with_the_full_allow", _short_allow),
    "unknown parameters ignored": Broken(
        "3", "test_an_unknown_query_parameter_is_refused", None, deaf_to_query("no_such_parameter", "LIMIT", "%00")
    ),
    "bad query values ignored": Broken("3", "test_a_bad_query_value_names_its_parameter", None, deaf_to_query()),
    "nameless query errors": Broken(
        "3", "test_a_bad_query_value_names_its_parameter", with_document(_nameless, status=422)
    ),
    "no ETag": Broken("4", "test_a_resource_has_a_strong_etag", silent_about("etag")),
    "weak ETags": Broken("4", "test_a_resource_has_a_strong_etag", _weak),
    "restless ETags": Broken("4", "test_a_resource_has_a_strong_etag", _restless),
    "no 304": Broken("4", "test_a_known_state_is_304", None, deaf_to("if-none-match")),
    "a 304 with a body": Broken("4", "test_a_known_state_is_304", _talkative_304),
    "If-Match ignored on reads": Broken("4", "test_a_read_insists_on_a_state", None, deaf_to("if-match")),
    "If-Match ignored": Broken("4", "test_a_stale_write_is_412_and_changes_nothing", None, deaf_to("if-match")),
    "a constant ETag": Broken("4", "test_a_tag_never_comes_back", _constant),
    "nobody loses": Broken("4", "test_of_many_writers_with_one_tag_one_wins", instead_of(412, 204)),
    "unreadable preconditions ignored": Broken(
        "4", "test_an_unreadable_precondition_is_refused", None, deaf_to("if-match")
    ),
    "PATCH without If-Match": Broken("4", "test_a_patch_needs_if_match", instead_of(428, 200)),
    "If-None-Match: * replaces": Broken("4", "test_if_none_match_star_only_creates", None, deaf_to("if-none-match")),
    "If-Match creates": Broken("4", "test_if_match_never_creates", None, deaf_to("if-match")),
    "PUT creates with 200": Broken("5", "test_put_creates_then_replaces", instead_of(201, 200)),
    "PUT without Location": Broken("5", "test_put_creates_then_replaces", silent_about("location")),
    "PUT replaces with 201": Broken("5", "test_put_creates_then_replaces", instead_of(204, 201)),
    "many first PUTs create": Broken("5", "test_of_many_first_puts_one_creates", instead_of(204, 201)),
    "another identity accepted": Broken(
        "5", "test_put_with_another_identity_in_its_body_is_refused", instead_of(422, 201)
    ),
    "POST makes one URI": Broken("5", "test_post_makes_a_new_resource_each_time", _one_location),
    "DELETE with 200": Broken("5", "test_delete_is_204_and_then_404", lambda told: _delete_with(told, 204, 200)),
    "DELETE twice": Broken("5", "test_delete_is_204_and_then_404", lambda told: _delete_with(told, 404, 204)),
    "a failing test of a patch ignored": Broken("5", "test_json_patch_is_all_or_nothing", instead_of(409, 200)),
    "impossible patches accepted": Broken("5", "test_an_impossible_json_patch_is_refused", instead_of(422, 200)),
    "no Accept-Patch": Broken("5", "test_the_patch_formats_are_advertised", silent_about("accept-patch")),
    "keys ignored": Broken("6", "test_a_repetition_gets_the_first_answer", None, deaf_to("idempotency-key")),
    "silent replays": Broken("6", "test_a_repetition_gets_the_first_answer", silent_about("idempotency-replayed")),
    "keys of any payload": Broken("6", "test_another_body_with_the_key_is_refused", None, deaf_to("idempotency-key")),
    "keys of any shape": Broken("6", "test_a_key_of_bad_shape_is_refused", None, deaf_to("idempotency-key")),
    "many effects of one key": Broken(
        "6", "test_concurrent_repetitions_have_one_effect", None, deaf_to("idempotency-key")
    ),
    "an order that counts": Broken("6", "test_the_order_of_members_does_not_matter", None, deaf_to("idempotency-key")),
    "items twice": Broken("8", "test_every_item_is_seen_once", with_document(_repeat_an_item)),
    "items lost": Broken("8", "test_pages_hold_while_others_write", with_document(_lose_items)),
    "any limit": Broken("8", "test_a_page_keeps_to_its_limit", None, deaf_to_query("limit")),
    "no Link": Broken("8", "test_next_is_in_header_and_body", silent_about("link")),
    "forged cursors": Broken("8", "test_a_cursor_cannot_be_forged", None, deaf_to_query("cursor")),
    "cursors of any filter": Broken(
        "8", "test_a_cursor_belongs_to_its_sort_and_filter", None, deaf_to_query("priority")
    ),
    "any sort": Broken("8", "test_sorts_are_listed", None, deaf_to_query("sort")),
    "filters ignored": Broken("8", "test_a_filter_shows_only_what_it_names", None, deaf_to_query("priority")),
    "links to nowhere": Broken("9", "test_every_link_leads_somewhere", with_document(_empty_link)),
    "links with a wrong method": Broken("9", "test_every_link_leads_somewhere", with_document(_wrong_method)),
    "a self that is another": Broken("9", "test_a_resource_links_to_itself", with_document(_stray_self)),
    "links missing in the header": Broken("9", "test_links_are_in_the_header_too", silent_about("link")),
    "actions that are refused": Broken(
        "9", "test_an_action_that_is_linked_is_allowed", lambda told: _delete_with(told, 204, 409)
    ),
    "no version header": Broken("10", "test_the_running_version_is_in_every_answer", silent_about("x-service-version")),
    "no Deprecation": Broken("10", "test_a_deprecated_version_says_so", silent_about("deprecation")),
    "Deprecation as a word": Broken("10", "test_a_deprecated_version_says_so", saying("deprecation", "true")),
    "Sunset before Deprecation": Broken(
        "10",
        "test_a_sunset_is_not_before_the_deprecation",
        saying("sunset", "Thu, 01 Jan 2015 00:00:00 GMT"),
    ),
    "a present version that is deprecated": Broken(
        "10", "test_the_present_version_announces_no_end", saying("deprecation", "@1767225600")
    ),
    "expired work started": Broken("12", "test_an_expired_request_is_not_started", None, deaf_to("request-timeout-ms")),
    "unreadable deadlines ignored": Broken(
        "12", "test_a_deadline_that_is_no_number_is_refused", None, deaf_to("request-timeout-ms")
    ),
    "not ready": Broken("health", "test_the_probes_answer", instead_of(200, 503)),
    "another document": Broken(
        "openapi",
        "test_the_document_is_the_code",
        with_document(lambda document: document.update(servers=[{"url": "/"}])),
    ),
    "traces not continued": Broken("11", "test_a_trace_is_continued_or_restarted", None, deaf_to("traceparent")),
    "public caching": Broken(
        "headers", "test_nothing_of_a_person_is_kept_by_shared_caches", saying("cache-control", "public, max-age=60")
    ),
    "a banner": Broken("headers", "test_no_answer_is_sniffed_or_tells_the_server", saying("server", "bees/1.0")),
}


class TestTheSuite(ServiceSuite):
    """What the suite says of a broken service."""

    application = staticmethod(create)

    @pytest.mark.parametrize("name", sorted(BROKEN))
    def test_a_broken_rule_is_found_and_named(self, service: RunningService, name: str) -> None:
        """A service that breaks one rule fails the test of that rule, with its number in the message."""
        broken = BROKEN[name]
        mutant = Mutant(service.app, broken.ask, broken.tell)
        suspect = RunningService(mutant, service.surface, {}, service.runner, service.log)
        found = list(_findings(suspect, broken.test))
        assert found, f"{broken.test} did not notice {name}"
        assert any(finding.rule == broken.rule for finding in found), [str(finding) for finding in found]
        assert f"rule {broken.rule}: " in "".join(str(finding) for finding in found)


def test_every_rule_is_broken_once() -> None:
    """Each rule that one process can keep has a mutant that breaks it."""
    assert {broken.rule for broken in BROKEN.values()} >= {"1", "2", "3", "4", "5", "6", "8", "9", "10", "11", "12"}


def _findings(service: RunningService, test: str) -> Iterator[Nonconformance]:
    """Yield what `test` of the suite finds, place by place."""
    method = getattr(ServiceConformance(), test)
    facets = [name for name in inspect.signature(method).parameters if name != "service"]
    places = FACETS[facets[0]][0](service.surface) if facets else [None]
    for place in places:
        try:
            method(service, place) if facets else method(service)
        except Nonconformance as finding:
            yield finding
        except pytest.skip.Exception:
            continue
