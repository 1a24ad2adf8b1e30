"""Tokens that nobody may believe: one for each way that RFC 8725, RFC 7515, RFC 7519 and RFC 9068 warn of, and more.

Every forgery is close to a good token: but for what its name says, the service would let it pass.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from joserfc.jwk import ECKey, OKPKey
from pydantic import JsonValue

from arnia.testing.issuer import TestIssuer

__all__ = ["Forgery", "forgeries"]

Members: TypeAlias = dict[str, JsonValue]

LURE: Final = "http://127.0.0.1:9/keys.json"
ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""The order of P-256."""


@dataclass(frozen=True, slots=True)
class Forgery:
    """A token, and what is wrong with it."""

    name: str
    token: bytes


class Forge:
    """Makes tokens from good claims and a good header that a forgery spoils."""

    def __init__(
        self, issuer: TestIssuer, audience: str, scopes: tuple[str, ...], roles: tuple[str, ...], lure: str = LURE
    ) -> None:
        self.issuer = issuer
        self.lure = lure
        now = int(time.time())
        self.now = now
        self.claims: Members = {
            "iss": issuer.url,
            "sub": "mallory",
            "client_id": "tests",
            "aud": audience,
            "scope": " ".join(scopes),
            "roles": list(roles),
            "iat": now,
            "exp": now + 600,
            "jti": "forged",
        }
        self.header: Members = {"typ": "at+jwt", "alg": issuer.algorithm, "kid": str(issuer.key.kid)}
        self.good = self.signed()

    def signed(self, header: Mapping[str, JsonValue] | None = None, **claims: JsonValue) -> bytes:
        """Return a token of the issuer's own key, with some parameters and claims in other places."""
        return self.raw(text(self.header | dict(header or {})), text(self.claims | claims))

    def without(self, name: str) -> bytes:
        """Return a token of the issuer's own key that lacks a claim."""
        return self.raw(text(self.header), text({key: value for key, value in self.claims.items() if key != name}))

    def raw(self, header: bytes, payload: bytes, key: ECKey | OKPKey | None = None) -> bytes:
        """Return a token of these very bytes, signed with the issuer's key or another."""
        signed = encoded(header) + b"." + encoded(payload)
        signer = TestIssuer.signature_of
        return signed + b"." + encoded(signer(signed, key or self.issuer.key))

    def unsigned(self, header: Mapping[str, JsonValue], signature: bytes = b"") -> bytes:
        """Return a token with a signature that somebody made up."""
        return encoded(text(self.header | dict(header))) + b"." + encoded(text(self.claims)) + b"." + encoded(signature)

    def shared(self, secret: bytes, algorithm: str = "HS256") -> bytes:
        """Return a token with an HMAC, keyed with something that everybody knows."""
        signed = encoded(text(self.header | {"alg": algorithm})) + b"." + encoded(text(self.claims))
        return signed + b"." + encoded(hmac.new(secret, signed, hashlib.sha256).digest())


def encoded(raw: bytes) -> bytes:
    """Return `raw` in unpadded base64url."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def text(members: Mapping[str, JsonValue]) -> bytes:
    """Return a JSON text."""
    return json.dumps(members, separators=(",", ":")).encode()


def forgeries(
    issuer: TestIssuer,
    audience: str,
    *,
    scopes: tuple[str, ...] = (),
    roles: tuple[str, ...] = (),
    lure: str = LURE,
) -> Iterator[Forgery]:
    """Yield the forgeries of a token for `audience` that would carry `scopes` and `roles`; some point to `lure`."""
    forge = Forge(issuer, audience, scopes, roles, lure)
    for kind in (_of_algorithm, _of_key, _of_header, _of_form, _of_json, _of_signature, _of_claims, _of_audience):
        for name, token in kind(forge).items():
            yield Forgery(name, token)


def _of_algorithm(forge: Forge) -> dict[str, bytes]:
    pem = forge.issuer.key.as_pem(private=False)
    spellings = ("none", "None", "NONE", "nOnE", "none ", "")
    found = {f"alg {alg!r} unsigned": forge.unsigned({"alg": alg}) for alg in spellings}
    found |= {f"alg {alg!r} with the good signature": forge.signed({"alg": alg}) for alg in spellings}
    found |= {
        f"alg {alg}": forge.signed({"alg": alg})
        for alg in ("HS256", "RS256", "PS256", "ES384", "ES512", "ES256K", "Ed448", "es256", "RSA-OAEP", "dir")
    }
    found |= {
        "HS256 with the public key in PEM": forge.shared(pem),
        "HS256 with the public key in PEM, stripped": forge.shared(pem.strip()),
        "HS256 with the public key as JWK": forge.shared(text(_public(forge))),
        "HS256 with an empty secret": forge.shared(b""),
        "HS256 with the key id": forge.shared(str(forge.issuer.key.kid).encode()),
        "HMAC under the name of a signature": forge.shared(pem, forge.issuer.algorithm),
        "alg as a list": forge.signed({"alg": [forge.issuer.algorithm]}),
        "alg null": forge.signed({"alg": None}),
        "Ed25519 over a key of P-256": forge.raw(
            text(forge.header | {"alg": "Ed25519"}), text(forge.claims), OKPKey.generate_key("Ed25519")
        ),
        "EdDSA over a key of P-256": forge.raw(
            text(forge.header | {"alg": "EdDSA"}), text(forge.claims), OKPKey.generate_key("Ed25519")
        ),
    }
    return found


def _public(forge: Forge) -> Members:
    return {name: value for name, value in forge.issuer.key.as_dict(private=False).items() if isinstance(value, str)}


def _of_key(forge: Forge) -> dict[str, bytes]:
    own = ECKey.generate_key("P-256")
    own.ensure_kid()
    jwk: Members = {name: value for name, value in own.as_dict(private=False).items() if isinstance(value, str)}
    tricks: dict[str, JsonValue] = {
        "a path": "../../../../dev/null",
        "SQL": "x' UNION SELECT 'secret' --",
        "a URL": forge.lure,
        "a list": [str(forge.issuer.key.kid)],
        "an object": {"kid": "a"},
        "a number": 0,
        "null": None,
        "nothing": "",
        "U+0000": f"{forge.issuer.key.kid}\x00",
        "a newline": f"{forge.issuer.key.kid}\n",
        "5,000 characters": "a" * 5_000,
        "a shell": "a|/bin/true",
        "another's": str(own.kid),
    }
    found = {f"kid is {name}": forge.signed({"kid": kid}) for name, kid in tricks.items()}
    carried: dict[str, JsonValue] = {
        "jwk": jwk,
        "jku": forge.lure,
        "x5u": forge.lure,
        "x5c": ["MIIB"],
        "crit": ["exp"],
        "b64": False,
        "zip": "DEF",
        "cty": "JWT",
        "enc": "A256GCM",
        "epk": jwk,
        "nonce": "n",
        "iss": forge.issuer.url,
    }
    found |= {f"header {name}": forge.signed({name: value}) for name, value in carried.items()}
    found |= {
        f"header {name} and a key of its own": forge.raw(
            text(forge.header | {name: value, "kid": str(own.kid)}), text(forge.claims), own
        )
        for name, value in carried.items()
        if name in ("jwk", "jku", "x5u", "x5c")
    }
    found["crit empty"] = forge.signed({"crit": []})
    found["signed with another key of the same kind"] = forge.raw(text(forge.header), text(forge.claims), own)
    found["no kid"] = forge.raw(text({"typ": "at+jwt", "alg": forge.issuer.algorithm}), text(forge.claims))
    return found


def _of_header(forge: Forge) -> dict[str, bytes]:
    types: tuple[JsonValue, ...] = ("JWT", "jwt", "id+jwt", "logout+jwt", "dpop+jwt", "at+JWT+x", "AT", "", None, 1)
    found = {f"typ {typ!r}": forge.signed({"typ": typ}) for typ in types}
    found["no typ"] = forge.raw(text({"alg": forge.issuer.algorithm, "kid": forge.header["kid"]}), text(forge.claims))
    found["no alg"] = forge.raw(text({"typ": "at+jwt", "kid": forge.header["kid"]}), text(forge.claims))
    return found


def _of_form(forge: Forge) -> dict[str, bytes]:
    good = forge.good
    header, payload, signature = good.split(b".")
    nested = encoded(text(forge.header | {"cty": "JWT"}))
    return {
        "one part": header,
        "two parts": header + b"." + payload,
        "two parts and a dot": header + b"." + payload + b".",
        "four parts": good + b"." + signature,
        "five parts": b".".join((header, b"", payload, signature, signature)),
        "a JWE": b".".join((encoded(text({"alg": "dir", "enc": "A256GCM"})), b"", b"AAAA", b"AAAA", b"AAAA")),
        "a token in a token": forge.raw(text(forge.header), good),
        "a token in a token, and says so": nested + b"." + encoded(good) + b"." + signature,
        "no header": b"." + payload + b"." + signature,
        "no payload": header + b".." + signature,
        "only dots": b"..",
        "padding": header + b"=." + payload + b"." + signature,
        "padding at the end": good + b"==",
        "a blank inside": header + b". " + payload + b"." + signature,
        "a tab behind": good + b"\t",
        "a line inside": header + b"\r\n." + payload + b"." + signature,
        "a comma behind": good + b",",
        "twice with a comma": good + b", " + good,
        "the other alphabet": good.replace(b"_", b"/").replace(b"-", b"+") + b"+/",
        "a character of no alphabet": good[:-1] + b"!",
        "a byte beyond ASCII": good + b"\xc3\xa9",
        "U+0000 behind": good + b"\x00",
        "percent-encoded dots": good.replace(b".", b"%2E"),
        "in quotes": b'"' + good + b'"',
        "as JSON": text({"payload": payload.decode(), "protected": header.decode(), "signature": signature.decode()}),
        "bits behind the last byte": good[:-1] + _other_spelling(good[-1:]),
        "a signature of one byte": header + b"." + payload + b".AA",
        "8 KiB and more": forge.signed(padding="a" * 8_192),
        "a megabyte": b"a" * 1_000_000,
        "a million dots": b"." * 1_000_000,
        "another payload": header + b"." + encoded(text(forge.claims | {"sub": "admin"})) + b"." + signature,
        "another header": encoded(text(forge.header | {"x": 1})) + b"." + payload + b"." + signature,
    }


def _other_spelling(character: bytes) -> bytes:
    """Return the base64url character that differs from `character` in the lowest bit only."""
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    at = alphabet.index(character) ^ 1
    return alphabet[at : at + 1]


def _of_json(forge: Forge) -> dict[str, bytes]:
    header, claims = text(forge.header), text(forge.claims)
    deep = b'{"a":' * 1_000 + b"1" + b"}" * 1_000
    return {
        "alg twice": forge.raw(header[:-1] + b',"alg":"none"}', claims),
        "kid twice": forge.raw(header[:-1] + b',"kid":"other"}', claims),
        "sub twice": forge.raw(header, claims[:-1] + b',"sub":"admin"}'),
        "exp twice": forge.raw(header, claims[:-1] + b',"exp":99999999999}'),
        "aud twice": forge.raw(header, claims[:-1] + b',"aud":"other"}'),
        "a deep header": forge.raw(deep, claims),
        "deep claims": forge.raw(header, deep),
        "a member that is deep": forge.raw(header, claims[:-1] + b',"x":' + b"[" * 2_000 + b"]" * 2_000 + b"}"),
        "a list for a header": forge.raw(b"[" + header + b"]", claims),
        "a list for claims": forge.raw(header, b"[" + claims + b"]"),
        "a string for claims": forge.raw(header, b'"claims"'),
        "null for claims": forge.raw(header, b"null"),
        "no JSON": forge.raw(header, b"claims"),
        "JSON and more": forge.raw(header, claims + b"{}"),
        "a comment": forge.raw(header, claims[:-1] + b",/* x */}"),
        "a byte order mark": forge.raw(b"\xef\xbb\xbf" + header, claims),
        "UTF-16": forge.raw(header.decode().encode("utf-16"), claims),
        "invalid UTF-8": forge.raw(header, claims[:-1] + b',"x":"\xff\xfe"}'),
        "overlong UTF-8": forge.raw(header, claims[:-1] + b',"x":"\xc0\xae"}'),
        "half a surrogate pair": forge.raw(header, claims[:-1] + b',"x":"\\ud800"}'),
        "U+0000 in a name": forge.raw(header, claims[:-1] + b',"sub\\u0000":"admin"}'),
        "NaN": forge.raw(header, claims[:-1] + b',"x":NaN}'),
        "a number of a thousand digits": forge.raw(header, claims[:-1] + b',"x":' + b"9" * 5_000 + b"}"),
    }


def _of_signature(forge: Forge) -> dict[str, bytes]:
    signed, _, signature = forge.good.rpartition(b".")
    raw = base64.urlsafe_b64decode(signature + b"==")
    first, second = raw[:32], raw[32:]
    r, s = int.from_bytes(first, "big"), int.from_bytes(second, "big")
    zero, order = bytes(32), ORDER.to_bytes(32, "big")
    made = {
        "nothing": b"",
        "zeroes": zero + zero,
        "r of zero": zero + second,
        "s of zero": first + zero,
        "r of the order": order + second,
        "s of the order": first + order,
        "ones": b"\xff" * 64,
        "DER": encode_dss_signature(r, s),
        "halves swapped": second + first,
        "one byte more": raw + b"\x00",
        "one byte less": raw[:-1],
        "one bit turned": raw[:-1] + bytes([raw[-1] ^ 1]),
        "twice": raw + raw,
    }
    found = {f"signature of {name}": signed + b"." + encoded(value) for name, value in made.items()}
    p384 = ECKey.generate_key("P-384")
    found["signature of another curve"] = signed + b"." + encoded(TestIssuer.signature_of(signed, p384))
    return found


def _other_issuers(url: str, lure: str) -> tuple[str, ...]:
    near = (
        url + "/",
        url + "x",
        url[:-1],
        url.upper(),
        f" {url}",
        f"{url}@evil.example",
        url.replace("http:", "https:"),
    )
    return (*near, "https://evil.example", lure)


def _of_claims(forge: Forge) -> dict[str, bytes]:
    now, url = forge.now, forge.issuer.url
    names = ("iss", "sub", "client_id", "aud", "iat", "exp", "jti")
    found = {f"no {name}": forge.without(name) for name in names}
    wrong: dict[str, tuple[JsonValue, ...]] = {
        "exp": (now - 60, 0, -1, str(now + 600), now + 600.5, None, True, [now + 600], 10**30),
        "nbf": (now + 600, str(now), None, -1),
        "iat": (now + 600, str(now), None, 1e10),
        "iss": (
            *_other_issuers(url, forge.lure),
            [url],
            None,
        ),
        "sub": ("", None, 1, ["mallory"], {"sub": "a"}, "a" * 300, "a\nb"),
        "client_id": ("", None, 7, ["tests"]),
        "jti": ("", None, 7),
        "scope": ([forge.claims["scope"]], None, {"a": 1}, 'a"b', "a  b", " a", "a\u00e9"),
        "roles": ("operator", None, {"operator": True}, [1], [["operator"]], [""]),
        "act": ("root", None, {}, {"sub": 1}),
        "sid": ("", None, 5),
        "cnf": ({"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"},),
    }
    return found | {
        f"{name} of {str(value)[:60]!r}": forge.signed({}, **{name: value})
        for name, values in wrong.items()
        for value in values
    }


def _of_audience(forge: Forge) -> dict[str, bytes]:
    audience = str(forge.claims["aud"])
    values: tuple[JsonValue, ...] = (
        "other",
        "",
        None,
        [],
        ["other"],
        [[audience]],
        {"aud": audience},
        audience + "x",
        audience[:-1],
        audience.upper(),
        f"{audience} other",
        f"https://{audience}",
        f" {audience}",
        [audience, 1],
        ["*"],
        "*",
    )
    return {f"aud of {json.dumps(value)}": forge.signed({}, aud=value) for value in values}
