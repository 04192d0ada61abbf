#!/usr/bin/env bash
# Recompiles requirements/*.lock from pyproject.toml: exact versions and hashes
# for every supported Python (3.11 up) and platform, in one file per group.
# Owns the locks. Does not own installing from them: that is scripts/setup.sh.
#
# Needs uv. The versions already locked are kept while they satisfy
# pyproject.toml; UPGRADE=1 takes the newest.
set -euo pipefail
cd "$(dirname "$0")/.."

if command -v uv >/dev/null; then
    uv=(uv)
elif [[ -x .venv/bin/uv ]]; then
    uv=(.venv/bin/uv)
else
    echo "lock: uv is needed: https://docs.astral.sh/uv/" >&2
    exit 1
fi

options=(--universal --python-version 3.11 --generate-hashes --no-header --no-annotate
    # No address of any index goes into a lock, and no setting of this machine's.
    --no-emit-index-url --no-emit-find-links --no-config --quiet)
if [[ -n "${UPGRADE:-}" ]]; then
    options+=(--upgrade)
fi

mkdir -p requirements
# Each group is locked under the constraints of those before it, so that any
# of them can be installed together.
"${uv[@]}" pip compile "${options[@]}" pyproject.toml --output-file requirements/app.lock
constraints=(--constraint requirements/app.lock)
for group in test check build node; do
    "${uv[@]}" pip compile "${options[@]}" "${constraints[@]}" \
        --group "$group" --output-file "requirements/$group.lock"
    constraints+=(--constraint "requirements/$group.lock")
done
wc -l requirements/*.lock
