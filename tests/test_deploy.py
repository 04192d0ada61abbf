"""The files a relay is deployed with: they name what there is, and enough of it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from engine.cli.parser import build
from resources.deploy.pick import pick

ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "resources" / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
PACKAGES = re.findall(r'ARG PACKAGES="([^"]+)"', DOCKERFILE)[0].replace("\\\n", " ").split()
RELAY_DOC = (ROOT / "docs" / "RELAY.md").read_text(encoding="utf-8")


def test_the_image_installs_all_that_a_relay_imports_and_it_is_locked() -> None:
    lock = (ROOT / "requirements" / "app.lock").read_text(encoding="utf-8")
    assert pick(lock, PACKAGES).count("==") >= len(PACKAGES)
    with pytest.raises(KeyError):
        pick(lock, ["nothing"])
    # A relay's process, told that nothing else is there.
    code = f"""
import sys
from importlib.metadata import packages_distributions
allowed = set({PACKAGES!r})
distributions = packages_distributions()
class Refuse:
    def find_spec(self, name, path=None, target=None):
        owners = set(distributions.get(name.partition('.')[0], ()))
        if owners and not owners & {{*allowed, *(n.replace('-', '_') for n in allowed)}}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Refuse())
from engine.__main__ import main
main(['relay', '--help'])
"""
    begin = code.replace("main(['relay', '--help'])", "import engine.relay, engine.relay.server")
    done = subprocess.run(
        [sys.executable, "-c", begin],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_what_the_image_copies_is_there() -> None:
    for source in re.findall(r"^COPY (.+) \S+$", DOCKERFILE, re.MULTILINE):
        for path in source.split():
            # The page is built, not kept.
            assert (ROOT / path).exists() or path == "resources/web/dist", path


def test_the_unit_is_one_that_systemd_reads(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        # Not in a bare container: then at least every line is a setting of a section.
        for line in (DEPLOY / "hatchway-relay.service").read_text("utf-8").splitlines():
            assert re.fullmatch(r"(#.*|\[\w+\]|\w+=.+|)", line), line
        return
    unit = tmp_path / "hatchway-relay.service"
    text = (DEPLOY / "hatchway-relay.service").read_text(encoding="utf-8")
    unit.write_text(re.sub(r"^ExecStart=\S+", f"ExecStart={sys.executable}", text, flags=re.M))
    done = subprocess.run(
        ["systemd-analyze", "verify", unit],
        capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "SYSTEMD_LOG_LEVEL": "warning"},
    )  # fmt: skip
    assert unit.name not in done.stderr, done.stderr


def test_every_flag_in_the_page_exists() -> None:
    known = build().format_help() + _relay_help()
    for flag in set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", RELAY_DOC)):
        assert flag in known or flag in {"--now"}, flag


def _relay_help() -> str:
    done = subprocess.run(
        [sys.executable, "-m", "engine", "relay", "--help"],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.stdout


def denied_peers() -> list[tuple[int, int, int]]:
    """IP version, first and last address of each range that the TURN recipe denies."""
    lines = re.findall(r"^denied-peer-ip=(\S+)$", RELAY_DOC, re.MULTILINE)
    pairs = [tuple(ip_address(end) for end in line.split("-")) for line in lines]
    assert all(first.version == last.version for first, last in pairs)
    return [(first.version, int(first), int(last)) for first, last in pairs]


@pytest.mark.parametrize(
    "network",
    [
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15",
        "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "::/128", "::1/128", "::ffff:0:0/96", "::7f00:1/128", "64:ff9b::/96", "64:ff9b:1::/48",
        "100::/64", "2001::/32", "2001:2::/48", "2001:db8::/32", "2002::/16", "3fff::/20",
        "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
    ],
)  # fmt: skip
def test_the_turn_recipe_reaches_no_network_that_is_not_public(network: str) -> None:
    net = ip_network(network)
    first, last = int(net.network_address), int(net.broadcast_address)
    assert any(
        version == net.version and low <= first and last <= high
        for version, low, high in denied_peers()
    )


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "8.8.8.8", "193.0.0.1", "2001:4860:4860::8888", "2a00:1450::1", "2606::1"],
)
def test_the_turn_recipe_reaches_guests(address: str) -> None:
    ip = ip_address(address)
    assert not any(
        version == ip.version and low <= int(ip) <= high for version, low, high in denied_peers()
    )
