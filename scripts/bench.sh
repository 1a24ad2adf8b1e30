#!/bin/sh
# Figures, printed and never asserted: each beside something real, in one run.
set -eu
cd "$(dirname "$0")/.."
for figure in http_cost put calls start; do
    printf '\n== benchmarks/%s.py\n' "$figure"
    .venv/bin/python "benchmarks/$figure.py"
done
