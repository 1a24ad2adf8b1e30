"""The verb `users`: who may log in to what runs here."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote
from uuid import uuid4

from pydantic import BaseModel, ConfigDict
from typing_extensions import override

from arnia.commands.actions import OPERATOR, UserAction
from arnia.commands.issuer import Issuer, read_password
from arnia.commands.result import Result, count
from arnia.errors import ArniaError, UsageError
from arnia.local.credentials import Credentials, Person

_USERS: Final = "/api/v1/users"
_SCOPE: Final = "users:manage"


class Account(BaseModel):
    """A user, as the issuer shows one."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    username: str
    email: str | None = None
    roles: tuple[str, ...] = ()
    active: bool = True


class UsersResult(Result):
    """The users that were listed, or the one that was changed.

    Attributes:
        done: What was done; empty for a list.
        users: Whom it concerns.
    """

    done: str = ""
    users: tuple[Account, ...]

    @override
    def text(self) -> str:
        if self.done:
            return f"{self.done} {self.users[0].username}."
        width = max((len(one.username) for one in self.users), default=0)
        lines = [
            f"{one.username:{width}}  {'active' if one.active else 'closed'}  {', '.join(one.roles)}".rstrip()
            for one in self.users
        ]
        return "\n".join([*lines, count(len(self.users), "user")])


def users(
    action: UserAction,
    username: str | None = None,
    *,
    role: Sequence[str] = (),
    email: str | None = None,
    password_file: Path | None = None,
    user: str = OPERATOR,
    file: Path | None = None,
    data: Path | None = None,
) -> UsersResult:
    """List, add, close, open or re-key accounts of what runs here.

    Args:
        action: What to do.
        username: Whose account; everybody's for a list.
        role: What somebody who is added is in the system.
        email: Where somebody who is added gets mail.
        password_file: Holds the new password in its first line; `-` is stdin. Somebody who is added without one
            cannot log in yet.
        user: Who does it, of those in the credentials file.
        file: The `ecosystem.py`; the nearest one upward when None.
        data: The folder that `up` was given.

    Raises:
        UsageError: Nobody is named, or no password is given where one is needed.
        OutsideError: Nothing runs.
        ArniaError: The issuer says no.
    """
    _check(action, username, role, email, password_file)
    password = read_password(password_file)
    with Issuer.running(file, data) as issuer:
        issuer.act_as(user, _SCOPE)
        if username is None or action is UserAction.LIST:
            return UsersResult(users=_list(issuer, username))
        if action is UserAction.ADD:
            return UsersResult(done="Added", users=(_add(issuer, username, role, email, password),))
        account, etag = _find(issuer, username)
        if password is not None:
            _protect(issuer, account, password)
            return UsersResult(done="Set the password, and ended every session, of", users=(account,))
        active = action is UserAction.ENABLE
        headers = {"If-Match": etag, "Content-Type": "application/merge-patch+json"}
        changed, _ = issuer.call("PATCH", f"{_USERS}/{account.id}", {"active": active}, headers)
        return UsersResult(done="Opened" if active else "Closed", users=(Account.model_validate(changed),))


def _check(
    action: UserAction, username: str | None, role: Sequence[str], email: str | None, password_file: Path | None
) -> None:
    if username is None and action is not UserAction.LIST:
        raise UsageError(f"Whom to {action}? Name the user: arnia users {action} maia.")
    if (role or email) and action is not UserAction.ADD:
        raise UsageError("--role and --email belong to `arnia users add`.")
    if password_file is None and action is UserAction.PASSWORD:
        raise UsageError("`arnia users password` takes the new one from --password-file; `-` is stdin.")
    if password_file is not None and action not in (UserAction.ADD, UserAction.PASSWORD):
        raise UsageError("--password-file belongs to `arnia users add` and `arnia users password`.")


def _list(issuer: Issuer, username: str | None) -> tuple[Account, ...]:
    path = f"{_USERS}?limit=100&sort=username"
    if username is not None:
        path += f"&username={quote(username)}"
    found: list[Account] = []
    while path:
        page, _ = issuer.call("GET", path)
        items, links = page.get("items"), page.get("_links")
        found += [Account.model_validate(item) for item in (items if isinstance(items, list) else ())]
        following = links.get("next") if isinstance(links, dict) else None
        path = str(following["href"]) if isinstance(following, dict) else ""
    return tuple(found)


def _find(issuer: Issuer, username: str) -> tuple[Account, str]:
    for account in _list(issuer, username):
        state, headers = issuer.call("GET", f"{_USERS}/{account.id}")
        return Account.model_validate(state), headers.get("etag", "*")
    raise ArniaError(f"{username!r} is no user: `arnia users list` shows all.")


def _add(issuer: Issuer, username: str, role: Sequence[str], email: str | None, password: str | None) -> Account:
    path = f"{_USERS}/{uuid4()}"
    made, _ = issuer.call("PUT", path, {"username": username, "roles": [*role], "email": email})
    account = Account.model_validate(made)
    if password is not None:
        try:
            _protect(issuer, account, password)
        except ArniaError:
            issuer.call("DELETE", path)
            raise
    return account


def _protect(issuer: Issuer, account: Account, password: str) -> None:
    issuer.call("PUT", f"{_USERS}/{account.id}/password", {"password": password})
    known = issuer.credentials.users.get(account.username)
    if known is not None:
        people = {**issuer.credentials.users, account.username: Person(password=password, roles=known.roles)}
        Credentials(client_id=issuer.credentials.client_id, users=people).write(issuer.folder.credentials)
