"""The page's own tests, which run in Node: both languages keep to the shared vectors."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
WEB = ROOT / "resources" / "web"


def test_the_pages_tests_pass_in_node() -> None:
    done = subprocess.run(
        [ROOT / "scripts" / "web.sh", "test"],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    ran = re.search(r"^(?:#|ℹ) pass (\d+)$", done.stdout, re.MULTILINE)
    assert ran is not None
    assert int(ran[1]) > 50, done.stdout


def test_the_lock_names_no_address_and_checks_every_package() -> None:
    lock = json.loads((WEB / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    for name, entry in packages.items():
        assert "resolved" not in entry, name
        assert entry["integrity"].startswith("sha512-"), name


def test_every_dependency_is_one_exact_version() -> None:
    package = json.loads((WEB / "package.json").read_text(encoding="utf-8"))
    for name, version in (package["dependencies"] | package["devDependencies"]).items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), name
