"""Every rule of the suite, broken once: what a service that breaks it does, and the test that must notice."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from mutants import (
    Ask,
    Change,
    TakingAllForOne,
    Told,
    deaf_to,
    deaf_to_query,
    instead_of,
    saying,
    scopes_of,
    silent_about,
    subject_of,
    with_document,
    without,
)

from arnia.chassis import openapi
from arnia.conventions import METRICS_PATH
from arnia.testing.conformance.probes import SECRET


class Broken(NamedTuple):
    """One way to break a rule, and the test that must notice."""

    rule: str
    test: str
    tell: Change | None = None
    ask: Ask | None = None
    document: Callable[[dict[str, Any]], None] | None = None
    """A change of the OpenAPI document, for rules of what it says."""


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


def _let_in_by_query(told: Told) -> None:
    """Believe a token in the query."""
    if b"access_token" in told.scope["query_string"]:
        told.status = 200


def _lock_out(told: Told) -> None:
    """Let nobody in but who may do everything."""
    if not {"notes:read", "notes:write"} <= set(scopes_of(dict(told.scope["headers"]).get(b"authorization", b""))):
        told.status = 403


def _refuse_overseers(told: Told) -> None:
    """Show what others own to no role."""
    if told.status == 200 and subject_of(dict(told.scope["headers"]).get(b"authorization", b"")) == "olga":
        told.status = 404


def _let_in_once(told: Told) -> None:
    """Believe one token in a hundred."""
    if told.count % 100 == 99:
        told.status = 200


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


def _echo_body(told: Told) -> None:
    document = told.document
    if told.status >= 400 and isinstance(document, dict):
        told.tell({**document, "detail": told.sent.decode("utf-8", "replace")})


def _tell_the_fault(document: dict[str, Any]) -> None:
    document["detail"] = SECRET


def _other_tag_on_writes(told: Told) -> None:
    if told.scope["method"] in ("PUT", "PATCH") and "etag" in told.headers:
        told.headers["etag"] = '"another"'


def _accept_anything(told: Told) -> None:
    if told.status >= 400:
        told.status = 201


def _hide_metrics(told: Told) -> None:
    if told.scope["path"] == METRICS_PATH:
        told.body = b""


def _keys_of_tags_ignored(scope: dict[str, Any]) -> None:
    """Ignore the keys of PUT and DELETE: a repetition with If-Match is a 412 then."""
    if scope["method"] in ("PUT", "DELETE"):
        deaf_to("idempotency-key")(scope)


def _only_read(scope: dict[str, Any]) -> None:
    """Do nothing of a patch, and answer as if."""
    if scope["method"] == "PATCH":
        scope["method"] = "GET"
        deaf_to("if-match")(scope)


def _order_ignored(told: Told) -> None:
    """Hold If-None-Match before If-Match."""
    sent = dict(told.scope["headers"])
    if told.status == 412 and sent.get(b"if-none-match", b"*") != b"*":
        told.status = 304


def _empty_patches_refused(told: Told) -> None:
    if told.scope["method"] == "PATCH" and told.sent in (b"{}", b"[]"):
        told.status = 422


def _each(change: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], None]:
    """Change every operation of a document."""

    def change_all(document: dict[str, Any]) -> None:
        for _, _, operation in openapi.operations(document):
            change(operation)

    return change_all


def _untyped(operation: dict[str, Any]) -> None:
    for answer in operation["responses"].values():
        for media in answer.get("content", {}).values():
            media["schema"] = {}


def _one_name(operation: dict[str, Any]) -> None:
    operation["operationId"] = "operate"


def _no_purpose(operation: dict[str, Any]) -> None:
    operation.pop("description", None)
    operation.pop("summary", None)


def _not_deprecated(operation: dict[str, Any]) -> None:
    operation.pop("deprecated", None)


def _versionless(document: dict[str, Any]) -> None:
    document["paths"] = {path.replace("/api/v2/", "/api/"): item for path, item in document["paths"].items()}


BROKEN: Final = {
    "no owners": Broken("ownership", "test_what_others_own_is_not_there", None, TakingAllForOne("alice")),
    "lists of everything": Broken("ownership", "test_a_list_shows_what_one_owns", None, TakingAllForOne("alice")),
    "identities without owners": Broken("ownership", "test_an_identity_has_one_owner", None, TakingAllForOne("zoe")),
    "blind overseers": Broken("ownership", "test_a_role_reaches_everything", _refuse_overseers),
    "demands beyond the document": Broken("security", "test_what_is_asked_for_is_enough", _lock_out),
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
    "keys ignored beside If-Match": Broken("6", "test_a_repetition_gets_the_first_answer", None, _keys_of_tags_ignored),
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
    "any shape of body": Broken("2", "test_a_body_of_another_shape_is_refused", instead_of(422, 201)),
    "no body at all": Broken("2", "test_no_body_at_all_is_refused", _accept_anything),
    "a fault that is told": Broken(
        "1", "test_a_fault_is_a_500_that_tells_nothing", with_document(_tell_the_fault, status=500)
    ),
    "a body that comes back": Broken("1", "test_no_value_in_a_body_comes_back_or_is_logged", _echo_body),
    "framework errors of another type": Broken("1", "test_every_answer_of_the_framework_is_a_problem", _retype),
    "nameless identities": Broken(
        "1", "test_an_identity_that_is_none_is_a_problem", with_document(_nameless, status=422)
    ),
    "request ids of its own": Broken("1", "test_a_request_id_comes_back_if_it_is_safe", None, deaf_to("x-request-id")),
    "a write that tells another ETag": Broken("4", "test_a_write_with_the_present_tag_succeeds", _other_tag_on_writes),
    "If-None-Match before If-Match": Broken("4", "test_a_read_insists_on_a_state", _order_ignored),
    "an unknown member that is gone": Broken("5", "test_an_unknown_identity_is_404", instead_of(404, 410)),
    "empty patches refused": Broken("5", "test_an_empty_patch_changes_nothing", _empty_patches_refused),
    "merge patches without effect": Broken("5", "test_merge_patch_changes_what_it_names", None, _only_read),
    "JSON patches without effect": Broken("5", "test_json_patch_applies_all_operations", None, _only_read),
    "required members removed": Broken(
        "5", "test_merge_patch_of_a_required_member_with_null_is_refused", instead_of(422, 200)
    ),
    "keys of refused requests": Broken(
        "6", "test_a_refused_request_uses_up_no_key", saying("idempotency-replayed", "true")
    ),
    "pages with links to nowhere": Broken("9", "test_every_link_of_a_page_leads_somewhere", with_document(_empty_link)),
    "ended versions not found": Broken("10", "test_after_the_sunset_everything_is_gone", instead_of(410, 404)),
    "deprecation untold": Broken("10", "test_the_document_marks_what_is_deprecated", document=_each(_not_deprecated)),
    "paths without version": Broken("10", "test_the_major_version_is_in_the_path", document=_versionless),
    "policies untold": Broken(
        "security", "test_every_operation_says_who_may_call_it", document=_each(lambda each: each.pop("security"))
    ),
    "refusals untold": Broken(
        "security",
        "test_every_operation_says_who_may_call_it",
        document=_each(lambda each: each["responses"].pop("401", None)),
    ),
    "strangers let in": Broken("security", "test_no_token_is_401", instead_of(401, 200)),
    "tokens in the query": Broken("security", "test_no_token_is_401", _let_in_by_query),
    "no challenge": Broken("security", "test_no_token_is_401", silent_about("www-authenticate")),
    "forgeries believed": Broken("security", "test_no_forged_token_is_believed", _let_in_once),
    "scopes ignored": Broken("security", "test_scopes_and_roles_are_needed", instead_of(403, 404)),
    "late work": Broken("12", "test_late_work_leaves_nothing", instead_of(504, 200)),
    "metrics that name nothing": Broken("health", "test_the_metrics_name_routes_and_never_paths", _hide_metrics),
    "pages of plain text": Broken(
        "openapi", "test_the_documentation_can_be_read", saying("content-type", "text/plain")
    ),
    "untyped answers": Broken("openapi", "test_no_body_is_untyped", document=_each(_untyped)),
    "one name for all": Broken("openapi", "test_every_operation_has_a_name_and_a_purpose", document=_each(_one_name)),
    "no purpose": Broken("openapi", "test_every_operation_has_a_name_and_a_purpose", document=_each(_no_purpose)),
}
