"""What each service is told at its start: settings as environment variables, secrets as files for it alone."""

import json
import secrets
from collections.abc import Mapping
from typing import Final

from arnia.conventions import KEYS_PATH, TOKEN_PATH, package
from arnia.ecosystem import Service
from arnia.local.brokers import LocalBroker, OutsideBroker
from arnia.local.credentials import Credentials
from arnia.local.folder import Folder
from arnia.local.oauth_clients import declare_clients
from arnia.local.plan import Plan
from arnia.local.secret_files import read_or_draw
from arnia.local.servers.postgres import Postgres
from arnia.local.servers.valkey import Valkey
from arnia.local.signing import is_believed, public_keys, remove_shared_keys

_SECRET_BYTES: Final = 32


class Equipment:
    """The settings and secrets of all services.

    Attributes:
        self_signed: The services that believe the key pair of the laptop, since nothing names an issuer.
        newcomers: The people who were made by this run; None where there were some before, or are none.
    """

    def __init__(
        self,
        plan: Plan,
        folder: Folder,
        *,
        edge_url: str,
        internal_urls: Mapping[str, str],
        postgres: Postgres | None,
        valkey: Valkey | None,
        broker: LocalBroker | OutsideBroker | None = None,
    ) -> None:
        """Describe it; nothing is written before `secrets`.

        Args:
            plan: What runs.
            folder: Where secrets are kept from one run to the next.
            edge_url: What clients know, and the name of the issuer of their tokens.
            internal_urls: Where services reach each other, by the name of the one that is called.
            postgres: The server of databases, where there is one.
            valkey: The server of caches and revocations, where there is one.
            broker: What carries events, where something does.
        """
        self._plan = plan
        self._folder = folder
        self._edge_url = edge_url
        self._internal_urls = internal_urls
        self._postgres = postgres
        self._valkey = valkey
        self._broker = broker
        services = plan.ecosystem.services
        self.self_signed = tuple(service.name for service in services if is_believed(plan, service))
        self.newcomers: Credentials | None = None

    def internal_url(self, service: str) -> str:
        """Return where other services reach `service`; nothing where none does."""
        return self._internal_urls.get(service, "")

    def settings(self, service: Service) -> dict[str, str]:
        """Return what `service` is told that is no secret, by setting."""
        told = upstream_settings(service, self._internal_urls)
        issuer, outside = self._plan.ecosystem.issuer, self._plan.environment.issuer
        if outside is not None:
            told |= outside.settings
        if service.name in self.self_signed:
            told |= {"issuer": self._edge_url, "token_keys": public_keys(self._folder)}
        if issuer:
            told["issuer"] = self._edge_url
            if service.name != issuer:  # which knows its own keys, and what it took back, without asking itself
                told["jwks_url"] = f"{self._internal_urls[issuer]}{KEYS_PATH}"
            if service.calls:
                told |= {"token_url": f"{self._internal_urls[issuer]}{TOKEN_PATH}", "client_id": service.name}
        return told

    def secrets(self, service: Service) -> dict[str, str]:
        """Return the secrets of `service`, by setting; makes its database and its role. May block."""
        issuer = self._plan.ecosystem.issuer
        values = self._database(service)
        if self._valkey is not None and (self._plan.cache(service) is not None or service.name == issuer):
            values["cache_url"] = self._valkey.url_of(service.name)
        if self._broker is not None and self._plan.broker(service) is not None:
            values["broker_url"] = self._broker.url_of(service.name)
        remove_shared_keys(self._folder)
        if issuer:
            if self._valkey is not None:
                values["revocation_url"] = self._valkey.url_of(service.name)
            if service.calls:
                values["client_secret"] = self._client_secret(service)
        if service.name == issuer:
            values |= self._issuing()
        return values

    def _database(self, service: Service) -> dict[str, str]:
        database = self._plan.database(service)
        if database is None or self._postgres is None:
            return {}
        name, role, password = package(database.name), package(service.name), secrets.token_urlsafe(_SECRET_BYTES)
        self._postgres.create_database(name, role, password)
        return {
            "database_url": self._postgres.database_url(name, role, password),
            "cursor_key": self._kept(f"{service.name}.cursor-key"),
        }

    def _issuing(self) -> dict[str, str]:
        """Return what only the issuer is told: its key, its first users, and who may ask it for tokens."""
        ecosystem = self._plan.ecosystem
        clients = {one.name: self._client_secret(one) for one in ecosystem.services if one.calls}
        credentials = Credentials.read(self._folder.credentials)
        if credentials is None:
            credentials = self.newcomers = Credentials.draw()
            credentials.write(self._folder.credentials)
        return {
            "key_encryption_secret": self._kept(f"{ecosystem.issuer}.key-encryption-secret"),
            "declared_clients": json.dumps(declare_clients(ecosystem, self._plan.contracts, clients)),
            "first_users": credentials.first_users(),
        }

    def _client_secret(self, service: Service) -> str:
        return self._kept(f"{service.name}.client-secret")

    def _kept(self, name: str) -> str:
        return read_or_draw(self._folder.secrets / name, _draw)


def upstream_settings(service: Service, urls: Mapping[str, str]) -> dict[str, str]:
    """Return where the services are that `service` calls, by setting; `urls` are by their names."""
    return {f"{package(called)}__url": urls[called] for called in service.calls if called in urls}


def _draw() -> str:
    return secrets.token_urlsafe(_SECRET_BYTES)
