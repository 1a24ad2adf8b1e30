"""What a type checker says of code that goes on in a trace. Never run: mypy reads it, each ignore must be needed."""

from typing import assert_type

from arnia.chassis.context import Runtime
from arnia.chassis.errands import Errand
from arnia.chassis.traces import CURRENT, Trace, continue_trace


def go_on(runtime: Runtime, parent: str, state: str | None) -> Errand:
    trace = continue_trace(parent.encode(), state.encode() if state else None)
    assert_type(trace, Trace)
    assert_type(trace.traceparent, str)
    CURRENT.set(trace)
    assert_type(CURRENT.get(), Trace | None)
    continue_trace(parent)  # type: ignore[arg-type]  # a header field as it is on the wire: bytes
    CURRENT.set(parent)  # type: ignore[arg-type]  # a place in a trace, not its name
    Errand(runtime, seconds=5, trace=parent)  # type: ignore[arg-type]  # the same
    return Errand(runtime, seconds=5, trace=trace)


Trace("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")  # type: ignore[call-arg]  # which id, the reader would ask
