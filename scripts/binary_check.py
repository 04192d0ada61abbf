"""Checks the program made by ``make binary`` the way a stranger's machine would.

    python scripts/binary_check.py dist/hatchway

Owns the checks: it runs with no environment at all, from an empty folder that
is not the checkout, and its self-test opens a terminal over WebRTC. Does not
own the build (build.spec). Exits 1 and says what failed.
"""

from __future__ import annotations

import os
import re
import selectors
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

SELFTEST_SECONDS = 120.0
START_SECONDS = 60.0
STOP_SECONDS = 20.0
READY_WORDS = b"http://"
"""A headless host prints the address of its relay once guests can connect."""
BROWSER_WORDS = b"/#token="
"""And the one that guests open in a browser."""


class CheckFailedError(Exception):
    """Says in one sentence what the program did not do."""


def selftest(program: Path, folder: Path) -> None:
    """The self-test against a local shell must pass all stages."""
    done = subprocess.run(
        [program, "--selftest", "--target", "This computer"],
        cwd=folder,
        env={},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=SELFTEST_SECONDS,
        check=False,
    )
    sys.stdout.write(done.stdout.decode(errors="replace"))
    if done.returncode != 0:
        raise CheckFailedError(f"--selftest ended with exit code {done.returncode}")


def says_what_it_is(program: Path, folder: Path) -> None:
    """Its version, and that the terminal in it is the compiled one (scripts/compiled.py)."""
    done = subprocess.run(
        [program, "--version"],
        cwd=folder,
        env={},
        stdout=subprocess.PIPE,
        timeout=START_SECONDS,
        check=False,
    )
    said = done.stdout.decode(errors="replace")
    sys.stdout.write(said)
    if done.returncode != 0 or not said.startswith("Hatchway "):
        raise CheckFailedError(f"--version ended with exit code {done.returncode}")
    if "terminal compiled" not in said and os.environ.get("CI"):
        raise CheckFailedError("the terminal in it is not compiled")


def refuses_unknown_target(program: Path, folder: Path) -> None:
    """A self-test that cannot pass must say so with exit code 1, or the one above proves little."""
    done = subprocess.run(
        [program, "--selftest", "--target", "no such target"],
        cwd=folder,
        env={},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=SELFTEST_SECONDS,
        check=False,
    )
    if done.returncode != 1:
        sys.stdout.write(done.stdout.decode(errors="replace"))
        raise CheckFailedError(
            f"--selftest of an unknown target ended with exit code {done.returncode}, not 1"
        )


def hosts_headless(program: Path, folder: Path) -> None:
    """``--headless`` must come up, serve the guests' page, and end with exit code 0 at SIGTERM."""
    with subprocess.Popen(
        [program, "--headless"],
        cwd=folder,
        env={},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as host:
        try:
            seen = _read_until(host, BROWSER_WORDS, START_SECONDS)
            _serves_page(seen)
            host.send_signal(signal.SIGTERM)
            rest, _ = host.communicate(timeout=STOP_SECONDS)
        except BaseException:
            host.kill()
            raise
    if host.returncode != 0:
        sys.stdout.write((seen + rest).decode(errors="replace"))
        raise CheckFailedError(f"--headless ended with exit code {host.returncode} at SIGTERM")


def _serves_page(said: bytes) -> None:
    """The address for browsers that the host printed must give the page and its script."""
    found = re.search(rb"(http://[\w.:]+)/#token=", said)
    if found is None:
        raise CheckFailedError("the host printed no address for browsers")
    base = found[1].decode()
    page = _fetch(f"{base}/")
    script = re.search(r'src="(assets/page-\w+\.js)"', page)
    if script is None or "Terminal" not in _fetch(f"{base}/{script[1]}"):
        raise CheckFailedError("the relay does not serve the guests' page")


def _fetch(url: str) -> str:
    request = urllib.request.Request(url, headers={"Accept": "text/html"})
    with urllib.request.urlopen(request, timeout=STOP_SECONDS) as reply:
        return str(reply.read().decode())


def opens_window(program: Path, folder: Path) -> None:
    """The window must come up on a platform without a screen, and close at SIGTERM."""
    with subprocess.Popen(
        [program],
        cwd=folder,
        env={"QT_QPA_PLATFORM": "offscreen"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as window:
        try:
            seen = _read_until(window, READY_WORDS, START_SECONDS)
            window.send_signal(signal.SIGTERM)
            rest, _ = window.communicate(timeout=STOP_SECONDS)
        except BaseException:
            window.kill()
            raise
    if window.returncode != 0:
        sys.stdout.write((seen + rest).decode(errors="replace"))
        raise CheckFailedError(f"the window ended with exit code {window.returncode} at SIGTERM")


def _read_until(process: subprocess.Popen[bytes], words: bytes, seconds: float) -> bytes:
    """All output until ``words`` appear; CheckFailedError when they do not."""
    assert process.stdout is not None
    seen = b""
    deadline = time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while words not in seen:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                break
            chunk = os.read(process.stdout.fileno(), 65536)
            if not chunk:
                break
            seen += chunk
    if words not in seen:
        sys.stdout.write(seen.decode(errors="replace"))
        raise CheckFailedError(f"no {words.decode()!r} in its output within {seconds:.0f} s")
    return seen


CHECKS = (says_what_it_is, selftest, refuses_unknown_target, hosts_headless, opens_window)


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print(f"usage: {sys.argv[0]} PROGRAM", file=sys.stderr)
        return 2
    program = Path(arguments[0]).resolve()
    print(f"{program.name}: {program.stat().st_size / 1e6:.0f} MB")
    with tempfile.TemporaryDirectory() as folder:
        for check in CHECKS:
            began = time.monotonic()
            try:
                check(program, Path(folder))
            except (CheckFailedError, subprocess.TimeoutExpired) as error:
                print(f"FAILED {check.__name__}: {error}", file=sys.stderr)
                return 1
            print(f"passed {check.__name__} ({time.monotonic() - began:.1f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
