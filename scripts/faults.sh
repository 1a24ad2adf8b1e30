#!/bin/sh
# What is too long for `make test`: ten thousand simulated lives of the event machinery with every planted bug, the faults
# on real servers (every process is killed and stopped, connections are cut), and the bugs that those have to show. About 50
# minutes on two quiet cores; arguments go to the fault run.
# The fault run waits most of its time, so everything else runs beside it, one after the other.
set -u
cd "$(dirname "$0")/.."
said=$(mktemp -d "${TMPDIR:-/tmp}/arnia-faults-parts-XXXXXX")
PYTEST=".venv/bin/python -m pytest --quiet"

say() {
    printf '%s  %s\n' "$(date +%H:%M:%S)" "$1" >&2
}

part() { # its name, and what it runs: what that says is kept, and shown where it is red
    name=$1
    shift
    begun=$(date +%s)
    say "begins: $name (see $said/$name)"
    "$@" >"$said/$name" 2>&1
    note $? || {
        [ $? -ne 2 ] || exit 2 # somebody has pressed Ctrl-C
        cat "$said/$name" >&2
    }
}

note() { # how the part of this name ended
    set -- "$1" "$(($(date +%s) - begun))" green
    [ "$1" -eq 0 ] || set -- "$1" "$2" RED
    printf '%6d s  %-5s  %s\n' "$2" "$3" "$name" >>"$said/parts"
    say "$(tail -n 1 "$said/parts")"
    return "$1"
}

rest() {
    # A thousand orders for who is away, and a broker that is away for a minute.
    for broker in ${EVENTS_BROKERS:-nats rabbitmq kafka}; do
        part "events-$broker" env EVENTS_BROKERS="$broker" EVENTS_MANY="${EVENTS_MANY:-1000}" \
            EVENTS_AWAY_SECONDS="${EVENTS_AWAY_SECONDS:-60}" $PYTEST tests/ecosystem/test_events.py
    done
    # What breaks everything on NATS for half an hour does so on the others for some minutes.
    for broker in rabbitmq kafka; do
        part "faults-$broker" env ARNIA_FAULTS=long $PYTEST --capture=no --faults-broker="$broker" --faults-number=20 \
            --faults-changes=1000 --faults-seconds=10 tests/faults/test_faults.py
    done
    part saga env ARNIA_FAULTS=long $PYTEST tests/faults/test_saga.py
    part bugs env ARNIA_FAULTS=long $PYTEST --capture=no tests/faults/test_bugs.py tests/faults/test_checker.py
    # Nobody waits there for anything: it has whatever time is left.
    part simulation env SEEDS="${SEEDS:-10000}" nice $PYTEST --numprocesses auto --dist load tests/simulation
}

rest &
beside=$!

name=faults begun=$(date +%s)
ARNIA_FAULTS=long $PYTEST --capture=no "$@" tests/faults/test_faults.py
note $?
wait "$beside"
# The time that a request takes is held against others: nothing may run beside it.
part positions env ARNIA_FAULTS=long $PYTEST tests/faults/test_million_positions.py \
    services/telemetry/tests/api/test_recording.py

say "what each part took:"
cat "$said/parts" >&2
if grep -q RED "$said/parts"; then
    say "RED: see above; the ledger of a red run is kept where it says"
    exit 1
fi
say "all of it is green: nothing lost, doubled, orphaned, out of order or stuck, and each bug was seen"
