"""JSON Merge Patch means what the table in appendix A of RFC 7396 says."""

from typing import Any, Final

import pytest
from honest.main import create

from arnia.testing.conformance.service import RunningService
from arnia.testing.conformance.suite import ServiceSuite

NOTES: Final = "/api/v2/notes"
TABLE: Final[list[tuple[Any, Any, Any]]] = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]
"""The rows in which both sides are objects; the others cannot be members of a typed resource."""


class TestAppendixA(ServiceSuite):
    """The table, through a resource with a free-form member."""

    application = staticmethod(create)

    @pytest.mark.parametrize(("original", "patch", "result"), TABLE)
    def test_a_row_of_the_table(self, service: RunningService, original: object, patch: object, result: object) -> None:
        """The original, patched, is the result."""
        made = service.write("POST", NOTES, {"title": "row", "weight": 1, "data": original})
        path = made.header("location") or ""
        answer = service.write("PATCH", path, {"data": patch}, if_match=made.header("etag") or "")
        assert answer.status == 200, str(answer)
        assert service.get(path).json()["data"] == result
