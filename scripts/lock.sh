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

lock installer --group installer "$@"
lock service pyproject.toml --extra service "$@"
lock dev pyproject.toml --extra dev "$@"
