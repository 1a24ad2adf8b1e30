"""A client that asks again until it is told, and keeps every answer that nobody may get."""

import http.client
import random
import time
from collections.abc import Callable, Mapping
from typing import Final

from tests.ecosystem.garden import Answer, call

__all__ = ["Asker"]

PATIENCE: Final = 90.0
"""Seconds for which a client asks the same again."""
HASTE: Final = 0.1
"""Which part of the clients that got no answer never asks again."""
LOST: Final = (OSError, http.client.HTTPException)
AGAIN: Final = frozenset({401, 408, 425, 429, 502, 503, 504})
IN_PROGRESS: Final = "/problems/idempotency-in-progress"
UNTOUCHED: Final = frozenset({401, 429})
"""Who is answered this was not even heard."""


class Asker:
    """Asks the edge, by any thread.

    Attributes:
        faults: Answers that nobody may get, such as 500.
    """

    def __init__(self, port: int, log_in: Callable[[], str]) -> None:
        self.faults: list[Answer] = []
        self._port = port
        self._log_in = log_in
        self._token = log_in()

    def ask(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str], draw: random.Random
    ) -> tuple[bool, Answer | None]:
        """Ask until there is an answer; tell whether an unanswered attempt may have been heard, and the answer."""
        until, touched, pause = time.monotonic() + PATIENCE, False, 0.05
        while time.monotonic() < until:
            answer = self.ask_once(method, path, body, headers)
            if answer is None:
                touched = True
            else:
                in_progress = answer.status == 409 and answer.json().get("type") == IN_PROGRESS
                if answer.status not in AGAIN and not in_progress:
                    if answer.status >= 500:
                        self.faults.append(answer)
                    return touched or answer.status >= 500, (answer if answer.status < 500 else None)
                touched = touched or answer.status not in UNTOUCHED
            if touched and method != "GET" and draw.random() < HASTE:
                return True, None
            time.sleep(pause)
            pause = min(pause * 2, 1.0)
        return touched, None

    def ask_once(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer | None:
        """Ask, and return the answer; nothing where the connection was lost."""
        try:
            bearer = {"Authorization": f"Bearer {self._token}"}
            answer = call(self._port, method, path, body, **{**headers, **bearer})
        except LOST:
            return None
        self._renew(answer.status)
        return answer

    def _renew(self, status: int) -> None:
        """Log in again where the token is over; while nobody can, the next attempt does."""
        if status == 401:
            try:
                self._token = self._log_in()
            except (*LOST, AssertionError):
                return
