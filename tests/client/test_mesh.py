"""Between the proxies of a mesh: a service takes plain HTTP/1.1 with whatever they add, and hands traces on (R105)."""

from tests.client.conftest import Florist
from tests.client.scripted import Scripted
from tests.client.test_declared_client import HERE

from arnia.testing.http import call

TRACE = "0af7651916cd43dd8448eb211c80319c"
ADDED = {
    "l5d-dst-canonical": "florist.shop.svc.cluster.local:80",
    "l5d-client-id": "default.shop.serviceaccount.identity.linkerd.cluster.local",
    "x-forwarded-client-cert": "By=spiffe://cluster.local/ns/shop/sa/florist",
    "x-envoy-attempt-count": "1",
    "x-b3-traceid": TRACE,
}


async def test_what_a_proxy_adds_does_no_harm_and_traces_go_on(florist: Florist, nursery: Scripted) -> None:
    """Trace id, sampling and tracestate reach the next service as they came; what a proxy said here is not repeated."""
    client = await florist()
    state = "l5d=p:7,vendor=a%b"
    headers = {**ADDED, "traceparent": f"00-{TRACE}-b7ad6b7169203331-01", "tracestate": state}
    assert (await client.send(call("GET", HERE, headers=headers))).status == 200
    (seen,) = nursery.seen
    version, trace, _, flags = seen.headers["traceparent"].split("-")
    assert (version, trace, flags) == ("00", TRACE, "01")
    assert seen.headers["tracestate"] == state
    assert not ADDED.keys() & seen.headers.keys()


async def test_a_call_is_plain_http(florist: Florist, nursery: Scripted) -> None:
    """One request line, a Host, no upgrade: every proxy can carry it, and curl can send it."""
    await (await florist()).send(call("GET", HERE))
    (seen,) = nursery.seen
    assert "host" in seen.headers
    assert not {"upgrade", "http2-settings", "te", "trailer"} & seen.headers.keys()
