#!/bin/sh
# Figures, printed and never asserted: each beside something real, in one run. benchmarks/README.md says how to read them.
set -eu
cd "$(dirname "$0")/.."
for figure in http_cost edge calls put events ingest overload start; do
    printf '\n== benchmarks/%s.py\n' "$figure"
    .venv/bin/python "benchmarks/$figure.py"
done
