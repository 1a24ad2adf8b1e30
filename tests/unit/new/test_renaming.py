"""What names the old place of a domain names the new one, and nothing else is touched."""

import pytest

from arnia.commands.scaffold.pruning import prune
from arnia.commands.scaffold.renaming import Move, rename, slugs, uses
from arnia.errors import UsageError

MOVE = Move(source="hive", domain="queens", words={"hive-queen-lost": "queens-queen-lost", "HIVE_": "QUEENS_"})
MAIN = """from arnia.chassis.models import together
from hive import queens, workers
from hive.config import Settings
from hive.queens.api import queens as queens_api  # HTTP
from hive.queens.models.events import EVENTS
from hive.workers.api import nurses, workers as workers_api


def create():
    routers = [queens_api.router, workers_api.router, nurses.router]
    models = together(queens.TABLES, workers.TABLES)
    return create_app(service="hive", routers=routers, models=models, events=[*EVENTS, workers.Fed], versions=[1, 2])
"""


def moved(text: str, package: str = "hive.queens.api") -> str:
    """Return `text`, a module of the domain, as the new service has it."""
    return rename(text, MOVE, where="hive/queens/api/cells.py", package=package)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("import hive.queens.models", "import queens.models"),
        ("import hive.queens.models as m, os", "import queens.models as m, os"),
        ("from hive.queens.models import Queen", "from queens.models import Queen"),
        ("from hive.queens import Queen", "from queens import Queen"),
        ("from hive import queens", "import queens"),
        ("from hive import queens as q, config", "import queens as q\nfrom queens import config"),
        ("if 1:\n    from hive import queens, main", "if 1:\n    import queens\n    from queens import main"),
        ("from hive.config import Settings", "from queens.config import Settings"),
        ("from ..models import Queen", "from ..models import Queen"),
        ("from ...config import Settings", "from queens.config import Settings"),
        ("from ... import config", "from queens import config"),
        (
            "from hive.queens.models import (\n    Queen,  # hive.queens.models\n)",
            "from queens.models import (\n    Queen,  # hive.queens.models\n)",
        ),
        ("import hive.queens.a\nx = hive.queens.a.B(hive.config)", "import queens.a\nx = queens.a.B(queens.config)"),
        ("hive = 1\nx = hive.queens", "hive = 1\nx = hive.queens"),
        ("from beehive.queens import x", "from beehive.queens import x"),
        ('é = "ü"; from hive.queens import Königin', 'é = "ü"; from queens import Königin'),
        ('x = "hive.queens.api", "the hive", "a-hive.queens"', 'x = "queens.api", "the hive", "a-hive.queens"'),
        ('x = f"/problems/hive-queen-lost?{y}"', 'x = f"/problems/queens-queen-lost?{y}"'),
        ('x = "HIVE_PORT", "BEEHIVE_PORT", "HIVE"', 'x = "QUEENS_PORT", "BEEHIVE_PORT", "HIVE"'),
        ('x = "hive-queen-lost-twice"', 'x = "hive-queen-lost-twice"'),
    ],
)
def test_every_form_of_a_name(before: str, after: str) -> None:
    """Imports of every form, what they bound, and names in strings are renamed; comments and look-alikes are not."""
    assert moved(before + "\n") == after + "\n"


@pytest.mark.parametrize(
    "text",
    [
        "from hive.workers import Worker",
        "from hive.workers.models.workers import Worker",
        "import hive.workers",
        "import hive",
        "from hive import workers",
        "from ...workers import Worker",
        "import hive.queens\nx = hive.workers",
        "import hive.queens\nx = getattr(hive, 'workers')",
    ],
)
def test_what_stays_behind_cannot_be_used(text: str) -> None:
    """A module that uses another domain of the old service is named with its line, and moves nowhere."""
    with pytest.raises(UsageError, match=r"hive/queens/api/cells\.py:\d uses hive.*no part of the domain queens"):
        moved(text + "\n")


def test_who_uses_a_domain() -> None:
    """Each use of a domain is found with its line, absolute or relative, and no look-alike."""
    text = "import hive.queens\nfrom hive import queens\nfrom ..queens.models import Queen\nfrom hive import queens2\n"

    assert list(uses(text, "hive.queens", "hive.workers")) == [
        (1, "hive.queens"),
        (2, "hive.queens"),
        (3, "hive.queens.models.Queen"),
    ]


def test_slugs_of_a_service() -> None:
    """The slugs of problems that begin with the service's name are found, however they are annotated."""
    text = (
        'class A(B):\n    slug = "hive-a"\nclass C(B):\n    slug: str = "hive-c"\n    title = "hive-t"\n    slug2 = 3\n'
    )

    assert list(slugs(text + 'class D(B):\n    slug = "other-d"\n', "hive-")) == ["hive-a", "hive-c"]


def test_a_domain_leaves_every_list() -> None:
    """Routers, tables, events and imports of a domain go, the rest stays; its tables are named as left behind."""
    assert (
        prune(MAIN, "hive", {"queens"}, where="hive/main.py", left=("queens", "eggs"))
        == """from arnia.chassis.models import together
from hive import workers
from hive.config import Settings
from hive.workers.api import nurses, workers as workers_api


def create():
    routers = [workers_api.router, nurses.router]
    models = together(workers.TABLES, left=("queens", "eggs", ))
    return create_app(service="hive", routers=routers, models=models, events=[workers.Fed], versions=[1, 2])
"""
    )


def test_left_tables_add_up() -> None:
    """A service that loses one domain after the other names the tables of all; a new service begins without."""
    text = "from hive.a import x\nfrom hive.b import y\nm = together(x.T, y.T, left=('c',))\n"

    assert prune(text, "hive", {"a"}, where="", left=("a",)).endswith('m = together(y.T, left=("c", "a", ))\n')
    assert prune(text, "hive", {"a"}, where="").endswith("m = together(y.T)\n")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("from hive.queens import api\nx = api.router\n", "api cannot be taken out"),
        ("from hive.queens import api\nfrom hive.bees import b\nx = [f(api, b)]\n", "api cannot be taken out"),
        ("from hive.queens.models import Base\ncreate_app(models=Base.metadata)\n", "merges no tables"),
    ],
)
def test_a_domain_that_is_everywhere_cannot_leave(text: str, sentence: str) -> None:
    """What is used outside of lists is not torn out: the sentence says how to write it."""
    with pytest.raises(UsageError, match=sentence):
        prune(text, "hive", {"queens"}, where="hive/main.py", left=("queens",) if "models" in text else ())
