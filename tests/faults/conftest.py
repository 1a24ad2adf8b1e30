"""What a longer run of the faults may be told: `make faults ARGS="--faults-broker rabbitmq --faults-seed 7"`."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what a run is made of."""
    group = parser.getgroup("faults")
    group.addoption("--faults-broker", default="nats", help="nats, rabbitmq or kafka")
    group.addoption(
        "--faults-seed", type=int, help="of the nemesis and the writers; a new one in the long form when absent"
    )
    group.addoption("--faults-number", type=int, help="how many faults at least")
    group.addoption("--faults-changes", type=int, help="how many acknowledged changes at least")
    group.addoption("--faults-seconds", type=float, help="how long what is stopped or cut stays so")
