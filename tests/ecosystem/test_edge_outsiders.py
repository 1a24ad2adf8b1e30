"""An issuer that is no service of the ecosystem: the edge and the services believe it by what the page says."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.ecosystem.doorway import doorway
from tests.ecosystem.garden import eventually
from tests.unit.chassis_security.foreign_issuer import CERTS, REALM, foreign_issuer
from typing_extensions import override

from arnia.ecosystem import Issuer
from arnia.testing.issuer import TestIssuer
from arnia.testing.processes import ServiceProcess

APPLES = "/api/v1/apples"


def test_edge_and_service_believe_a_realm_by_what_the_page_says(tmp_path: Path) -> None:
    """One value is enough for both: tokens of a Keycloak pass, and whatever else is a 401 or a 403."""
    with foreign_issuer() as realm, TestIssuer() as unused:
        outside = Issuer(
            url=realm.url,
            keys=realm.url.removesuffix(REALM) + CERTS,
            algorithms=("RS256",),
            token_type="JWT",
            roles="realm_access.roles",
        )
        settings = {**outside.settings, "environment": "test"}
        with (
            ServiceProcess("apples", "tests.ecosystem.apples", settings, tmp_path / "apples.log") as apples,
            doorway(tmp_path, unused, behind={"apples": apples.port}, outside=outside) as door,
        ):
            good = realm.access_token(aud="apples", scope="apples:read")
            eventually(lambda: door.ask(APPLES, good).status == 200)
            with foreign_issuer() as stranger:
                forged = stranger.access_token(aud="apples", scope="apples:read", iss=realm.url)
            for token in (
                None,
                forged,
                unused.token(audience="apples", scopes=["apples:read"]),
                realm.access_token(aud="pears", scope="apples:read"),
                realm.access_token(aud="apples", scope="apples:read", exp=1),
                realm.access_token(aud="apples", scope="apples:read", typ="ID"),
            ):
                assert door.ask(APPLES, token).status == 401
            assert door.ask(APPLES, realm.access_token(aud="apples", scope="openid")).status == 403
            # The service of this path asks for nothing: it is the edge that refuses.
            assert door.ask(f"{APPLES}/unguarded", good).status == 200
            for token in (None, forged):
                assert door.ask(f"{APPLES}/unguarded", token).status == 401


def test_an_outside_issuer_that_is_down_takes_nobody_along(tmp_path: Path) -> None:
    """Without its keys the edge says 503 to tokens and serves what is public; it finds the keys once they are there."""
    with TestIssuer() as issuer:
        outside = Issuer(url=issuer.url, keys=issuer.jwks_url)
        token = issuer.token(audience="apples")
        issuer.stop()
        with doorway(tmp_path, issuer, outside=outside) as door:
            answer = door.ask(APPLES, token)
            assert (answer.status, answer.json()["type"]) == (503, "/problems/unavailable")
            assert door.ask(f"{APPLES}/weather").status == 200
            assert door.ask(APPLES).status == 401
            issuer.start()
            eventually(lambda: door.ask(APPLES, token).status == 200)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_keys_come_over_tls_from_whom_the_system_vouches_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    """With a certificate of an authority of the system's bundle, for this host, keys are believed."""
    authority = _Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.bundle))
    with TestIssuer() as issuer, _publishing(issuer, authority.certify(host)) as port:
        outside = Issuer(url=issuer.url, keys=f"https://{host}:{port}/keys")
        with doorway(tmp_path, issuer, outside=outside) as door:
            eventually(lambda: door.ask(APPLES, issuer.token(audience="apples")).status == 200)


@pytest.mark.parametrize("case", ["another authority", "another host"])
def test_keys_of_anybody_else_are_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    """A certificate that nobody vouches for, or for another host, brings no key: no token passes."""
    ours, theirs = _Authority(tmp_path), _Authority(tmp_path / "theirs")
    monkeypatch.setenv("SSL_CERT_FILE", str(ours.bundle))
    certificate = theirs.certify("localhost") if case == "another authority" else ours.certify("login.example")
    asked: list[str] = []
    with TestIssuer() as issuer, _publishing(issuer, certificate, asked) as port:
        outside = Issuer(url=issuer.url, keys=f"https://localhost:{port}/keys")
        with doorway(tmp_path, issuer, outside=outside) as door:
            token = issuer.token(audience="apples")
            eventually(lambda: bool(asked))
            assert {door.ask(APPLES, token).status for _ in range(20)} == {503}


class _Authority:
    """Certifies hosts.

    Attributes:
        bundle: The file that says so.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"Authority of {folder.name}")])
        self.bundle = folder / "authorities.pem"
        rules = x509.BasicConstraints(ca=True, path_length=None)
        self.bundle.write_bytes(self._sign(self._name, self._key, rules))

    def certify(self, host: str) -> Path:
        """Return the file with a key and a certificate for `host`."""
        key = ec.generate_private_key(ec.SECP256R1())
        named = x509.IPAddress(ip_address(host)) if host[0].isdigit() else x509.DNSName(host)
        certificate = self._sign(x509.Name([]), key, x509.SubjectAlternativeName([named]))
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file = self._folder / f"{host}.pem"
        file.write_bytes(private + certificate)
        return file

    def _sign(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, extension: x509.ExtensionType) -> bytes:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(extension, critical=True)
        )
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@contextmanager
def _publishing(issuer: TestIssuer, certificate: Path, met: list[str] | None = None) -> Iterator[int]:
    """Publish the keys of `issuer` over TLS; `met` is told of whoever comes, even where TLS goes no further."""

    class Keys(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(issuer.key_set()).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        @override
        def handle_error(self, request: object, client_address: object) -> None:
            """Say nothing: that somebody goes away is what a test is about."""

        @override
        def verify_request(self, request: object, client_address: object) -> bool:
            if met is not None:
                met.append(f"{client_address}")
            return True

        @override
        def finish_request(self, request: object, client_address: object) -> None:
            assert isinstance(request, ssl.SSLSocket)
            try:
                request.do_handshake()
            except (ssl.SSLError, OSError):
                return
            super().finish_request(request, client_address)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = Server(("127.0.0.1", 0), Keys)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
