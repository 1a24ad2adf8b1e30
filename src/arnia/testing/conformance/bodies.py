"""Rule 2: a body is strict JSON of a known type and size, or a clear 4xx."""

import gzip
import json
from collections.abc import Mapping
from typing import Final

from arnia.testing.conformance.findings import require
from arnia.testing.conformance.service import RunningService
from arnia.testing.conformance.surface import Operation, filled
from arnia.testing.http import Call, call

__all__ = ["BodyRules"]

NOT_JSON: Final[Mapping[str, bytes]] = {
    "NaN": b'{"name": NaN}',
    "Infinity": b'{"name": Infinity}',
    "-Infinity": b"[-Infinity]",
    "a number beyond any float": b'{"name": 1e999}',
    "an integer of 5,000 digits": b"[" + b"9" * 5000 + b"]",
    "a lone surrogate": b'{"name": "\\ud800"}',
    "a lone surrogate in a member's name": b'{"\\udfff": 1}',
    "U+0000": b'{"name": "a\\u0000b"}',
    "U+0000 in a member's name": b'{"\\u0000": 1}',
    "a member twice": b'{"name": 1, "name": 2}',
    "a member twice, deep inside": b'{"name": [{"a": 1, "a": 1}]}',
    "65 levels": b"[" * 65 + b"]" * 65,
    "100,000 levels": b'{"a":' * 100_000,
    "a byte order mark": b'\xef\xbb\xbf{"name": 1}',
    "UTF-16": '{"name": 1}'.encode("utf-16"),
    "overlong UTF-8": b'{"name": "\xc0\xaf"}',
    "a surrogate in UTF-8": b'{"name": "\xed\xa0\x80"}',
    "half a text": b'{"name": ',
    "something behind the text": b'{"name": 1} {"name": 2}',
    "white space only": b" \n\t ",
    "single quotes": b"{'name': 1}",
    "a comment": b'{"name": 1} // note',
    "a trailing comma": b'{"name": 1,}',
    "a raw control character": b'{"name": "a\nb"}',
}


class BodyRules:
    """Rule 2."""

    def test_what_is_no_strict_json_is_refused(self, service: RunningService, bodied: Operation) -> None:
        """A body that two readers may read differently is a 400, whatever the operation."""
        for name, raw in NOT_JSON.items():
            request = _raw(bodied, raw)
            service.check_problem(service.send(request), 400, f"the body holds {name}", request, rule="2")

    def test_another_media_type_is_refused(self, service: RunningService, bodied: Operation) -> None:
        """A body of another type, or in another encoding, is a 415 that says what is read."""
        raw = json.dumps(service.body(bodied)).encode()
        types = ["text/plain", "application/xml", "", "application/jsonx", "multipart/form-data; boundary=x"]
        hint = "accept-patch" if bodied.method == "PATCH" else "accept"
        for media in types:
            request = _raw(bodied, raw, media)
            answer = service.send(request)
            service.check_problem(answer, 415, request, rule="2")
            told = answer.header(hint) or ""
            require(bodied.media_type in told, "2", f"a 415 says in {hint} what is read", request, answer)
        request = _raw(bodied, raw, f"{bodied.media_type}; charset=latin-1")
        service.check_problem(service.send(request), 415, request, rule="2")

    def test_a_content_coding_is_refused(self, service: RunningService, bodied: Operation) -> None:
        """A compressed body is a 415: nobody unpacks what a stranger sends."""
        request = call(
            bodied.method,
            filled(bodied.template),
            body=gzip.compress(b"{}"),
            media_type=bodied.media_type,
            headers={"content-encoding": "gzip", "if-match": '"1-a"'},
        )
        service.check_problem(service.send(request), 415, request, rule="2")

    def test_a_large_body_is_refused_before_it_is_read(self, service: RunningService, bodied: Operation) -> None:
        """A body that declares 50 MB is refused unread, and one that does not, as soon as it is too long."""
        headers = {"content-type": bodied.media_type, "if-match": '"1-a"'}
        path = filled(bodied.template)
        declared = Call(bodied.method, path, (*headers.items(), ("content-length", "50000000")), (b"[", b" " * 100))
        answer = service.send(declared)
        service.check_problem(answer, 413, "50 MB declared", rule="2")
        require(answer.read == 0, "2", "a body that is declared too large is not read", answer)
        chunked = Call(bodied.method, path, tuple(headers.items()), (b" " * 65_536,) * 100)
        answer = service.send(chunked)
        service.check_problem(answer, 413, "6.5 MB in chunks", rule="2")
        require(answer.read < 50, "2", "a body in chunks is refused before all of it is read", answer)

    def test_an_unknown_accept_is_refused(self, service: RunningService, operation: Operation) -> None:
        """A caller that accepts nothing the resource can be is told so with 406, and before anything is done."""
        path = filled(operation.template)
        for accept in ("application/xml", f"{operation.produces[0]};q=0", "image/*"):
            request = call(operation.method, path, headers={"accept": accept})
            service.check_problem(service.send(request), 406, request, rule="2")
        for accept in ("*/*", "application/*", *operation.produces, "text/html, */*;q=0.1"):
            request = call(operation.method, path, headers={"accept": accept})
            answer = service.send(request)
            require(answer.status != 406, "2", "an Accept that admits what it answers with is served", request, answer)

    def test_no_body_at_all_is_refused(self, service: RunningService, bodied: Operation) -> None:
        """An operation that reads a body answers a clear 4xx when there is none."""
        request = call(bodied.method, filled(bodied.template), headers={"if-match": '"1-a"'})
        answer = service.send(request)
        require(answer.status in (400, 415, 422), "2", "a missing body is a clear 4xx", request, answer)
        service.check_problem(answer, answer.status, request, rule="2")

    def test_a_body_of_another_shape_is_refused(self, service: RunningService, bodied: Operation) -> None:
        """A JSON text that is not what the operation reads is a 422."""
        objects: list[object] = [] if bodied.method == "PATCH" or not service.body(bodied) else [{}, []]
        for document in (None, "text", 1, True, *objects):
            request = _raw(bodied, json.dumps(document).encode())
            service.check_problem(service.send(request), 422, request, rule="2")


def _raw(operation: Operation, raw: bytes, media: str | None = None) -> Call:
    media = operation.media_type if media is None else media
    headers = {"if-match": '"1-a"'}
    return call(operation.method, filled(operation.template), body=raw, media_type=media, headers=headers)
