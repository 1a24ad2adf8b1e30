"""What there is to know about a running ecosystem, as a list and as text."""

from pathlib import Path
from typing import Final

from arnia.conventions import CREDENTIALS_FILE, DOCS_PATH, STATE_DIRECTORY, TOKEN_PATH
from arnia.local.credentials import Credentials
from arnia.local.oauth_clients import FIRST_PARTY
from arnia.local.state import ProcessState, State

DEMO: Final = "demo"


def processes(state: State) -> tuple[ProcessState, ...]:
    """Return every process of `state`: servers, then replicas."""
    return (*state.servers.values(), *(one for service in state.services.values() for one in service.replicas))


def summary(state: State) -> str:
    """Return what to know once everything is ready; no secret is in it."""
    elsewhere = "" if Path(state.data).name == STATE_DIRECTORY else f" --data {state.data}"
    lines = [f"{state.ecosystem} is ready at {state.edge_url}", ""]
    lines += [f"  exposed  {state.edge_url}{path}" for path in state.exposed]
    lines += [f"  docs     {service.url}{DOCS_PATH}  ({name})" for name, service in state.services.items()]
    if state.issuer:
        file = Path(state.data) / CREDENTIALS_FILE
        lines += ["", f"  users    {file}", f"  log in   `arnia token{elsewhere}`, or with curl:"]
        lines += [f"  token    {_token_line(state, file)}"]
    elif state.outside_issuer:
        lines += ["", f"  token    from {state.outside_issuer}"]
    else:
        lines += ["", f"  token    `arnia token{elsewhere} --audience SERVICE`, where no other issuer is told"]
    lines += ["", f"  data     {state.data}", f"  stop     Ctrl-C where it runs, or `arnia down{elsewhere}`"]
    return "\n".join(lines)


def _token_line(state: State, file: Path) -> str:
    """Return the command that gets a token: the password comes from the file, not from the command line."""
    password = f"""sed -n '/"{DEMO}"/,/password/s/.*"password": "\\(.*\\)",/\\1/p' {file}"""
    form = f"-d grant_type=password -d client_id={FIRST_PARTY} -d username={DEMO} --data-urlencode password@-"
    return f"{password} | tr -d '\\n' | curl -s {form} {state.edge_url}{TOKEN_PATH}"


def introduction(newcomers: Credentials) -> str:
    """Return who can log in from now on, and how; a secret."""
    people = [
        f"  {name}: {person.password}  ({', '.join(person.roles)})" for name, person in sorted(newcomers.users.items())
    ]
    return "\n".join(["Made these users, with passwords that are shown this once:", *people])
