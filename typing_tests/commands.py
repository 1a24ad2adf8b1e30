"""What a type checker says of the verbs. Never run: mypy reads it, and every ignore must be needed."""

from pathlib import Path
from typing import assert_type

from arnia.commands import (
    check,
    contract,
    doctor,
    down,
    events,
    graph,
    keys,
    logs,
    migrate,
    new,
    oauth_clients,
    roll,
    status,
    synth,
    token,
    trace,
    up,
    users,
)
from arnia.commands.access import TokenResult
from arnia.commands.accounts import UsersResult
from arnia.commands.actions import EventAction, KeyAction, Kind, OAuthClientAction, UserAction
from arnia.commands.agreement import ContractResult
from arnia.commands.creation import NewResult
from arnia.commands.diagnosis import DoctorResult
from arnia.commands.facts import EventsResult
from arnia.commands.journey import TraceResult
from arnia.commands.lifecycle import DownResult, UpResult
from arnia.commands.picture import GraphResult
from arnia.commands.registrations import OAuthClientsResult
from arnia.commands.report import LogsResult, StatusResult
from arnia.commands.rollout import MigrateResult, RollResult
from arnia.commands.signatures import KeysResult
from arnia.commands.synthesis import SynthResult
from arnia.commands.verdict import CheckResult

file = Path("ecosystem.py")

assert_type(check(file=file), CheckResult)
assert_type(contract(services=["delivery"], check=True), ContractResult)
assert_type(doctor(port=8080), DoctorResult)
assert_type(down(data=Path(".arnia")), DownResult)
assert_type(events(EventAction.REDRIVE, aggregate="0199c2f4", reason="mended"), EventsResult)
assert_type(graph(format="svg"), GraphResult)
assert_type(keys(KeyAction.ROTATE), KeysResult)
assert_type(logs("delivery", lines=10), LogsResult)
assert_type(migrate("delivery"), MigrateResult)
assert_type(new(Kind.SERVICE, "queens", source="hive"), NewResult)
assert_type(roll("delivery"), RollResult)
assert_type(status(), StatusResult)
assert_type(synth(env="production", check=True), SynthResult)
assert_type(token(user="demo", audience=["delivery"]).access_token, str)
assert_type(token(client="scheduler"), TokenResult)
assert_type(trace("0af76519"), TraceResult)
assert_type(up(replicas=["delivery=3"], announce=lambda state: print(state.edge_url)), UpResult)
assert_type(oauth_clients(OAuthClientAction.LIST), OAuthClientsResult)
assert_type(users(UserAction.ADD, "maia", role=["customer"], password_file=Path("-")), UsersResult)
assert_type(check().ok, bool)
assert_type(check().text(), str)

up(port="8080")  # type: ignore[arg-type]  # a port is a number
up(True)  # type: ignore[call-arg,arg-type]  # flags have names
new("service", "queens")  # type: ignore[arg-type]  # the kind is one of two
contract(services="delivery", chekc=True)  # type: ignore[call-arg]  # a misspelt option is found while typing
trace(id=7)  # type: ignore[arg-type]  # an id is a text
roll()  # type: ignore[call-arg]  # which service?
events("list")  # type: ignore[arg-type]  # the action is one of four
keys("rotate")  # type: ignore[arg-type]  # the action is one of two
token("demo")  # type: ignore[call-arg]  # who logs in has a name
users(UserAction.PASSWORD, "maia", word="bees")  # type: ignore[call-arg]  # a password comes from a file
synth(out="deploy")  # type: ignore[arg-type]  # a folder is a path
check().ok = True  # type: ignore[misc]  # a result is frozen
