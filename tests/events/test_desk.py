"""`arnia events` against the databases of what runs: listed, shown, redriven, with exit codes that say how it went."""

import json
import os
import sys
from pathlib import Path
from typing import Final

import psutil
import pytest
from tests.events.scales import EMPTY, Scales
from tests.events.scales_service import POISON

from arnia.chassis.database import Database
from arnia.chassis.uuids import uuid7
from arnia.cli.application import run
from arnia.local.folder import Folder
from arnia.local.replica import Code
from arnia.local.servers.nats import Nats
from arnia.local.state import State

pytestmark = pytest.mark.anyio

PAGE: Final = """from arnia.ecosystem import Database, Ecosystem, Service

scales = Service(name="scales", owner="weighers", uses=("scales-db",))
ecosystem = Ecosystem(name="market", services=(scales,), resources=(Database(name="scales-db"),))
"""
MAIN: Final = """from arnia.chassis.process import run
from tests.events.scales_service import create

run(create)
"""


class Desk:
    """The program, beside an ecosystem that seems to run: its state says so, and its database is there."""

    def __init__(self, root: Path, database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
        root.mkdir()
        self.page = root / "ecosystem.py"
        self.page.write_text(PAGE)
        main = root / "services" / "scales" / "src" / "scales" / "main.py"
        main.parent.mkdir(parents=True)
        (main.parent / "__init__.py").touch()
        main.write_text(MAIN)
        folder = Folder.beside(self.page, None)
        folder.create()
        secrets = {"database_url": database_url, "cursor_key": "k" * 16}
        Code("scales", main.parents[2], folder.secrets / "scales").write_secrets(secrets)
        begun = psutil.Process(os.getpid()).create_time()
        given = {"ecosystem": "market", "pid": os.getpid(), "started": begun, "ready": True, "edge_url": ""}
        State.model_validate({**given, "data": str(folder.root), "services": {}, "servers": {}}).write(folder.state)
        self._capsys = capsys

    def ask(self, *arguments: str) -> tuple[int, list[dict[str, object]]]:
        """Return the exit code and what was found."""
        self._capsys.readouterr()
        code = run(["events", *arguments, "--file", str(self.page), "--json"])
        told = json.loads(self._capsys.readouterr().out)
        return code, told.get("events", [])


async def test_an_operator_finds_and_redrives(
    database: Database,
    database_url: str,
    nats: Nats,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is stuck is listed by each filter, shown whole, redriven with a reason, and is gone when it was given up."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    async with database.session(read_only=False) as session:
        await session.execute(EMPTY)
    parcel = uuid7()
    scales = Scales(database, database_url, nats, tmp_path)
    await scales.emit([parcel, uuid7()], [1])
    await scales.emit([parcel], [POISON, 3])
    desk = Desk(tmp_path / "market", database_url, capsys)
    assert [line["state"] for line in desk.ask("list")[1]] == ["unsent"] * 4
    with scales.process():
        await scales.settle()
    code, stuck = desk.ask("dlq", "--service", "scales", "--aggregate", str(parcel), "--since", "1h")
    assert (code, [line["sequence"] for line in stuck]) == (0, [2, 3])
    code, (_, shown) = desk.ask("show", str(stuck[0]["id"]))
    assert (code, shown["cause"]) == (0, "ValueError")
    assert shown["payload"] == {"aggregate_id": str(parcel), "grams": POISON}
    assert desk.ask("show", str(uuid7()))[0] == 1
    assert desk.ask("redrive", "--all")[0] == 2
    assert desk.ask("redrive", "--reason", "mended")[0] == 2
    assert desk.ask("list", "--state", "lost")[0] == 2
    assert desk.ask("redrive", "--aggregate", str(uuid7()), "--reason", "mended")[0] == 1
    code, done = desk.ask("redrive", "--aggregate", str(parcel), "--skip", "--reason", "hopeless", "--rate", "5")
    assert (code, [change["action"] for change in done]) == (0, ["skip"])
    with scales.process():
        await scales.settle()
    assert (await scales.effects())[parcel] == [1, 3]
    assert desk.ask("dlq") == (0, [])
