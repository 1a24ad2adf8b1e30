"""The identity service keeps every rule of an HTTP API."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, Final
from uuid import uuid4

import asyncpg
import pytest
from typing_extensions import override

from arnia.chassis.application import Application
from arnia.chassis.context import CurrentSession
from arnia.testing.conformance import ServiceConformance
from arnia.testing.conformance.service import RunningService
from arnia.testing.conformance.suite import ServiceSuite
from arnia.testing.issuer import TestIssuer
from identity.api.dependencies import CurrentIssuer
from identity.api.management import user_service
from identity.main import create
from identity.repositories.sql_store import within
from identity.services.users import UserService

CALLER: Final = str(uuid4())
KNOWN: Final = "INSERT INTO users (id, username, roles, active) VALUES ($1, 'caller', '{operator}', true)"


class UserIssuer(TestIssuer):
    """Its tokens are those of a user whom the service knows."""

    @override
    def token_for(self, document: Mapping[str, Any], audience: str, subject: str = CALLER) -> str:
        return super().token_for(document, audience, subject)


@pytest.fixture(scope="module")
def issuer() -> Iterator[TestIssuer]:
    """Give the issuer that the service here believes, instead of itself."""
    with UserIssuer() as running:
        yield running


@pytest.fixture(scope="module", autouse=True)
def known(database_url: str) -> None:
    """Let the caller be known."""

    async def register() -> None:
        connection = await asyncpg.connect(database_url)
        await connection.execute(KNOWN, CALLER)
        await connection.close()

    asyncio.run(register())


async def no_time(seconds: float) -> None:
    """Wait for nothing."""


async def hurried(session: CurrentSession, issuer: CurrentIssuer) -> UserService:
    """Return the use cases of users, who answer in the second in which they revoked something."""
    return UserService(within(session), issuer.passwords, sleep=no_time)


class IdentitySuite(ServiceSuite):
    """A suite over the service, which believes another issuer than itself, and in this process is in a hurry."""

    settings = {  # noqa: RUF012 - nobody changes it
        "key_encryption_secret": "a secret that is only known here, of 32 characters and more",
        "password_target_ms": 1,
    }

    @classmethod
    @override
    def run(cls, application: Application, request: pytest.FixtureRequest) -> AbstractContextManager[RunningService]:
        application.overrides[user_service] = hurried
        return super().run(application, request)

    @classmethod
    @override
    def given(cls, application: Application, request: pytest.FixtureRequest) -> dict[str, object]:
        suite: TestIssuer = request.getfixturevalue("issuer")
        return {**super().given(application, request), "jwks_url": suite.jwks_url}


def a_user() -> dict[str, object]:
    """Return a user of a name that nobody has."""
    return {"username": f"maia-{uuid4()}", "email": "maia@example.org", "active": True}


def a_client() -> dict[str, object]:
    """Return an OAuth client of a name that nobody has."""
    return {
        "client_id": f"scheduler-{uuid4()}",
        "grants": ["client_credentials"],
        "first_party": True,
    }


class TestConformance(IdentitySuite, ServiceConformance):
    """Runs every rule against the service."""

    application = staticmethod(create)
    examples = {  # noqa: RUF012 - nobody changes it
        "POST /api/v1/users": a_user,
        "PUT /api/v1/users/{user_id}": a_user,
        "POST /api/v1/oauth-clients": a_client,
        "PUT /api/v1/oauth-clients/{oauth_client_id}": a_client,
        "PUT /api/v1/oauth-clients/{oauth_client_id}/secret": {"secret": "s" * 43},
    }

    unversioned = ("/users/me",)
