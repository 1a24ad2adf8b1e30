"""How long the edge waits for a service: as long as the caller does, and never longer than a service works.

A service ends its work at the deadline that its caller states. One that is frozen does not, nor does one whose machine
is gone without a word; so the edge counts too, and leaves the service the time to be the first to answer.
"""

from typing import Final

from arnia.conventions import TIMEOUT_HEADER
from arnia.local.envoy_types import Json, http_filter

__all__ = ["REQUEST_SECONDS", "wait_as_asked"]

REQUEST_SECONDS: Final = 35.0
"""Above the services' own ceiling (30 s), so that the service answers 504 first and rolls back."""
_MILLISECONDS: Final = 1_000
_GRACE_MS: Final = 500
"""How much later than the service, which knows better what happened, the edge gives up."""
_BELOW_CEILING: Final = r"^0*[1-9][0-9]{0,3}$|^0*[12][0-9]{4}$"
"""1 to 29,999: what is longer or no number at all is for the service to judge."""
_WAIT: Final = "x-envoy-upstream-rq-timeout-ms"
"""Envoy's own field for it, which it takes from nobody but its filters, and does not pass on."""


def wait_as_asked() -> Json:
    """Return the filter that bounds the wait for an answer by the deadline that a request states."""
    stated = f"request.headers['{TIMEOUT_HEADER.lower()}']"
    longest = int(REQUEST_SECONDS * _MILLISECONDS)
    wait = f"%CEL({stated}.matches('{_BELOW_CEILING}') ? int({stated}) + {_GRACE_MS} : {longest})%"
    header = {"header": {"key": _WAIT, "value": wait}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
    kind = "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation"
    return http_filter("header_mutation", kind, mutations={"request_mutations": [{"append": header}]})
