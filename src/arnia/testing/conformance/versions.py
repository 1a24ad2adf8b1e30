"""Rule 10: old versions say when they end, and end then."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import ClassVar, Final

from arnia.chassis.versions import ApiVersion
from arnia.conventions import SERVICE_VERSION_HEADER, version_prefix
from arnia.testing.conformance.findings import require
from arnia.testing.conformance.service import RunningService
from arnia.testing.conformance.surface import Operation, filled
from arnia.testing.http import Answer, call

__all__ = ["VersionRules"]

STRUCTURED_DATE: Final = re.compile(r"@(-?[0-9]{1,15})")
IMF_FIXDATE: Final = re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT")
RUNNING: Final = re.compile(r"(?P<service>[a-z0-9-]+)/(?P<version>\d+\.\d+\.\d+\S*)")


class VersionRules:
    """Rule 10.

    `unversioned` names the paths that a service declares outside any version, since whoever calls them is released
    together with it: the backends for frontends.
    """

    unversioned: ClassVar[tuple[str, ...]] = ()

    def test_the_running_version_is_in_every_answer(self, service: RunningService) -> None:
        """`X-Service-Version` names the service and its exact version, on success and on error."""
        for path in ("/livez", "/no/such/place", "/openapi.json"):
            told = service.get(path).header(SERVICE_VERSION_HEADER) or ""
            require(RUNNING.fullmatch(told), "10", f"{SERVICE_VERSION_HEADER} is name/major.minor.patch", path, told)

    def test_the_major_version_is_in_the_path(self, operation: Operation) -> None:
        """Clients select by major version, in the path, and by nothing more exact."""
        if operation.template.startswith(self.unversioned):
            return
        require(re.match(r"/api/v[1-9]\d*/", operation.template), "10", "the path has a major version", operation)

    def test_a_deprecated_version_says_so(self, service: RunningService, deprecated: ApiVersion) -> None:
        """An old version's answers carry `Deprecation` as a structured date and a link to what follows."""
        for answer in _answers(service, deprecated):
            told = STRUCTURED_DATE.fullmatch(answer.header("deprecation") or "")
            require(told, "10", "Deprecation is a structured date", deprecated, answer)
            moment = int((deprecated.deprecated or datetime.now(UTC)).timestamp())
            require(told and int(told.group(1)) == moment, "10", "Deprecation is the declared moment", answer)
            if deprecated.successor is not None:
                wanted = f'<{version_prefix(deprecated.successor)}>; rel="successor-version"'
                require(wanted in (answer.header("link") or ""), "10", "a Link leads to the successor", answer)

    def test_a_sunset_is_not_before_the_deprecation(self, service: RunningService, sunset: ApiVersion) -> None:
        """`Sunset` is an HTTP date that is not earlier than `Deprecation`."""
        for answer in _answers(service, sunset):
            told = answer.header("sunset") or ""
            require(IMF_FIXDATE.fullmatch(told), "10", "Sunset is an HTTP date", sunset, answer)
            deprecated = STRUCTURED_DATE.fullmatch(answer.header("deprecation") or "")
            ends = parsedate_to_datetime(told).timestamp()
            require(deprecated and ends >= int(deprecated.group(1)), "10", "Sunset is not before Deprecation", answer)

    def test_the_document_marks_what_is_deprecated(self, service: RunningService, deprecated: ApiVersion) -> None:
        """Every operation of an old version is `deprecated: true` in the document."""
        for operation in service.surface.of_version(deprecated):
            require(operation.description.get("deprecated"), "10", "the document says deprecated", operation)

    def test_the_present_version_announces_no_end(self, service: RunningService, current: ApiVersion) -> None:
        """Neither header is on a version without an end, and no operation of it is marked."""
        for answer in _answers(service, current):
            for name in ("deprecation", "sunset"):
                require(answer.header(name) is None, "10", f"a present version has no {name}", current, answer)
        for operation in service.surface.of_version(current):
            require(
                not operation.description.get("deprecated"), "10", "the document marks only old versions", operation
            )

    def test_after_the_sunset_everything_is_gone(self, ended: RunningService, sunset: ApiVersion) -> None:
        """Once its sunset has passed, every operation of a version is a 410 that names the successor."""
        for operation in ended.surface.of_version(sunset):
            answer = ended.send(call(operation.method, filled(operation.template)))
            problem = ended.check_problem(answer, 410, operation, rule="10")
            if sunset.successor is not None:
                named = version_prefix(sunset.successor) in problem["detail"]
                require(named, "10", "a 410 says which version to use", operation, answer)


def _answers(service: RunningService, version: ApiVersion) -> list[Answer]:
    """Return an answer of each operation that reads, successes and errors."""
    reading = [each for each in service.surface.of_version(version) if each.method == "GET"]
    return [service.get(filled(each.template)) for each in reading] + [
        service.get(service.place(each.template)) for each in reading if each in service.surface.collections()
    ]
