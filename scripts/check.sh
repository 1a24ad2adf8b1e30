#!/bin/sh
# Everything that can be said about the tree without starting a server. Runs to the end, then says what failed.
set -u
cd "$(dirname "$0")/.."
PATH="$PWD/.venv/bin:$PATH"
reports=$(mktemp -d)
trap 'rm -rf "$reports"' EXIT

# mypy names modules by the folder that packages start in; each service has its own.
MYPYPATH=src:tests/conformance/samples
for folder in services/*/src; do
    [ ! -d "$folder" ] || MYPYPATH="$MYPYPATH:$folder"
done
export MYPYPATH

step() {
    name=$1
    shift
    if "$@" >"$reports/$name" 2>&1; then
        echo "ok      $name"
    else
        echo "FAILED  $name: $*"
        cat "$reports/$name"
        touch "$reports/$name.failed"
    fi
}

# The types take half of the time, and a core of their own.
# shellcheck disable=SC2046 # a list of folders
step types mypy --no-error-summary \
    $(ls -d conftest.py ecosystem.py src/arnia tests typing_tests scripts services/*/src/* services/*/tests 2>/dev/null) &

step format ruff format --check --quiet .
step lint ruff check --quiet .
step imports python scripts/imports.py
# Without the plugin of the real servers: what is wrong with the tree must be said even when the chassis does not load.
step architecture python -m pytest --quiet --override-ini addopts=--import-mode=importlib tests/architecture
step contracts arnia check
step deployment arnia synth --check
wait

failed=$(cd "$reports" && ls -- *.failed 2>/dev/null | sed 's/\.failed$//' | tr '\n' ' ')
[ -z "$failed" ] || { echo "make check: $failed" >&2; exit 1; }
