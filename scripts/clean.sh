#!/bin/sh
# Remove what `make` can make again. Data of the local servers (.arnia/) is not ours to remove.
set -eu
cd "$(dirname "$0")/.."
rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .schemathesis .coverage dist build
find . -name __pycache__ -type d -prune -exec rm -rf {} +
