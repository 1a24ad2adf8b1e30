"""The verb `users`: who may log in to what runs here."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from typing_extensions import override

from arnia.commands.actions import OPERATOR, UserAction
from arnia.commands.collection import Collection, Member
from arnia.commands.issuer import Document, Issuer, read_password
from arnia.commands.result import Result, count
from arnia.errors import UsageError
from arnia.local.credentials import Credentials, Person

_SCOPE: Final = "users:manage"


class Account(Member):
    """A user, as the issuer shows one."""

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
        known = Collection(issuer, "/api/v1/users", Account, name="username", noun="user", listing="arnia users list")
        if username is None or action is UserAction.LIST:
            return UsersResult(users=known.members(username))
        if action is UserAction.ADD:
            state: Document = {"username": username, "roles": [*role], "email": email}
            secret = None if password is None else ("password", password)
            return UsersResult(done="Added", users=(known.add(state, secret),))
        account, etag = known.find(username)
        if password is not None:
            _protect(issuer, known, account, password)
            return UsersResult(done="Set the password, and ended every session, of", users=(account,))
        active = action is UserAction.ENABLE
        changed = known.change(account, etag, {"active": active})
        return UsersResult(done="Opened" if active else "Closed", users=(changed,))


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


def _protect(issuer: Issuer, known: Collection[Account], account: Account, password: str) -> None:
    known.protect(account, "password", password)
    person = issuer.credentials.users.get(account.username)
    if person is not None:
        people = {**issuer.credentials.users, account.username: Person(password=password, roles=person.roles)}
        Credentials(client_id=issuer.credentials.client_id, users=people).write(issuer.folder.credentials)
