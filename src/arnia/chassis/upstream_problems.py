"""What an upstream says of a refusal in problem details (RFC 9457)."""

import json
from contextlib import suppress
from typing import Final

from pydantic import JsonValue

from arnia.chassis.transports import Incoming
from arnia.conventions import IDEMPOTENCY_IN_PROGRESS, PROBLEM_MEDIA_TYPE

__all__ = ["is_under_way", "problem_of", "slug_of"]

CONFLICT: Final = 409
LARGEST_PROBLEM: Final = 65_536


def problem_of(answer: Incoming) -> dict[str, JsonValue]:
    """Return the problem details of `answer`; empty where there are none that can be read."""
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == PROBLEM_MEDIA_TYPE and len(answer.body) <= LARGEST_PROBLEM:
        with suppress(ValueError, RecursionError):
            problem = json.loads(answer.body)
            if isinstance(problem, dict):
                return problem
    return {}


def slug_of(problem: dict[str, JsonValue]) -> str:
    """Return the last part of the problem's type; empty where it has none."""
    kind = problem.get("type")
    return kind.rpartition("/")[2] if isinstance(kind, str) else ""


def is_under_way(answer: Incoming) -> bool:
    """Tell whether the upstream is still at an earlier attempt with the same Idempotency-Key."""
    return answer.status == CONFLICT and slug_of(problem_of(answer)) == IDEMPOTENCY_IN_PROGRESS
