#!/usr/bin/env bash
# Makes the checkout ready to run: scripts/setup.sh GROUP...
#
#   app    what the program needs             test   the test-suite
#   check  ruff, mypy, import-linter          build  PyInstaller
#
# Owns the choice of Python, .venv, installing requirements/GROUP.lock into it
# with checked hashes, and the system packages of each group. Does not own the
# locks (scripts/lock.sh), the Docker Engine (scripts/with_docker.sh) or what runs
# in Node (scripts/web.sh).
#
# PYTHON=/path/to/python overrides the choice. What is already in place is not
# done again: the second run takes a fraction of a second. Works with the bash
# 3.2 of macOS.
set -euo pipefail
cd "$(dirname "$0")/.."

VENV=.venv
STAMPS=$VENV/.hatchway            # copies of the locks installed, and notes
VERSIONS="3.13 3.12 3.11"         # newest first
GROUPS_KNOWN="app test check build"

# One entry per package, Debian's names. "a|b": either will do, a is installed.
# "!command:package": not needed where the command is there by other means.
APT_app="libegl1 libgl1 libxkbcommon0 libdbus-1-3 libfontconfig1 libglib2.0-0|libglib2.0-0t64
    libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0
    libxcb-render-util0 libxcb-shape0 libxcb-xinerama0 libxcb-xkb1 fonts-dejavu-core"
APT_test="!dockerd:docker.io !iptables:iptables busybox-static xvfb xauth
    !chromium:chromium !sshd:openssh-server !ssh:openssh-client iproute2 procps
    !redis-server:redis-server !turnserver:coturn !cc:gcc libc6-dev"
APT_check=""
APT_build="!objdump:binutils !cc:gcc libc6-dev"
# The same for Fedora and its kin; only ever printed.
RPM_app="mesa-libEGL mesa-libGL libxkbcommon dbus-libs fontconfig glib2 libxkbcommon-x11
    xcb-util-cursor xcb-util-wm xcb-util-image xcb-util-keysyms xcb-util-renderutil
    dejavu-sans-mono-fonts"
RPM_test="!dockerd:moby-engine busybox xorg-x11-server-Xvfb xorg-x11-xauth chromium iproute
    !sshd:openssh-server !ssh:openssh-clients procps-ng
    !redis-server:redis !turnserver:coturn !cc:gcc glibc-devel"
RPM_check=""
RPM_build="!objdump:binutils !cc:gcc glibc-devel"

say() { echo "set-up: $*"; }
fail() { echo "set-up: $*" >&2; exit 1; }

# True when the command is there, also where an ordinary user's PATH does not look.
have() {
    command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || [ -x "/sbin/$1" ]
}

# --- System packages ---------------------------------------------------------

root_prefix() { # prints "", "sudo -n" or "sudo"; fails when we may not
    if [ "$(id -u)" = 0 ]; then echo ""
    elif have sudo && sudo -n true 2>/dev/null; then echo "sudo -n"
    else echo "sudo"; return 1
    fi
}

# The entries of a list that are not installed, as package names.
missing_packages() { # missing_packages QUERY ENTRY...
    local query=$1 names entry name found installed missing=""
    shift
    names=$(echo "$*" | tr ' ' '\n' | sed -e 's/^![^:]*://' | tr '|' '\n')
    # shellcheck disable=SC2086
    installed=" $($query $names 2>/dev/null | tr '\n' ' ' || true) "
    for entry in "$@"; do
        case $entry in
            !*) name=${entry#!}; have "${name%%:*}" && continue; entry=${name#*:} ;;
        esac
        found=""
        for name in $(echo "$entry" | tr '|' ' '); do
            case $installed in *" $name "*) found=yes ;; esac
        done
        [ -n "$found" ] || missing="$missing ${entry%%|*}"
    done
    echo $missing
}

dpkg_installed() { dpkg-query -W -f '${Status} ${Package}\n' "$@" | sed -n 's/^install ok installed //p'; }
rpm_installed() { rpm -q --qf '%{NAME}\n' "$@" | grep -v ' '; }

apt_updated=""
apt_install() { # apt_install PREFIX PACKAGE...
    local prefix=$1 package log failed=""
    shift
    log=$(mktemp)
    if [ -z "$apt_updated" ]; then
        $prefix apt-get -qq update >"$log" 2>&1 || true
        apt_updated=yes
    fi
    if ! $prefix env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq -y --no-install-recommends install "$@" >"$log" 2>&1; then
        # One name this release does not know must not cost the others.
        for package in "$@"; do
            $prefix env DEBIAN_FRONTEND=noninteractive \
                apt-get -qq -y --no-install-recommends install "$package" >"$log" 2>&1 || {
                failed="$failed $package"
                tail -n 1 "$log" >&2
            }
        done
    fi
    rm -f "$log"
    [ -z "$failed" ] || say "apt-get could not install:$failed. What needs them will say so."
}

# Says how to install what we may not; the same advice only once.
advise() {
    local note=$STAMPS/advice-$1
    [ "$(cat "$note" 2>/dev/null || true)" = "$2" ] && return
    say "these system packages are missing; going on without. To install them:"
    say "  $2"
    advice_notes="${advice_notes:-}$1=$2
"
}

system_packages() { # system_packages GROUP
    local entries missing prefix
    if have apt-get && have dpkg-query; then
        eval "entries=\$APT_$1"
        # shellcheck disable=SC2086
        missing=$(missing_packages dpkg_installed $entries)
        [ -n "$missing" ] || return 0
        if prefix=$(root_prefix); then
            say "installing with apt: $missing"
            # shellcheck disable=SC2086
            apt_install "$prefix" $missing
        else
            advise "$1" "sudo apt-get install --no-install-recommends $missing"
        fi
    elif have rpm && have dnf; then
        eval "entries=\$RPM_$1"
        # shellcheck disable=SC2086
        missing=$(missing_packages rpm_installed $entries)
        [ -z "$missing" ] || advise "$1" "sudo dnf install $missing"
    fi
    # macOS needs none: Qt's wheel brings all it uses.
}

# --- Python ------------------------------------------------------------------

# Prints the version of a Python that can make our environment; fails on a shim
# that does not run, another implementation, a free-threaded build (no wheels),
# or a Debian Python without venv.
usable() {
    "$1" -c '
import sys, sysconfig, venv, ensurepip, ssl
ok = sys.version_info >= (3, 11) and sys.implementation.name == "cpython"
if not ok or sysconfig.get_config_var("Py_GIL_DISABLED"):
    sys.exit(1)
print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null
}

candidates() { # candidates 3.13: every place a Python of this version may be
    command -v "python$1" || true
    ls -d "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1".*/bin/python 2>/dev/null | sort -t. -k3 -n -r || true
    ls -d "${XDG_DATA_HOME:-$HOME/.local/share}"/uv/python/cpython-"$1".*/bin/"python$1" 2>/dev/null || true
    local place
    for place in /usr/bin /usr/local/bin /opt/homebrew/bin /opt/local/bin \
        "/Library/Frameworks/Python.framework/Versions/$1/bin"; do
        if [ -x "$place/python$1" ]; then echo "$place/python$1"; fi
    done
    command -v python3 || true
}

find_python() {
    local version candidate found
    for version in $VERSIONS; do
        while IFS= read -r candidate; do
            found=$(usable "$candidate") || continue
            case $found in "$version".*) echo "$candidate"; return 0 ;; esac
        done <<LIST
$(candidates "$version")
LIST
    done
    return 1
}

choose_python() {
    if [ -n "${PYTHON:-}" ]; then
        usable "$PYTHON" >/dev/null ||
            fail "PYTHON=$PYTHON is no CPython 3.11 or newer with venv that runs here."
        command -v "$PYTHON"
        return
    fi
    find_python && return
    local prefix
    if have apt-get && prefix=$(root_prefix); then
        say "installing with apt: python3 python3-venv" >&2
        apt_install "$prefix" python3 python3-venv >&2
        find_python && return
    fi
    echo "set-up: Hatchway needs Python 3.13, 3.12 or 3.11, with its venv module." >&2
    echo "set-up:   Debian, Ubuntu: sudo apt-get install python3 python3-venv" >&2
    echo "set-up:   Fedora:         sudo dnf install python3.13" >&2
    echo "set-up:   macOS:          brew install python@3.13" >&2
    echo "set-up: or name one: make run PYTHON=/path/to/python3.13" >&2
    exit 1
}

make_venv() {
    if [ -f "$STAMPS/python" ] && "$VENV/bin/python" -c '' 2>/dev/null; then
        # Another Python asked for by name is a reason to start afresh.
        [ -n "${PYTHON:-}" ] || return 0
        [ "$(command -v "$PYTHON" || true)" != "$(cat "$STAMPS/python")" ] || return 0
    fi
    local python
    python=$(choose_python)
    say "making $VENV with Python $(usable "$python") ($python)"
    "$python" -m venv --clear "$VENV" || fail "$python could not make $VENV."
    mkdir -p "$STAMPS"
    echo "$python" >"$STAMPS/python"
}

# --- The locks -----------------------------------------------------------------

install_locks() { # install_locks GROUP...
    local group stale="" arguments=()
    for group in $GROUPS_KNOWN; do
        case " $* " in
            *" $group "*) ;;
            # A group installed before is kept up to date, so that no mix of locks arises.
            *) [ -f "$STAMPS/$group.lock" ] || continue ;;
        esac
        arguments+=(-r "requirements/$group.lock")
        cmp -s "requirements/$group.lock" "$STAMPS/$group.lock" || stale="$stale $group"
    done
    [ -n "$stale" ] || return 0
    say "installing the locked packages:$stale"
    "$VENV/bin/python" -m pip --disable-pip-version-check -qq install \
        --require-hashes --only-binary :all: "${arguments[@]}" ||
        fail "pip could not install the locked packages; its message is above."
    for group in $stale; do
        cp "requirements/$group.lock" "$STAMPS/$group.lock"
    done
}

# --- Main ------------------------------------------------------------------------

[ $# -gt 0 ] || set -- app
for group in "$@"; do
    case " $GROUPS_KNOWN " in *" $group "*) ;; *) fail "no such group: $group" ;; esac
done

advice_notes=""
for group in "$@"; do
    system_packages "$group"
done
make_venv
# What Debian packs apart of its Pythons. Both compile the emulator; PyInstaller needs
# libpython as a shared library, and the window's event loop must pass Python's own tests.
case $(cat "$STAMPS/python") in /usr/bin/python3*)
    library=$("$VENV/bin/python" -c 'import sys; print("libpython%d.%d" % sys.version_info[:2])')
    case " $* " in *" build "*) APT_build="$library $library-dev"; system_packages build ;; esac
    case " $* " in *" test "*) APT_test="$library-dev $library-testsuite"; system_packages test ;; esac
esac
printf '%s' "$advice_notes" | while IFS='=' read -r group advice; do
    echo "$advice" >"$STAMPS/advice-$group"
done
install_locks app "$@"
# Without it the program runs all the same: only guests in a browser would miss it.
scripts/web.sh build || {
    [ -z "${CI:-}" ] || fail "the page for guests could not be built; the reason is above."
    say "the page for guests could not be built; going on without"
}
case " $* " in *" test "*)
    scripts/web.sh oracle || {
        [ -z "${CI:-}" ] || fail "xterm.js could not be fetched; the reason is above."
        say "xterm.js could not be fetched; what is compared with it will be skipped"
    } ;;
esac
say "ready ($VENV, Python $("$VENV/bin/python" -c 'import platform; print(platform.python_version())'))"
