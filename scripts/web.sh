#!/usr/bin/env bash
# What runs in Node: scripts/web.sh build | check | test | oracle | node ARGUMENT...
#
#   build   make resources/web/dist, the guests' page, when it is older than its source
#   check   types of the page's source       test  its tests, in Node
#   oracle  fetch what the terminal's emulator is compared with
#
# Owns Node and npm: the machine's, or, where there is none, Node from PyPI in
# .venv (requirements/node.lock). Packages come from the package-lock.json of
# their folder, with checked hashes; none of their scripts run. Needs .venv
# (scripts/setup.sh).
set -euo pipefail
cd "$(dirname "$0")/.."

VENV=$PWD/.venv
WEB=resources/web
ORACLE=tests/engine/emulator/oracle
NODE_LEAST=20

say() { echo "page: $*"; }

new_enough() { # new_enough NODE
    "$1" -e "process.exit(+(process.versions.node.split('.')[0] < $NODE_LEAST))" 2>/dev/null
}

# Puts a Node that is new enough, and its npm, first in PATH.
find_node() {
    if command -v npm >/dev/null && command -v node >/dev/null && new_enough node; then
        return
    fi
    if ! { [ -x "$VENV/bin/node" ] && cmp -s requirements/node.lock "$VENV/.hatchway/node.lock"; }; then
        say "no Node $NODE_LEAST or newer here: installing it from PyPI into .venv"
        "$VENV/bin/python" -m pip --disable-pip-version-check -qq install \
            --require-hashes --only-binary :all: -r requirements/node.lock
        mkdir -p "$VENV/.hatchway"
        cp requirements/node.lock "$VENV/.hatchway/node.lock"
    fi
    export PATH=$VENV/bin:$PATH
}

fetched() { # fetched FOLDER
    [ "$1/node_modules/.package-lock.json" -nt "$1/package-lock.json" ]
}

packages() { # packages FOLDER
    ! fetched "$1" || return 0
    say "fetching the locked packages of $1"
    (cd "$1" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
    touch "$1/node_modules/.package-lock.json"
}

fresh() {
    [ -f "$WEB/dist/index.html" ] && [ -z "$(find "$WEB/src" "$WEB/build.js" "$WEB/package-lock.json" \
        resources/icons/app.svg -newer "$WEB/dist/index.html")" ]
}

case "${1:-}" in
    build)
        ! fresh || exit 0
        find_node
        packages "$WEB"
        say "building $WEB/dist"
        (cd "$WEB" && node build.js)
        ;;
    check)
        find_node
        packages "$WEB"
        (cd "$WEB" && node node_modules/typescript/bin/tsc --project jsconfig.json)
        say "types are right"
        ;;
    test)
        find_node
        packages "$WEB"
        (cd "$WEB" && node --test)
        ;;
    oracle)
        ! fetched "$ORACLE" || exit 0
        find_node
        packages "$ORACLE"
        ;;
    node)
        shift
        find_node
        exec node "$@"
        ;;
    *)
        echo "page: scripts/web.sh build | check | test | oracle | node ARGUMENT..." >&2
        exit 2
        ;;
esac
