"""A running service, driven by tests that read from top to bottom: no test of the suite has to be asynchronous."""

import asyncio
import io
import logging
import re
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, NoReturn, TypeVar
from uuid import uuid4

import pytest
from starlette.types import ASGIApp

from arnia.chassis.logs import AccessLog
from arnia.conventions import PROBLEM_MEDIA_TYPE
from arnia.testing.conformance.findings import Untried, require
from arnia.testing.conformance.samples import NoSample, sample, variants
from arnia.testing.conformance.surface import JSON_MEDIA_TYPE, PARAMETER, Operation, Surface, is_member, parent
from arnia.testing.http import Answer, AsgiClient, Call, Lifespan, call
from arnia.testing.issuer import TestIssuer

__all__ = ["RunningService", "access_log", "running"]

T = TypeVar("T")

TRACE_ID: Final = re.compile(r"[0-9a-f]{32}")


class RunningService:
    """A service whose lifespan has begun, its surface, and examples of what it reads."""

    def __init__(
        self,
        app: ASGIApp,
        surface: Surface,
        examples: Mapping[str, object],
        runner: asyncio.Runner,
        log: io.StringIO,
        issuer: TestIssuer,
    ) -> None:
        self.app = app
        self.issuer = issuer
        self.audience: str = surface.document["info"]["title"]
        self.token = issuer.token_for(surface.document, self.audience)
        """Opens every operation; sent with every call that has no Authorization of its own."""
        self.scopes = surface.scopes
        self.surface = surface
        self.stranger = self.stranger_named("mallory")
        self.log = log
        self.runner = runner
        self._examples = examples
        self._client = AsgiClient(app, self.token)
        self.excuse: str | None = None
        """Why the present test cannot be tried here, as the service's file says; None when it has to be."""
        self.gave_up = False
        self.reached: dict[str, tuple[str, ...] | None] = {}
        self.ways: dict[str, list[tuple[str, ...]]] = {}
        self.situations: dict[Operation, list[Any]] = {}
        self._resolved: set[str] = set()
        self._needy: dict[str, bool] = {}

    def stranger_named(self, subject: str) -> str:
        """Return another principal's token: with every scope, and every role but those that reach what others own."""
        roles = self.surface.roles - self.surface.overseers
        return self.issuer.token(
            audience=self.audience, subject=subject, scopes=self.scopes, roles=roles, seconds=86_400
        )

    def wait_for(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Return what `coroutine` gives, run where the service runs."""
        # The runner's own way takes SIGINT and gives it back each time: a tenth of what a small request costs.
        return self.runner.get_loop().run_until_complete(coroutine)

    # --- requests -------------------------------------------------------------------------------------------------

    def send(self, request: Call) -> Answer:
        """Return the answer to `request`."""
        return self.wait_for(self._client.send(request))

    def send_within(self, request: Call, seconds: float) -> Answer:
        """Return the answer to `request`.

        Raises:
            TimeoutError: there was none within `seconds`.
        """
        return self.wait_for(asyncio.wait_for(self._client.send(request), seconds))

    def together(self, requests: Sequence[Call]) -> list[Answer]:
        """Return the answers to `requests`, all sent before the first is answered."""

        async def gather() -> list[Answer]:
            return await asyncio.gather(*(self._client.send(request) for request in requests))

        return self.wait_for(gather())

    def get(self, target: str, **headers: str) -> Answer:
        """Read `target`; headers are spelled `if_none_match`."""
        return self.send(call("GET", target, headers=_spelled(headers)))

    def write(self, method: str, target: str, document: object = None, **headers: str) -> Answer:
        """Write `document`, as merge patch when the method is PATCH and nothing else is said."""
        return self.send(self.writing(method, target, document, **headers))

    def writing(self, method: str, target: str, document: object = None, **headers: str) -> Call:
        """Return the call that `write` sends."""
        media = JSON_MEDIA_TYPE
        if method == "PATCH":
            media = "application/json-patch+json" if isinstance(document, list) else "application/merge-patch+json"
        return call(method, target, headers=_spelled(headers), document=document, media_type=media)

    # --- resources ------------------------------------------------------------------------------------------------

    def body(self, operation: Operation) -> Any:
        """Return a body that `operation` accepts; skips the test when none can be made up.

        Where a POST needs what other collections hold, such as a capacity to reserve, they get another member first.
        """
        if operation.method == "POST" and "{" not in operation.template:
            if operation.template not in self._needy:
                tried = self.write("POST", operation.template, self._example(operation))
                self._needy[operation.template] = tried.status == 409
            if self._needy[operation.template]:
                self._fill_others(operation)
        return self._example(operation)

    def _fill_others(self, needy: Operation) -> None:
        for other in self.surface.of_method("POST"):
            if other is not needy and "{" not in other.template:
                self.write("POST", other.template, self._example(other))

    def _example(self, operation: Operation) -> Any:
        for key in (str(operation), operation.template, parent(operation.template)):
            if key in self._examples:
                example = self._examples[key]
                return example() if callable(example) else example
        if operation.method == "PATCH":
            return {}
        if operation.example is not None:
            return operation.example
        if operation.body_schema is None:
            return None
        try:
            return sample(self.surface.schemas, operation.body_schema)
        except NoSample as missing:
            self.give_up(f"{operation}: {missing}")

    def other_body(self, operation: Operation, body: Any) -> Any:
        """Return a body that differs from `body` in one value and that `operation` accepts."""
        schema = operation.body_schema or {}
        for other in variants(self.surface.schemas, schema, body):
            if self.send(self.matching(operation, self.place(operation.template), other)).status < 300:
                break
        else:
            self.give_up(f"{operation}: accepts no change of what is there that the document lets one make up")
        return other

    def place(self, template: str) -> str:
        """Return the path of an existing resource of `template`, made for this test."""
        if not PARAMETER.search(template):
            return template
        known = self._examples.get(f"GET {template}")
        if isinstance(known, str):
            return known
        if not is_member(template):
            above, _, last = template.rpartition("/")
            return f"{self.place(above)}/{last}"
        collection = self.place(parent(template))
        posting = self.surface.find("POST", parent(template))
        if posting is not None:
            answer = self.write("POST", collection, self.body(posting))
            if answer.status in (400, 415, 422):
                pytest.fail(f"{posting}: give an example of its body, in its schema or in `examples`\n{answer}")
            require(answer.status == 201, "5", "POST on a collection creates", posting, answer)
            return answer.header("location") or ""
        putting = self.surface.find("PUT", template)
        if putting is None:
            self.give_up(f"{template}: there is no way to make one, neither POST above it nor PUT")
        path = f"{collection}/{uuid4()}"
        answer = self.write("PUT", path, self.body(putting))
        require(answer.status == 201, "5", f"PUT {template} creates what is not there", answer)
        return path

    def path_of_new(self, template: str) -> str:
        """Return the path of a member of `template` that does not exist."""
        return f"{self.place(parent(template))}/{uuid4()}"

    def etag(self, path: str) -> str:
        """Return the entity tag of what is at `path`."""
        answer = self.get(path)
        require(answer.status == 200, "4", "a resource that was made can be read", path, answer)
        tag = answer.header("etag")
        require(tag is not None, "4", "every single resource has an ETag", path, answer)
        return tag or ""

    def matching(self, operation: Operation, path: str, body: Any, **headers: str) -> Call:
        """Return the call of `operation` at `path`, with the If-Match of what is there unless headers say else."""
        if "if_match" not in headers and self.surface.find("GET", operation.template):
            tag = self.get(path).header("etag")
            headers = {"if_match": tag or "*", **headers} if tag or operation.method == "PATCH" else headers
        return self.writing(operation.method, path, body, **headers)

    # --- verdicts -------------------------------------------------------------------------------------------------

    def give_up(self, reason: str) -> NoReturn:
        """End a test that cannot try its rule: a skip where the service's file excuses it, else a failure.

        Raises:
            Untried: nothing excuses it.
        """
        if self.excuse is None:
            raise Untried(reason)
        self.gave_up = True
        pytest.skip(f"{self.excuse} ({reason})")

    def check_problem(self, answer: Answer, status: int, *evidence: object, rule: str = "1") -> dict[str, Any]:
        """Insist that `answer` is a whole problem document with `status`, and return it."""
        require(answer.status == status, rule, f"this is answered with {status}", *evidence, answer)
        require(answer.media_type == PROBLEM_MEDIA_TYPE, "1", "every 4xx and 5xx is problem+json", *evidence, answer)
        problem: dict[str, Any] = answer.json()
        require(problem.get("status") == status, "1", "a problem repeats its status", *evidence, answer)
        require(problem.get("title"), "1", "a problem has a title", *evidence, answer)
        trace_id = str(problem.get("trace_id"))
        require(TRACE_ID.fullmatch(trace_id), "1", "a problem carries the trace id", *evidence, answer)
        self._check_type(str(problem.get("type")), status, answer)
        return problem

    def _check_type(self, kind: str, status: int, answer: Answer) -> None:
        if kind in self._resolved:
            return
        meaning = self.get(kind)
        require(meaning.status == 200, "1", "the type of a problem resolves", answer, meaning)
        require(meaning.json().get("status") == status, "1", "the type of a problem describes it", answer, meaning)
        self._resolved.add(kind)

    @contextmanager
    def logged(self) -> Iterator[io.StringIO]:
        """Catch what is logged in the block, requests and records alike."""
        caught = io.StringIO()
        handler = logging.StreamHandler(caught)
        start = self.log.tell()
        logging.getLogger().addHandler(handler)
        try:
            yield caught
        finally:
            self.wait_for(asyncio.sleep(0.06))
            logging.getLogger().removeHandler(handler)
            caught.write(self.log.getvalue()[start:])


@contextmanager
def running(
    app: ASGIApp,
    surface: Surface,
    examples: Mapping[str, object],
    log: io.StringIO | None,
    issuer: TestIssuer,
) -> Iterator[RunningService]:
    """Run `app` from its start to its end."""
    with asyncio.Runner() as runner:
        lifespan = Lifespan(app)
        runner.run(lifespan.__aenter__())
        try:
            yield RunningService(app, surface, examples, runner, log or io.StringIO(), issuer)
        finally:
            runner.run(lifespan.__aexit__(None, None, None))


def access_log(stream: io.StringIO) -> AccessLog:
    """Return a log of requests that writes to `stream`."""
    return AccessLog(stream, "service", "0", as_json=True)


def _spelled(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
