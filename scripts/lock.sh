#!/bin/sh
# Recompile requirements/*.txt from pyproject.toml: every wheel pinned and hashed, no registry named.
# `scripts/lock.sh --upgrade` moves to the newest versions; `--upgrade-package NAME` moves one.
set -eu
cd "$(dirname "$0")/.."

lock() {
    name=$1
    shift
    .venv/bin/uv pip compile "$@" --output-file "requirements/$name.txt" --quiet \
        --universal --python-version 3.11 --generate-hashes \
        --custom-compile-command scripts/lock.sh
}

# What a service needs beyond the chassis stands in its own pyproject.toml; all of them share this repository's .venv.
services_needs() {
    .venv/bin/python -c '
import pathlib, tomllib
for file in sorted(pathlib.Path("services").glob("*/pyproject.toml")):
    for need in tomllib.loads(file.read_text())["project"]["dependencies"]:
        if not need.startswith("arnia"):
            print(need)'
}

lock installer --group installer "$@"
lock service pyproject.toml --extra service --extra events "$@"
services_needs | lock dev pyproject.toml - --extra dev "$@"
