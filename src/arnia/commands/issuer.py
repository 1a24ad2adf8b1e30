"""The running ecosystem as somebody who logs in there sees it: its edge, a token, and the issuer's own resources."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeAlias

import httpx2
from pydantic import JsonValue

from arnia.commands.actions import OPERATOR
from arnia.commands.place import folder_of
from arnia.conventions import TOKEN_PATH
from arnia.errors import ArniaError, OutsideError, UsageError
from arnia.local.credentials import Credentials
from arnia.local.folder import Folder
from arnia.local.state import State

Document: TypeAlias = dict[str, JsonValue]

STDIN: Final = Path("-")
_SECONDS: Final = 30.0
_FAILED: Final = 400
_BROKEN: Final = 500
_INVALID_SCOPE: Final = "invalid_scope"


class _NoScope(ArniaError):
    """None of the scopes that were asked for can be granted (RFC 6749, 5.2)."""


class Issuer:
    """The issuer of a running ecosystem, through its edge. Use it as a context manager.

    Attributes:
        folder: Where the ecosystem keeps its data.
        credentials: Who can log in at this machine.
    """

    def __init__(self, folder: Folder, state: State, credentials: Credentials) -> None:
        self.folder = folder
        self.credentials = credentials
        self._state = state
        self._client = httpx2.Client(base_url=state.edge_url, trust_env=False, timeout=_SECONDS)
        self._token = ""

    @classmethod
    def running(cls, file: Path | None, data: Path | None) -> Self:
        """Return the issuer of what runs on the data.

        Raises:
            UsageError: There is no declaration here, or one without an issuer.
            OutsideError: Nothing runs, or nobody can log in.
        """
        folder = folder_of(file, data)
        state = State.read(folder.state)
        if state is None or not state.alive:
            raise OutsideError(f"Nothing runs on {folder.root}: start it with `arnia up`.")
        if not state.issuer:
            raise UsageError(f"{state.ecosystem} declares no issuer: there are no tokens, users or keys.")
        credentials = Credentials.read(folder.credentials)
        if credentials is None:
            raise OutsideError(f"{folder.credentials} is not there: nobody is known who could log in.")
        return cls(folder, state, credentials)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def log_in(self, user: str, password: str | None, *, scope: str = "", audiences: Sequence[str] = ()) -> Document:
        """Return what `/token` answers to a user; without a password, that of the credentials file.

        Raises:
            UsageError: No password was given, and the file has none.
            ArniaError: The password is another.
        """
        if password is None:
            known = self.credentials.users.get(user)
            if known is None:
                names = ", ".join(self.credentials.users)
                raise UsageError(f"The password of {user!r} is not known here: give --password-file, or {names}.")
            password = known.password
        asked = {"grant_type": "password", "username": user, "password": password}
        return self._ask({**asked, "client_id": self.credentials.client_id}, None, scope, audiences)

    def log_in_client(self, client: str, secret: str, *, scope: str = "", audiences: Sequence[str] = ()) -> Document:
        """Return what `/token` answers to an OAuth client of its own accord.

        Raises:
            ArniaError: The secret is another.
        """
        return self._ask({"grant_type": "client_credentials"}, (client, secret), scope, audiences)

    def act_as(self, user: str, scope: str) -> None:
        """Let the calls that follow be those of `user`, of the credentials file.

        Raises:
            UsageError: The file has no password of that user.
            ArniaError: The user may not do what `scope` stands for.
        """
        try:
            token = self.log_in(user, None, scope=scope, audiences=[self._state.issuer])
        except _NoScope:
            token = {}
        if scope in str(token.get("scope", "")).split():
            self._token = str(token["access_token"])
            return
        if user == OPERATOR:
            raise ArniaError(f"{user!r} may not do this: no service exposes what needs {scope}; see `arnia graph`.")
        roles = ", ".join(self.credentials.users[user].roles) or "no role"
        raise ArniaError(
            f"{user!r} ({roles}) may not do this, which needs {scope}: leave out --user to be {OPERATOR!r}."
        )

    def call(
        self, method: str, path: str, body: Document | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[Document, Mapping[str, str]]:
        """Return what the issuer answers, and its headers.

        Raises:
            ArniaError: It says no; the sentence is its own.
            OutsideError: Nobody answers, or it fails.
        """
        sent = {"Authorization": f"Bearer {self._token}", **(headers or {})}
        return self._send(self._client.build_request(method, path, json=body, headers=sent))

    def _ask(
        self, form: Mapping[str, str], client: tuple[str, str] | None, scope: str, audiences: Sequence[str]
    ) -> Document:
        members: dict[str, str | list[str]] = {**form}
        if scope:
            members["scope"] = scope
        if audiences:
            members["audience"] = [*audiences]
        request = self._client.build_request("POST", TOKEN_PATH, data=members)
        if client is not None:
            request = next(httpx2.BasicAuth(*client).auth_flow(request))
        return self._send(request)[0]

    def _send(self, request: httpx2.Request) -> tuple[Document, Mapping[str, str]]:
        try:
            answer = self._client.send(request)
        except httpx2.TransportError as error:
            raise OutsideError(f"{request.url}: nobody answers ({error}): look at `arnia status`.") from None
        document = _document(answer)
        if answer.status_code >= _BROKEN:
            raise OutsideError(f"{request.url.path}: {_reason(document, answer)}: look at `arnia logs`.")
        if answer.status_code >= _FAILED:
            refusal = _NoScope if document.get("error") == _INVALID_SCOPE else ArniaError
            raise refusal(f"The issuer says no: {_reason(document, answer)}.")
        return document, answer.headers


def read_password(file: Path | None) -> str | None:
    """Return the first line of `file`, or of stdin where it is `-`; None where there is no file.

    Raises:
        UsageError: It is empty.
    """
    if file is None:
        return None
    text = sys.stdin.readline() if file == STDIN else file.read_text(encoding="utf-8")
    password, *_ = text.splitlines() or [""]
    if not password:
        raise UsageError(f"{file}: it is empty: the first line is the password.")
    return password


def _document(answer: httpx2.Response) -> Document:
    try:
        found = answer.json() if answer.content else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _reason(document: Document, answer: httpx2.Response) -> str:
    """Return the sentence of a problem (RFC 9457), or of an error of OAuth (RFC 6749, 5.2)."""
    told = document.get("detail") or document.get("error_description") or document.get("error")
    violations = document.get("errors")
    first = violations[0] if isinstance(violations, list) and violations else None
    if isinstance(first, dict):
        told = f"{first.get('pointer') or first.get('parameter')}: {first.get('detail')}"
    return str(told or f"{answer.status_code} {answer.reason_phrase}").rstrip(".")
