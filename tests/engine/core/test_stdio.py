"""The program in broken surroundings: words and an exit code, never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ENGINE = f"{sys.executable} -m engine"


def shell(command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=ROOT,
        env={**os.environ, "HATCHWAY_DOCKER__ENABLED": "false", **environment},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


@pytest.mark.parametrize("arguments", ["targets", "--version", ""])
def test_a_full_disk_under_the_output_is_said(arguments: str) -> None:
    done = shell(f"{ENGINE} {arguments} >/dev/full")
    assert done.returncode == 1
    assert "Standard output cannot be written: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_that_is_gone_is_said() -> None:
    done = shell(f"({ENGINE} targets; echo code $? >&2) | true")
    assert "code 1" in done.stderr
    assert "Broken pipe" in done.stderr
    assert "Traceback" not in done.stderr


def test_one_who_wants_the_first_line_gets_it() -> None:
    done = shell(f"{ENGINE} targets | head -1")
    assert (done.stdout, done.stderr) == ("This computer  running\n", "")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_descriptors_are_no_hindrance(closed: str) -> None:
    done = shell(f"{ENGINE} targets {closed}; echo code $?")
    assert done.stdout.endswith("code 0\n")
    assert "Traceback" not in done.stderr


def test_what_is_opened_first_is_not_standard_output() -> None:
    code = (
        "from engine.core import stdio; stdio.open_closed(); import os, socket;"
        "print(socket.socket().fileno() > 2, file=open('/dev/fd/9', 'w'))"
    )
    done = shell(f'{sys.executable} -c "{code}" 9>&1 <&- >&- 2>&-')
    assert done.stdout == "True\n"


@pytest.mark.parametrize(
    "variables",
    [
        {"LANG": "xx", "LC_ALL": "xx"},
        {"TERM": "\x1b[31m"},
        {"PYTHONIOENCODING": "ascii"},
        {"XDG_RUNTIME_DIR": "/does/not/exist"},
    ],
    ids=lambda value: next(iter(value)),
)
def test_odd_variables_are_no_hindrance(variables: dict[str, str]) -> None:
    done = shell(f"{ENGINE} targets", **variables)
    assert (done.returncode, done.stdout) == (0, "This computer  running\n"), done.stderr


NO_HOME = (
    "import os, pwd, sys;"
    "os.environ.pop('HOME', 0); os.environ.pop('XDG_CONFIG_HOME', 0);"
    "pwd.getpwuid = lambda _: {}['no such user'];"
    "from engine.__main__ import main; sys.exit(main([sys.argv[1]]))"
)
"""As a container's user without an entry in /etc/passwd."""


def test_no_home_at_all_is_said() -> None:
    done = shell(f'unset HATCHWAY_CONFIG_DIR; {sys.executable} -c "{NO_HOME}" targets')
    assert done.returncode == 2, done
    assert "HATCHWAY_CONFIG_DIR" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_home_but_with_a_place_for_settings_it_hosts() -> None:
    done = shell(f'{sys.executable} -c "{NO_HOME}" selftest')
    assert done.returncode == 0, done


def test_a_working_folder_that_is_gone_is_no_hindrance(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    done = shell(f"mkdir {gone}; cd {gone}; rmdir {gone}; PYTHONPATH={ROOT} {ENGINE} targets")
    assert (done.returncode, done.stdout) == (0, "This computer  running\n"), done.stderr


def test_no_free_descriptors_are_said() -> None:
    done = shell(f"ulimit -n 6; {ENGINE} targets")
    assert done.returncode == 1
    assert "Too many open files" in done.stderr
    assert "Traceback" not in done.stderr
