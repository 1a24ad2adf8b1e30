#!/bin/sh
# Make .venv what requirements/ says, or say in one sentence why not. Asks nothing; a second run skips in milliseconds.
# Exit 0: ready. Exit 3: the machine lacks something; the last line is the command that mends it.
set -eu
cd "$(dirname "$0")/.."

stamp=.venv/arnia-stamp
# Where and by which revision of this script the environment was made; a change rebuilds it from nothing.
place="$(pwd -P) 1"
# What was installed; a change installs the difference.
inputs=$(cat requirements/*.txt pyproject.toml wheels/* services/*/pyproject.toml 2>/dev/null | cksum)

if [ -x .venv/bin/python ] && [ "$(cat "$stamp" 2>/dev/null)" = "$place $inputs" ]; then
    exit 0
fi

missing() {
    printf 'arnia: %s Run this, then try again:\n%s\n' "$1" "$2" >&2
    exit 3
}

system_install() {
    as_root=""
    [ "$(id -u)" = 0 ] || as_root="sudo "
    if command -v apt-get >/dev/null; then
        echo "${as_root}apt-get install -y $1"
    elif command -v dnf >/dev/null; then
        echo "${as_root}dnf install -y python3.12"
    else
        echo "brew install python@3.13"
    fi
}

# PYTHON names the interpreter where several would do; the first that is new enough and whole wins.
bare=""
for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
    "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
    if "$candidate" -c 'import ensurepip, venv' 2>/dev/null; then
        python=$candidate
        break
    fi
    bare=${bare:-$("$candidate" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')}
done
if [ -z "${python:-}" ]; then
    [ -z "$bare" ] || missing "$bare has no venv module." "$(system_install "$bare-venv")"
    missing "No Python of version 3.11 or newer was found." "$(system_install 'python3 python3-venv')"
fi

# Two verbs started at once must not build into each other. The holder's pid tells a lock that was left behind.
lock=.venv.lock
until mkdir "$lock" 2>/dev/null; do
    holder=$(cat "$lock/pid" 2>/dev/null || true)
    if [ -n "$holder" ] && ! kill -0 "$holder" 2>/dev/null; then
        rm -rf "$lock"
    else
        sleep 1
    fi
done
echo $$ >"$lock/pid"
trap 'rm -rf "$lock"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
[ "$(cat "$stamp" 2>/dev/null)" != "$place $inputs" ] || exit 0

# Without a stamp of this place the environment is foreign, moved or half made: start from nothing.
case "$(cat "$stamp" 2>/dev/null)" in
"$place "*) [ -x .venv/bin/python ] || "$python" -m venv --clear .venv ;;
*)
    echo "arnia: making .venv with $("$python" --version)" >&2
    "$python" -m venv --clear .venv
    ;;
esac
rm -f "$stamp"

pip() {
    .venv/bin/python -m pip --no-input --disable-pip-version-check --quiet "$@"
}

# uv is twenty times faster than pip; pip takes over where only pip is configured to reach a registry.
install() {
    .venv/bin/uv pip install --quiet --python .venv/bin/python --compile-bytecode "$@" 2>/dev/null || pip install "$@"
}

echo "arnia: installing requirements/dev.txt" >&2
pip install --require-hashes --no-deps --only-binary :all: -r requirements/installer.txt ||
    missing "The requirements could not be fetched: no package registry answers." "scripts/bootstrap.sh"
install --require-hashes --no-deps --only-binary :all: -r requirements/dev.txt ||
    missing "The requirements could not be installed; pip says above why." "scripts/bootstrap.sh"
# A repository of an ecosystem may need more; an empty list is no fault.
[ ! -s requirements/own.txt ] || install -r requirements/own.txt ||
    missing "requirements/own.txt could not be installed; pip says above why." "scripts/bootstrap.sh"
# Arnia itself: from the sources of this repository, or as the wheel that a repository of an ecosystem brings along.
set -- --editable .
[ ! -d wheels ] || set -- --force-reinstall wheels/*.whl
for project in services/*/pyproject.toml; do
    [ ! -e "$project" ] || set -- "$@" --editable "$(dirname "$project")"
done
# The build backend is among the requirements, so that building the project fetches nothing unhashed.
install --no-deps --no-build-isolation "$@" ||
    missing "The project itself could not be installed; pip says above why." "scripts/bootstrap.sh"
echo "$place $inputs" >"$stamp"
