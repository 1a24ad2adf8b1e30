"""The declaration of this repository: inert, quick to load, and one page long."""

import subprocess
import sys
from pathlib import Path

from arnia.commands.declaration import load

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "ecosystem.py"

MEASURE = """
import gc, socket, sys, time

def refuse(*_, **__):
    raise AssertionError("a declaration opens no socket")

socket.socket = refuse
sys.path[:0] = {paths!r}
start = time.perf_counter()
import pydantic
from pydantic import BaseModel, AfterValidator, Field

class Warm(BaseModel):
    name: str

pydantic_alone = time.perf_counter() - start
start = time.perf_counter()
import ecosystem
ours = time.perf_counter() - start
again = dict(vars(ecosystem))
exec(compile(open(ecosystem.__file__).read(), "again", "exec"), again)
assert again["ecosystem"] == ecosystem.ecosystem
assert again["ecosystem"] is not ecosystem.ecosystem
foreign = {{"fastapi", "sqlalchemy", "httpx", "asyncpg", "starlette", "typer", "delivery", "drone"}} & set(sys.modules)
assert not foreign, foreign
assert not [name for name in sys.modules if name.startswith("arnia.chassis")]
print(ours / pydantic_alone)
"""


def test_page_is_one_page() -> None:
    """The whole system stays on one page of 120 lines."""
    assert len(PAGE.read_text(encoding="utf-8").splitlines()) <= 120


def test_page_loads_with_pydantic_alone() -> None:
    """With sockets forbidden and no service at hand it loads, equal twice, and costs little beside pydantic itself."""
    script = MEASURE.format(paths=[str(ROOT), str(ROOT / "src")])
    ratios = []
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        ratios.append(float(done.stdout))
    # The aim is 0.3 s in all; a ratio holds on a machine of any speed, and the least of three on a busy one.
    assert min(ratios) < 4


def test_page_declares_what_exists() -> None:
    """Each declared service has its folder, with a package that can be installed."""
    names = [service.name for service in load(PAGE).ecosystem.services]
    assert [name for name in names if not (ROOT / "services" / name / "pyproject.toml").is_file()] == []
    assert "identity" in names
