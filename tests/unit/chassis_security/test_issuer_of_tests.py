"""The issuer that tests have: what it answers to whom it does not know."""

import gzip
import http.client
from urllib.parse import urlsplit

from arnia.testing.issuer import TestIssuer


def test_what_is_posted_to_a_path_that_it_does_not_know_is_not_read() -> None:
    """Bytes that are no form get a 404 there, and the connection is good for the next request."""
    with TestIssuer() as issuer:
        connection = http.client.HTTPConnection(urlsplit(issuer.url).netloc, timeout=30)
        connection.request("POST", "/nobody/v1/logs", gzip.compress(b"\x8b"), {"Content-Encoding": "gzip"})
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (404, b"{}")
        connection.request("POST", "/nobody/v1/logs", headers={"Content-Length": "0"})
        assert connection.getresponse().status == 404
        connection.close()
        assert issuer.asked == ["/nobody/v1/logs"] * 2
