"""W3C Trace Context, case by case after the specification's own test suite."""

import re
from typing import Final

import pytest

from arnia.chassis.traces import Trace, continue_trace, ratio_bound

ID: Final = "12345678901234567890123456789012"
PARENT: Final = "1234567890123456"
GOOD: Final = f"00-{ID}-{PARENT}-01"
VALID: Final = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-0[0-3]")
LONG_VALUE: Final = "".join(map(chr, (*range(0x20, 0x2C), *range(0x2D, 0x3D), *range(0x3E, 0x7F))))
EVERY_KEY_CHARACTER: Final = "abcdefghijklmnopqrstuvwxyz0123456789_-*/"
MOST: Final = ",".join(f"bar{one:02}={one:02}" for one in range(32))


def state_of(given: str, parent: str = GOOD) -> str:
    """Return what is passed on of a tracestate."""
    return continue_trace(parent.encode(), given.encode("latin-1")).tracestate


@pytest.mark.parametrize(
    "traceparent",
    [
        GOOD,
        f" {GOOD}",
        f"\t{GOOD}",
        f"{GOOD} ",
        f"\t {GOOD} \t",
        f"cc-{ID}-{PARENT}-01",
        f"cc-{ID}-{PARENT}-01-what-the-future-will-be-like",
        f"00-{ID}-{PARENT}-ff",
    ],
)
def test_a_valid_parent_is_continued_under_a_new_span(traceparent: str) -> None:
    """The trace goes on, the caller is the parent, and this request has a span of its own."""
    trace = continue_trace(traceparent.encode())
    assert (trace.trace_id, trace.parent_id) == (ID, PARENT)
    assert trace.span_id != PARENT
    assert VALID.fullmatch(trace.traceparent)


@pytest.mark.parametrize(
    "traceparent",
    [
        "",
        f"{GOOD}, {GOOD}",
        f"{GOOD}.",
        f"{GOOD}-what-the-future-will-be-like",
        f"cc-{ID}-{PARENT}-01.what-the-future-will-be-like",
        f"cc-{ID}-{PARENT}-011",
        f"cc-{ID}-{PARENT}-",
        f"ff-{ID}-{PARENT}-01",
        f".0-{ID}-{PARENT}-01",
        f"0.-{ID}-{PARENT}-01",
        f"CC-{ID}-{PARENT}-01",
        f"000-{ID}-{PARENT}-01",
        f"0000-{ID}-{PARENT}-01",
        f"0-{ID}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-.{ID[1:]}-{PARENT}-01",
        f"00-{ID[1:]}.-{PARENT}-01",
        f"00-{'A' * 32}-{PARENT}-01",
        f"00-{ID}3-{PARENT}-01",
        f"00-{ID[1:]}-{PARENT}-01",
        f"00-{ID}-{'0' * 16}-01",
        f"00-{ID}-.{PARENT[1:]}-01",
        f"00-{ID}-{PARENT[1:]}.-01",
        f"00-{ID}-{'B' * 16}-01",
        f"00-{ID}-{PARENT}7-01",
        f"00-{ID}-{PARENT[1:]}-01",
        f"00-{ID}-{PARENT}-.0",
        f"00-{ID}-{PARENT}-0.",
        f"00-{ID}-{PARENT}-0A",
        f"00-{ID}-{PARENT}-001",
        f"00-{ID}-{PARENT}-1",
        f"00-{ID}-{PARENT}",
        f"00{ID}{PARENT}01",
        f"00-{ID}-{PARENT}-01\u0660",
    ],
)
def test_an_invalid_parent_starts_another_trace(traceparent: str) -> None:
    """Nothing of what came is taken over: neither its trace, nor its parent, nor its state, nor that it is sampled."""
    trace = continue_trace(traceparent.encode(), b"foo=1")
    assert trace.trace_id not in (ID, "0" * 32)
    assert (trace.parent_id, trace.tracestate, trace.sampled) == ("", "", False)
    assert VALID.fullmatch(trace.traceparent)


@pytest.mark.parametrize(("sent", "passed"), [("00", "00"), ("01", "01"), ("02", "02"), ("03", "03"), ("fd", "01")])
def test_flags_that_are_known_are_passed_on_and_others_are_not(sent: str, passed: str) -> None:
    """Level 2 knows `sampled` and `random`; what is not known is 0 in what we send."""
    trace = continue_trace(f"00-{ID}-{PARENT}-{sent}".encode())
    assert trace.traceparent.endswith(f"-{passed}")


def test_a_new_trace_says_that_its_id_is_random() -> None:
    """Level 2: who makes an id by chance says so."""
    assert continue_trace(None).traceparent.endswith("-02")


def test_state_without_a_parent_is_dropped() -> None:
    """A tracestate belongs to a traceparent."""
    assert not continue_trace(None, b"foo=1,bar=2").tracestate


@pytest.mark.parametrize(
    ("given", "passed"),
    [
        ("foo=1,bar=2", "foo=1,bar=2"),
        ("foo=1 \t , \t bar=2, \t baz=3", "foo=1,bar=2,baz=3"),
        ("\t foo=1 \t", "foo=1"),
        ("foo=1,", "foo=1"),
        (",foo=1", "foo=1"),
        (f"{EVERY_KEY_CHARACTER}={LONG_VALUE}", f"{EVERY_KEY_CHARACTER}={LONG_VALUE}"),
        (f"{EVERY_KEY_CHARACTER}@a-z0-9_-*/={LONG_VALUE}", f"{EVERY_KEY_CHARACTER}@a-z0-9_-*/={LONG_VALUE}"),
        ("0tenant@system=1", "0tenant@system=1"),
        (f"foo=1,{'z' * 256}=1", f"foo=1,{'z' * 256}=1"),
        (f"foo=1,{'t' * 241}@{'v' * 14}=1", f"foo=1,{'t' * 241}@{'v' * 14}=1"),
        (f"foo={'v' * 256}", f"foo={'v' * 256}"),
        (
            ",".join(f"bar{one:02}={one:02}" for one in range(32)),
            ",".join(f"bar{one:02}={one:02}" for one in range(32)),
        ),
    ],
)
def test_a_valid_state_is_passed_on_in_its_order(given: str, passed: str) -> None:
    """Every member that the grammar allows arrives at whoever is called, without the space around it."""
    assert state_of(given) == passed


@pytest.mark.parametrize(
    "given",
    [
        "",
        ",",
        "foo=1,foo=1",
        "foo=1,foo=2",
        "foo =1",
        "FOO=1",
        "foo.bar=1",
        "0foo=1",
        "foo@=1,bar=2",
        "@foo=1,bar=2",
        "foo@@bar=1,bar=2",
        "foo@bar@baz=1,bar=2",
        "foo@0bar=1",
        ",".join(f"bar{one:02}={one:02}" for one in range(33)),
        f"foo=1,{'z' * 257}=1",
        f"foo=1,{'t' * 242}@v=1",
        f"foo=1,t@{'v' * 15}=1",
        f"foo={'v' * 257}",
        "foo=bar=baz",
        "foo=,bar=3",
        "foo",
        "foo=\xe4",
        "foo=a\x7f",
    ],
)
def test_a_state_that_breaks_the_grammar_is_dropped_whole_and_the_trace_goes_on(given: str) -> None:
    """One bad member takes all with it, and never the traceparent."""
    trace = continue_trace(GOOD.encode(), given.encode("latin-1"))
    assert (trace.tracestate, trace.trace_id) == ("", ID)


def test_a_long_state_loses_its_long_members_and_then_its_last_ones() -> None:
    """What is passed on has at most 512 characters, cut between members."""
    long_member = f"long={'v' * 200}"
    short = [f"key{one:02}={'v' * 20}" for one in range(30)]
    passed = state_of(",".join([short[0], long_member, *short[1:]])).split(",")
    assert passed == short[: len(passed)]
    assert len(",".join(passed)) <= 512 < len(",".join(passed)) + 1 + len(short[0])


def test_every_call_of_a_request_has_a_span_of_its_own() -> None:
    """Three calls have three parents, all of the request's trace, and each tells by its beginning whose call it is."""
    trace = continue_trace(GOOD.encode())
    spans = [trace.new_call() for _ in range(3)]
    assert len({*spans, trace.span_id}) == 4
    assert {span[:12] for span in spans} == {trace.span_id[:12]}
    assert all(VALID.fullmatch(trace.parent_of(span)) for span in spans)


def test_calls_beyond_what_can_be_counted_have_spans_too() -> None:
    """A request that calls for ever does not repeat an id."""
    trace = Trace(ID)
    assert len({trace.new_call() for _ in range(70_000)}) == 70_000


def test_a_new_trace_is_sampled_by_its_id_and_a_continued_one_as_its_caller_says() -> None:
    """All, none, or about a quarter of the new ones; the caller's word stands against any ratio."""
    assert continue_trace(None, bound=ratio_bound(1.0)).sampled
    assert not continue_trace(None, bound=ratio_bound(0.0)).sampled
    quarter = sum(continue_trace(None, bound=ratio_bound(0.25)).sampled for _ in range(4000))
    assert 800 < quarter < 1200
    assert continue_trace(GOOD.encode(), bound=0).sampled
    assert not continue_trace(f"00-{ID}-{PARENT}-00".encode(), bound=ratio_bound(1.0)).sampled
