#!/bin/sh
# What is too long for `make test`: ten thousand simulated lives of the event machinery with every planted bug, the faults
# on real servers, and the bugs that those have to show. About an hour and a half; arguments go to the fault run.
set -u
cd "$(dirname "$0")/.."
status=0

say() {
    printf '%s  %s\n' "$(date +%H:%M:%S)" "$1" >&2
}

say "simulated lives, and bugs planted into them"
SEEDS=${SEEDS:-10000} .venv/bin/python -m pytest --quiet --numprocesses auto --dist load tests/simulation || status=1

say "faults on real servers"
ARNIA_FAULTS=long .venv/bin/python -m pytest --quiet --capture=no "$@" tests/faults/test_faults.py || status=1

say "the story of the events on each broker: a thousand orders for who is away, a broker that is away for a minute"
EVENTS_BROKERS="${EVENTS_BROKERS:-nats rabbitmq kafka}" EVENTS_MANY="${EVENTS_MANY:-1000}" \
    EVENTS_AWAY_SECONDS="${EVENTS_AWAY_SECONDS:-60}" \
    .venv/bin/python -m pytest --quiet tests/ecosystem/test_events.py || status=1

say "bugs planted into what runs on them, and a million positions"
ARNIA_FAULTS=long .venv/bin/python -m pytest --quiet --capture=no \
    tests/faults/test_bugs.py tests/faults/test_checker.py tests/faults/test_million_positions.py \
    services/telemetry/tests/api/test_recording.py || status=1

if [ "$status" -eq 0 ]; then
    say "all of it is green: nothing lost, doubled, orphaned, out of order or stuck, and each bug was seen"
else
    say "RED: see above; the ledger of a red run is kept where it says"
fi
exit "$status"
