"""Hostile framing: what is no HTTP, or two HTTPs at once, as bytes on a connection."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ["FRAMES", "Frame"]

_HOST: Final = b"Host: localhost\r\n"
_JSON: Final = b"Content-Type: application/json\r\n"
_GET: Final = b"GET /livez HTTP/1.1\r\n" + _HOST
_POST: Final = b"POST /livez HTTP/1.1\r\n" + _HOST + _JSON
_HIDDEN: Final = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Frame:
    """Bytes to send, and how many answers they may get at most: a second one would belong to a smuggled request."""

    raw: bytes
    most: int = 1


def _post(head: bytes, body: bytes) -> Frame:
    return Frame(_POST + head + b"\r\n" + body)


def _get(head: bytes) -> Frame:
    return Frame(_GET + head + b"\r\n")


def _chunked(body: bytes) -> Frame:
    return _post(b"Transfer-Encoding: chunked\r\n", body)


FRAMES: Final[Mapping[str, Frame]] = {
    "nothing": Frame(b""),
    "an empty line": Frame(b"\r\n"),
    "1,000 empty lines": Frame(b"\r\n" * 1000),
    "a NUL": Frame(b"\x00"),
    "random bytes": Frame(bytes(range(256)) * 4),
    "a TLS hello": Frame(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200),
    "HTTP/2 by surprise": Frame(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "HTTP/0.9": Frame(b"GET /livez\r\n"),
    "HTTP/1.0 without Host": Frame(b"GET /livez HTTP/1.0\r\n\r\n"),
    "HTTP/1.1 without Host": Frame(b"GET /livez HTTP/1.1\r\n\r\n"),
    "HTTP/1.2": Frame(b"GET /livez HTTP/1.2\r\n" + _HOST + b"\r\n"),
    "HTTP/3.0": Frame(b"GET /livez HTTP/3.0\r\n" + _HOST + b"\r\n"),
    "HTTP/a.b": Frame(b"GET /livez HTTP/a.b\r\n" + _HOST + b"\r\n"),
    "half a request line": Frame(b"GET /livez HT"),
    "half a header": Frame(b"GET /livez HTTP/1.1\r\nHost: loc"),
    "a lower-case method": Frame(b"get /livez HTTP/1.1\r\n" + _HOST + b"\r\n"),
    "an unknown method": Frame(b"HOSTILE /livez HTTP/1.1\r\n" + _HOST + b"\r\n"),
    "a method of 10,000 letters": Frame(b"A" * 10_000 + b" /livez HTTP/1.1\r\n" + _HOST + b"\r\n"),
    "a method with a NUL": Frame(b"GE\x00T /livez HTTP/1.1\r\n" + _HOST + b"\r\n"),
    "CONNECT": Frame(b"CONNECT 127.0.0.1:22 HTTP/1.1\r\n" + _HOST + b"\r\n"),
    "TRACE": Frame(b"TRACE /livez HTTP/1.1\r\n" + _HOST + b"\r\n"),
    "an absolute target": Frame(b"GET http://evil.example/livez HTTP/1.1\r\n" + _HOST + b"\r\n"),
    "an absolute target without a path": Frame(b"GET http://evil.example HTTP/1.1\r\n" + _HOST + b"\r\n"),
    "an authority as target": Frame(b"GET evil.example:80 HTTP/1.1\r\n" + _HOST + b"\r\n"),
    "a star as target": Frame(b"OPTIONS * HTTP/1.1\r\n" + _HOST + b"\r\n"),
    "a star as target of GET": Frame(b"GET * HTTP/1.1\r\n" + _HOST + b"\r\n"),
    "a target without a slash": Frame(b"GET livez HTTP/1.1\r\n" + _HOST + b"\r\n"),
    "a raw space in the target": Frame(b"GET /li vez HTTP/1.1\r\n" + _HOST + b"\r\n"),
    "a raw NUL in the target": Frame(b"GET /li\x00vez HTTP/1.1\r\n" + _HOST + b"\r\n"),
    "raw UTF-8 in the target": Frame("GET /été HTTP/1.1\r\n".encode() + _HOST + b"\r\n"),
    "raw 0xFF in the target": Frame(b"GET /\xff\xfe HTTP/1.1\r\n" + _HOST + b"\r\n"),
    "raw 0xFF in the query": Frame(b"GET /livez?\xff=\xfe HTTP/1.1\r\n" + _HOST + b"\r\n"),
    "a fragment in the target": Frame(b"GET /livez#top HTTP/1.1\r\n" + _HOST + b"\r\n"),
    "a target of 100,000 bytes": Frame(b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n" + _HOST + b"\r\n"),
    "escapes that are none": Frame(b"GET /%zz%4 HTTP/1.1\r\n" + _HOST + b"\r\n"),
    "overlong UTF-8 in the target": Frame(b"GET /%c0%ae%c0%ae/ HTTP/1.1\r\n" + _HOST + b"\r\n"),
    "dots in the target": Frame(b"GET /../../etc/passwd HTTP/1.1\r\n" + _HOST + b"\r\n"),
    "line feeds only": Frame(b"GET /livez HTTP/1.1\nHost: localhost\n\n"),
    "carriage returns only": Frame(b"GET /livez HTTP/1.1\rHost: localhost\r\r"),
    "a folded header": _get(b"X-Folded: a\r\n b\r\n"),
    "a header without a colon": _get(b"X-Broken\r\n"),
    "a header without a name": _get(b": value\r\n"),
    "a space before the colon": _get(b"X-Space : value\r\n"),
    "a space before the first header": Frame(b"GET /livez HTTP/1.1\r\n Host: localhost\r\n\r\n"),
    "a NUL in a header": _get(b"X-Nul: a\x00b\r\n"),
    "a NUL in a header's name": _get(b"X-\x00Nul: a\r\n"),
    "a bare CR in a header": _get(b"X-Bare: a\rb\r\n"),
    "0x7F in a header": _get(b"X-Del: \x7f\r\n"),
    "raw 0xFF in a header": _get(b"X-Raw: \xff\xfe\r\n"),
    "two Host headers": _get(b"Host: evil.example\r\n"),
    "a header of 100,000 bytes": _get(b"X-Large: " + b"a" * 100_000 + b"\r\n"),
    "headers of 2 MB": _get(b"".join(b"X-%d: %s\r\n" % (each, b"a" * 1000) for each in range(2000))),
    "10,000 headers": _get(b"".join(b"X-%d: a\r\n" % each for each in range(10_000))),
    "Content-Length of letters": _post(b"Content-Length: abc\r\n", b"{}"),
    "Content-Length negative": _post(b"Content-Length: -2\r\n", b"{}"),
    "Content-Length with a plus": _post(b"Content-Length: +2\r\n", b"{}"),
    "Content-Length hexadecimal": _post(b"Content-Length: 0x2\r\n", b"{}"),
    "Content-Length of 30 digits": _post(b"Content-Length: " + b"9" * 30 + b"\r\n", b"{}"),
    "Content-Length empty": _post(b"Content-Length: \r\n", b"{}"),
    "two Content-Lengths alike": _post(b"Content-Length: 2\r\nContent-Length: 2\r\n", b"{}"),
    "two Content-Lengths that differ": _post(b"Content-Length: 2\r\nContent-Length: 50\r\n", b"{}" + _HIDDEN),
    "a list of Content-Lengths": _post(b"Content-Length: 2, 50\r\n", b"{}" + _HIDDEN),
    "a body shorter than declared": _post(b"Content-Length: 500\r\n", b"{}"),
    "a GET with a body": _get(b"Content-Length: 2\r\n\r\n{}"),
    "length and chunks": _post(b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n" + _HIDDEN),
    "chunks and length": _post(b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", b"0\r\n\r\n" + _HIDDEN),
    "chunked, spelled with a tab": _post(b"Transfer-Encoding:\tchunked\r\nContent-Length: 2\r\n", b"{}" + _HIDDEN),
    "chunked with a space before": _post(b"Transfer-Encoding : chunked\r\nContent-Length: 2\r\n", b"{}" + _HIDDEN),
    "chunked twice": _post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
    "chunked, then identity": _post(b"Transfer-Encoding: chunked, identity\r\n", b"0\r\n\r\n"),
    "an unknown transfer coding": _post(b"Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n"),
    "gzip and chunked": _post(b"Transfer-Encoding: gzip, chunked\r\n", b"2\r\n{}\r\n0\r\n\r\n"),
    "a chunk size of letters": _chunked(b"zz\r\n{}\r\n0\r\n\r\n"),
    "a chunk size that is negative": _chunked(b"-2\r\n{}\r\n0\r\n\r\n"),
    "a chunk size of 16 digits": _chunked(b"ffffffffffffffff\r\n{}\r\n0\r\n\r\n"),
    "a chunk size of 30 digits": _chunked(b"f" * 30 + b"\r\n{}\r\n0\r\n\r\n"),
    "a chunk size with 0x": _chunked(b"0x2\r\n{}\r\n0\r\n\r\n"),
    "a chunk longer than said": _chunked(b"2\r\n{}{}{}\r\n0\r\n\r\n"),
    "a chunk extension of 20,000 bytes": _chunked(b"2;" + b"a" * 20_000 + b"\r\n{}\r\n0\r\n\r\n"),
    "chunks without an end": _chunked(b"2\r\n{}\r\n"),
    "a trailer": _chunked(b"2\r\n{}\r\n0\r\nX-Trailer: a\r\n\r\n"),
    "a trailer that means to rule": _chunked(b"2\r\n{}\r\n0\r\nContent-Length: 50\r\nHost: evil\r\n\r\n"),
    "10,000 chunks of a byte": _chunked(b"1\r\n \r\n" * 10_000 + b"0\r\n\r\n"),
    "Expect": _post(b"Expect: 100-continue\r\nContent-Length: 2\r\n", b"{}"),
    "Expect of nonsense": _post(b"Expect: hostile\r\nContent-Length: 2\r\n", b"{}"),
    "Upgrade to a socket": _get(b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"),
    "Upgrade to h2c": _get(b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"),
    "100 requests at once": Frame((_GET + b"\r\n") * 100, most=100),
    "a good one and a bad one": Frame(_GET + b"\r\n" + b"\x00\x01\x02\r\n\r\n", most=2),
}
