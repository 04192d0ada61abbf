"""What newer libraries break: ``make next``, for a scheduled job of a CI.

Makes a venv of its own (.setup/next), installs the newest versions inside our ranges and runs
the tests; then, for each library of which there is a version beyond its range, installs that
one alone and runs the tests again, with our repairs applied in spite of the version. Prints a
table; the output of each run is kept beside the venv.

Arguments go to pytest. By default all tests are run inside the ranges; beyond them those of
the modules that touch the library (engine.core.dependencies), and all for any other library.

Exits with 1 when a test fails inside our ranges: that can hit anybody who installs today.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
import venv
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

from engine.core.dependencies import TESTED

ROOT = Path(__file__).parent.parent
PLACE = ROOT / ".setup" / "next"
PYTHON = PLACE / "bin" / "python"
FAILED = 1
"""pytest's exit code when tests fail."""
SHOWN = 5
"""Failed tests listed for each run."""
USERS = {"engine.core.socketio_adapter": ("tests/engine/relay", "tests/engine/signaling")}
"""Adapters that are tested through the rooms that use them."""


@dataclass(frozen=True)
class Outcome:
    """One row of the table."""

    library: str
    version: str
    passed: bool
    summary: str
    failures: tuple[str, ...] = ()


def declared() -> list[str]:
    """What the app and its tests ask for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return [*project["project"]["dependencies"], *project["dependency-groups"]["test"]]


def limits() -> dict[str, str]:
    """Libraries with an upper limit that holds here, and that limit."""
    found = {}
    for requirement in map(Requirement, declared()):
        if requirement.marker is None or requirement.marker.evaluate():
            for spec in requirement.specifier:
                if spec.operator == "<":
                    found[requirement.name] = spec.version
    return found


def pip(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [PYTHON, "-m", "pip", "--disable-pip-version-check", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def install(*requirements: str) -> str:
    """What pip says went wrong, in a line; empty when all is installed."""
    eager = ("--upgrade", "--upgrade-strategy", "eager")
    return complaint(pip("install", "--quiet", *eager, *requirements))


def restore(frozen: str) -> None:
    """Install again what was there."""
    listed = PLACE / "frozen.txt"
    listed.write_text(frozen)
    if problem := complaint(pip("install", "--quiet", "--no-deps", "-r", str(listed))):
        sys.exit(f"next: the versions inside the ranges could not be restored: {problem}")


def complaint(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
    return (lines[-1] if lines else "pip failed") if done.returncode else ""


def installed(name: str) -> str:
    code = f"from importlib.metadata import version; print(version({name!r}))"
    done = subprocess.run([PYTHON, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def newest_beyond(name: str, limit: str) -> str:
    """The newest version from ``limit`` on that can be installed here; empty for none."""
    done = pip("install", "--dry-run", "--quiet", "--no-deps", "--report", "-", f"{name}>={limit}")
    if done.returncode:
        return ""
    items = json.loads(done.stdout)["install"]
    return str(items[0]["metadata"]["version"]) if items else ""


def own_tests(name: str) -> list[str]:
    """The tests of the rooms whose modules touch a library; [] for all tests."""
    folders: set[str] = set()
    for row in TESTED:
        for adapter in row.adapters if row.name == name else ():
            room = "/".join(["tests", *adapter.split(".")[:2]])
            folders.update(USERS.get(adapter, (room,)))
    return sorted(folders)


def test(library: str, version: str, arguments: list[str], *, untested: bool) -> Outcome:
    """Run pytest over the venv; what fails once is run again, for a busy machine fails at times."""
    environment = dict(os.environ)
    if untested:
        environment["HATCHWAY_UNTESTED"] = "1"
    log = PLACE / f"{library.replace(' ', '-')}.log"
    command = [PYTHON, "-m", "pytest", "-o", f"cache_dir={PLACE / 'cache'}"]
    for again in ([], ["--last-failed"]):
        with log.open("w") as output:
            done = subprocess.run(
                [*command, *again, *arguments],
                cwd=ROOT,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if done.returncode != FAILED:
            break
    lines = log.read_text().splitlines()
    failures = tuple(line for line in lines if re.match(r"(FAILED|ERROR) ", line))
    summary = lines[-1].strip("= ") if lines else "no output"
    return Outcome(library, version, done.returncode == 0, summary, failures)


def show(outcome: Outcome) -> None:
    mark = "ok" if outcome.passed else "BREAKS"
    print(f"{outcome.library:<20} {outcome.version:<12} {mark:<7} {outcome.summary}", flush=True)
    for failure in outcome.failures[:SHOWN]:
        print(f"    {failure}")
    if len(outcome.failures) > SHOWN:
        print(f"    and {len(outcome.failures) - SHOWN} more")


def main(arguments: list[str]) -> int:
    venv.create(PLACE, clear=True, with_pip=True)
    if problem := install(*declared()):
        print(f"next: the newest versions inside our ranges cannot be installed: {problem}")
        return 1
    frozen = pip("freeze").stdout
    inside = test("all inside", "newest", arguments, untested=False)
    show(inside)
    for name, limit in sorted(limits().items()):
        before, version = installed(name), newest_beyond(name, limit)
        if not version:
            print(f"{name:<20} {before:<12} ok      the newest there is")
            continue
        if problem := install(f"{name}=={version}"):
            show(Outcome(name, version, False, problem))
        else:
            show(test(name, version, arguments or own_tests(name), untested=True))
        restore(frozen)
    print(f"The output of each run is in {PLACE.relative_to(ROOT)}/*.log")
    return 0 if inside.passed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
