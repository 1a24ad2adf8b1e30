"""What the API shows is no mirror of the tables: under other names of all columns it says the same."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

SERVICES: Final = Path(__file__).parents[3] / "services"
RENAMED: Final = """
import importlib, json, sys
from sqlalchemy import Column, event

@event.listens_for(Column, "before_parent_attach")
def rename(column, parent):
    column.name = "x_" + column.name

def described(service):
    tables = importlib.import_module(f"{service}.models.tables")
    own = [table for table in tables.Base.metadata.tables.values() if not table.name.startswith("arnia_")]
    columns = [column.name for table in own for column in table.columns]
    return [columns, importlib.import_module(f"{service}.main").create().contract()["openapi"]]

print(json.dumps({service: described(service) for service in sys.argv[1:]}))
"""


def test_columns_under_other_names_change_no_word_of_an_api() -> None:
    """In every service that has tables, renaming every column leaves the OpenAPI documents as they are committed."""
    services = sorted(path.parents[1].name for path in SERVICES.glob("*/src/*/models/tables.py"))
    assert services
    command = [sys.executable, "-c", RENAMED, *services]
    answer = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    for service in services:
        columns, documents = answer[service]
        assert columns
        assert all(column.startswith("x_") for column in columns)
        for version, document in documents.items():
            text = (SERVICES / service / f"contract/openapi.{version}.json").read_text(encoding="utf-8")
            assert document == json.loads(text), f"{service}'s {version} shows columns"
