#!/bin/sh
# What is too long for `make test`: ten thousand simulated lives of the event machinery, and the faults on real servers.
set -u
cd "$(dirname "$0")/.."
status=0

SEEDS=${SEEDS:-10000} .venv/bin/python -m pytest --quiet --numprocesses auto --dist load \
    tests/simulation/test_seeds.py || status=1
if [ -d tests/faults ]; then
    ARNIA_FAULTS=long .venv/bin/python -m pytest --quiet "$@" tests/faults || status=1
fi
exit "$status"
