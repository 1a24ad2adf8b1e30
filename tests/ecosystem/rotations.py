"""Ten rotations of an issuer's keys in the background of other tests, and how tokens fare meanwhile."""

import json
import threading
import time
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

from tests.ecosystem.garden import PATIENCE, Answer, Project

LEAD_SECONDS: Final = 46
"""The shortest lead that the issuer allows: longer than its keys are cached anywhere."""
TIMES: Final = {
    "IDENTITY_JWKS_MAX_AGE_SECONDS": "5",
    "IDENTITY_KEY_LEAD_SECONDS": str(LEAD_SECONDS),
    "IDENTITY_PASSWORD_TARGET_MS": "1",
}
"""The shortest times that are allowed, and passwords that cost nothing, since many log in."""
ROTATIONS: Final = 10
_APART: Final = 1.0
"""Seconds for which each of the keys signs."""


class Rotations:
    """What happened while keys were rotated.

    Attributes:
        made: The ids of the new keys, in the order in which they sign.
        tokens: Those that were issued, the first before the first rotation.
        answers: What the first and the latest of them got from a service, again and again.
    """

    def __init__(self, project: Project) -> None:
        self.made: list[str] = []
        self.tokens = [project.log_in("operator")]
        self.answers: list[Answer] = []
        self._project = project
        self._over = threading.Event()
        self._lanes: tuple[Future[None], ...] = ()

    @property
    def signing(self) -> set[str]:
        """The new keys that have signed a token."""
        return {key_of(token) for token in self.tokens} & set(self.made)

    def finish(self) -> None:
        """Wait until the last of the new keys has signed, and every token was tried once more."""
        asking, rotating = self._lanes
        rotating.result()
        self._over.set()
        asking.result()

    @contextmanager
    def running(self) -> Iterator["Rotations"]:
        """Rotate for as long as the block lasts, or until it is done."""
        with ThreadPoolExecutor(2) as pool:
            self._lanes = (pool.submit(self._ask), pool.submit(self._rotate))
            try:
                yield self
            finally:
                self._over.set()

    def _ask(self) -> None:
        while not self._over.is_set():
            self.answers += [self._call(token) for token in (self.tokens[0], self.tokens[-1])]
            time.sleep(0.05)
        self.answers += [self._call(token) for token in self.tokens]

    def _rotate(self) -> None:
        for _ in range(ROTATIONS):
            rotated = self._project.call("POST", "/api/v1/signing-keys", Authorization=f"Bearer {self.tokens[0]}")
            assert rotated.status == 201, rotated
            self.made.append(rotated.json()["kid"])
            self._over.wait(_APART)
        # Before its time no new key signs; from then on each has its second, and somebody who logs in.
        self._over.wait(LEAD_SECONDS - ROTATIONS * _APART - 2)
        until = time.monotonic() + PATIENCE
        while not self._over.is_set() and key_of(self.tokens[-1]) != self.made[-1]:
            assert time.monotonic() < until, "the last key never signs"
            self.tokens.append(self._project.log_in("demo"))
            self._over.wait(0.2)

    def _call(self, token: str) -> Answer:
        return self._project.call("GET", "/api/v2/deliveries", Authorization=f"Bearer {token}")


def key_of(token: str) -> str:
    """Return the id of the key that signed `token`."""
    header = token.partition(".")[0]
    return str(json.loads(urlsafe_b64decode(header + "=" * (-len(header) % 4)))["kid"])
