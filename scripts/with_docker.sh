#!/usr/bin/env bash
# Runs a command with a Docker Engine that holds the project's test images:
#
#   scripts/with_docker.sh COMMAND [ARGUMENT...]
#
# Owns starting a dockerd when none answers and we may (root, no systemd
# service to ask), and ending the one it started, whatever happens. With no
# engine to be had the command runs all the same, told by nothing but the
# engine's absence; with CI set that is an error. Needs .venv (scripts/setup.sh).
set -euo pipefail
cd "$(dirname "$0")/.."

PYTHON=.venv/bin/python
START_SECONDS=60
LOG=.setup/dockerd.log
started=""

say() { echo "docker: $*"; }

if [ ! -x "$PYTHON" ]; then
    say "there is no $PYTHON: run scripts/setup.sh first" >&2
    exit 1
fi

# Prints nothing when an engine answers, else why not.
problem() {
    "$PYTHON" - 2>&1 <<'PYTHON' || true
import docker, docker.errors, requests
try:
    docker.from_env(timeout=10).ping()
except (docker.errors.DockerException, requests.RequestException, OSError) as error:
    text = str(error)
    if "Permission" in text:
        print("this user may not use it (add yourself to the group docker, then log in again)")
    else:
        print("none answers" if "No such file" in text or "refused" in text else text)
PYTHON
}

wait_ready() { # wait_ready PID
    local deadline=$((SECONDS + START_SECONDS))
    while [ "$SECONDS" -lt "$deadline" ] && kill -0 "$1" 2>/dev/null; do
        [ -n "$(problem)" ] || return 0
        sleep 0.2
    done
    return 1
}

stop_engine() {
    [ -n "$started" ] || return 0
    kill "$started" 2>/dev/null || true
    wait "$started" 2>/dev/null || true
    started=""
}

# As the distribution would start it; then with only what a container without
# the rights to set up networks and overlays allows.
start_engine() {
    local flags
    mkdir -p .setup
    PATH=$PATH:/usr/sbin:/sbin
    for flags in "" "--iptables=false --ip6tables=false --bridge=none --storage-driver=vfs"; do
        # shellcheck disable=SC2086
        dockerd $flags >"$LOG" 2>&1 &
        started=$!
        wait_ready "$started" && return 0
        stop_engine
    done
    tail -n 5 "$LOG" >&2
    return 1
}

trap stop_engine EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

reason=$(problem)
if [ -n "$reason" ] && [ -z "${DOCKER_HOST:-}" ] && [ "$(id -u)" = 0 ]; then
    if [ -d /run/systemd/system ] && systemctl cat docker.service >/dev/null 2>&1; then
        say "starting the docker service"
        systemctl start docker.service || true
        reason=$(problem)
    elif [ -x "$(PATH=$PATH:/usr/sbin:/sbin command -v dockerd || true)" ]; then
        say "starting dockerd; it ends with this command (log: $LOG)"
        start_engine || true
        reason=$(problem)
    fi
fi

if [ -n "$reason" ]; then
    say "no Docker Engine: $reason"
    if [ -n "${CI:-}" ]; then
        exit 1
    fi
    say "going on without: what needs one is skipped, and says so"
elif ! "$PYTHON" -m tests.images; then
    say "the test images could not be made; the reason is above"
    if [ -n "${CI:-}" ]; then
        exit 1
    fi
fi

# Not exec: the engine we started must be ended afterwards.
"$@"
