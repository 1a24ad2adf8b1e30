"""Attacks that only a connection shows: what is one request, and whose token belongs to which."""

from collections.abc import Iterator
from typing import Final, NamedTuple

__all__ = ["ConnectionAttack", "frames"]

HOST: Final = b"Host: localhost\r\n"


class ConnectionAttack(NamedTuple):
    """Bytes on one connection, and how many of the answers to them may be those of a caller who is let in."""

    name: str
    raw: bytes
    allowed: int = 0


def frames(path: str, token: str) -> Iterator[ConnectionAttack]:
    """Yield what is sent to the guarded `path`, with a good `token` in a place that is none."""
    line, bearer = f"GET {path} HTTP/1.1\r\n".encode(), f"Authorization: Bearer {token}\r\n".encode()
    bare = line + HOST + b"\r\n"
    name, value = bearer.split(b": ")
    misspelled = {
        "a space before the colon": name + b" : " + value,
        "a space before the name": b" " + bearer,
        "a folded value": name + b":\r\n " + value,
        "U+0000 in the name": b"Author\x00ization: " + value,
        "U+0000 in the value": name + b": " + value[:-2] + b"\x00\r\n",
        "an underscore": b"Authorization_: " + value,
        "a name in quotes": b'"Authorization": ' + value,
        "no colon": name + b" " + value,
        "a vertical tab": name + b":\x0b" + value,
        "a bare return in the value": name + b": " + value.replace(b" ", b" \r", 1),
    }
    for kind, spelled in misspelled.items():
        yield ConnectionAttack(kind, line + HOST + spelled + b"\r\n")
    yield ConnectionAttack("a token of the request before", line + HOST + bearer + b"\r\n" + bare, allowed=1)
    yield ConnectionAttack("a token of the request after", bare + line + HOST + bearer + b"\r\n", allowed=1)
    yield ConnectionAttack("a token where a body would be", bare + bearer + b"\r\n")
    chunked = HOST + b"Transfer-Encoding: chunked\r\n\r\n"
    yield ConnectionAttack("a token in the trailers", line + chunked + b"0\r\n" + bearer + b"\r\n")
    yield ConnectionAttack("a token in an extension of a chunk", line + chunked + b"0;" + bearer + b"\r\n")
    hidden = line + HOST + bearer + b"\r\n"
    both = b"Transfer-Encoding: chunked\r\nContent-Length: %d\r\n\r\n0\r\n\r\n" % len(hidden)
    yield ConnectionAttack("a request within a request", line + HOST + both + hidden)
    lengths = b"Content-Length: 0\r\nContent-Length: %d\r\n\r\n" % len(hidden)
    yield ConnectionAttack("a request behind two lengths", line + HOST + lengths + hidden)
    coded = b"Transfer-Encoding: xchunked\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n"
    yield ConnectionAttack("a request behind an odd coding", line + HOST + coded + hidden)
    yield ConnectionAttack("two tokens", line + HOST + bearer + b"Authorization: Bearer other\r\n\r\n")
    yield ConnectionAttack("an absolute target", f"GET http://localhost{path} HTTP/1.1\r\n".encode() + HOST + b"\r\n")
    user = f"GET http://alice:{token[:100]}@localhost{path} HTTP/1.1\r\n".encode()
    yield ConnectionAttack("a user in the target", user + HOST + b"\r\n")
    yield ConnectionAttack("another host", line + b"Host: 127.0.0.1:1\r\n\r\n")
    yield ConnectionAttack("two hosts", line + HOST + b"Host: internal\r\n\r\n")
    yield ConnectionAttack("HTTP/1.0", f"GET {path} HTTP/1.0\r\n\r\n".encode())
    yield ConnectionAttack("HTTP/0.9", f"GET {path}\r\n\r\n".encode())
    yield ConnectionAttack("an upgrade to h2c", line + HOST + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
    yield ConnectionAttack("HTTP/2 by surprise", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    yield ConnectionAttack("a proxy's line", b"PROXY TCP4 127.0.0.1 127.0.0.1 1 1\r\n" + bare)
    yield ConnectionAttack("CONNECT", f"CONNECT {path} HTTP/1.1\r\n".encode() + HOST + b"\r\n")
    yield ConnectionAttack("TRACE", f"TRACE {path} HTTP/1.1\r\n".encode() + HOST + bearer + b"\r\n")
