"""What there is to know about a running ecosystem, as a list and as text."""

from pathlib import Path

from arnia.conventions import DOCS_PATH, STATE_DIRECTORY
from arnia.local.state import ProcessState, State


def processes(state: State) -> tuple[ProcessState, ...]:
    """Return every process of `state`: servers, then replicas."""
    return (*state.servers.values(), *(one for service in state.services.values() for one in service.replicas))


def summary(state: State) -> str:
    """Return what to know once everything is ready."""
    lines = [f"{state.ecosystem} is ready at {state.edge_url}", ""]
    lines += [f"  exposed  {state.edge_url}{path}" for path in state.exposed]
    lines += [f"  docs     {service.url}{DOCS_PATH}  ({name})" for name, service in state.services.items()]
    elsewhere = "" if Path(state.data).name == STATE_DIRECTORY else f" --data {state.data}"
    lines += ["", f"  data     {state.data}", f"  stop     Ctrl-C where it runs, or `arnia down{elsewhere}`"]
    return "\n".join(lines)
