"""Read, compare and judge contract files: pure functions on data."""

from arnia.contracts.calls import hold_calls
from arnia.contracts.changes import Change, Kind
from arnia.contracts.comparison import compare
from arnia.contracts.documents import PROTOCOLS_FILE, Contract, Document, Router, canonical, operations
from arnia.contracts.events import hold_events, hold_silence, read_events
from arnia.contracts.interactions import Interaction, read_interactions, tell
from arnia.contracts.judgement import Edges, Finding, judge
from arnia.contracts.openapi import compare_openapi

__all__ = [
    "PROTOCOLS_FILE",
    "Change",
    "Contract",
    "Document",
    "Edges",
    "Finding",
    "Interaction",
    "Kind",
    "Router",
    "canonical",
    "compare",
    "compare_openapi",
    "hold_calls",
    "hold_events",
    "hold_silence",
    "judge",
    "operations",
    "read_events",
    "read_interactions",
    "tell",
]
