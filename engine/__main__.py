"""The command line: host headless, run a relay, list targets, test oneself.

Owns flags, what is printed and exit codes: 0 for a clean end (by a signal, too),
1 for a failed self-test or surroundings that do not allow it, 2 for flags or
settings that cannot be used. Does not own any behaviour behind it.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import os
import sys
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.core import log, settings, stdio, stop_signals
from engine.core.errors import HatchwayError, SettingsError
from engine.core.model import ASK, LOCAL_TARGET, DockerStatus, EngineState
from engine.core.text import shown

if TYPE_CHECKING:
    from engine.agent.agent import Agent
    from engine.client.selftest_report import SelfTestReport, StageResult

logger = logging.getLogger(__name__)

USAGE_ERROR = 2
CATALOGUE_SECONDS = 5.0
"""How long ``targets`` and ``selftest`` wait for Docker's first word."""
RELAY_SECONDS = 10.0
MAX_LINE = 1000
"""Characters of a printed line that repeats what a container, an engine or a relay said."""


class _Version(argparse.Action):
    """As "version" does, without an import that only it needs."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from engine.cli.version import version

        stdio.say(version())
        parser.exit()


def parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--config", type=Path, metavar="FILE", help="settings file to read")
    common.add_argument(
        "--log-level",
        type=str.upper,
        choices=log.LEVELS,
        metavar="LEVEL",
        help="one of " + ", ".join(log.LEVELS),
    )
    common.add_argument("--docker-host", metavar="URL", help="Docker engine to use")
    hosting = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    hosting.add_argument(
        "--relay",
        action="append",
        metavar="URL",
        help="register at this relay instead of running one; "
        "further ones are tried while it is away",
    )
    hosting.add_argument("--relay-token", metavar="TOKEN", help="the agent's token at that relay")
    hosting.add_argument(
        "--share",
        action="append",
        metavar="NAME[=ROLE]",
        help="a target guests may open without asking, '*' for every container; "
        "with =control, =view or =ask make a link to it; repeatable",
    )
    hosting.add_argument(
        "--links-json",
        action="store_true",
        help="print one JSON object a line for each link, and nothing else",
    )
    hosting.add_argument(
        "--link-seconds",
        type=float,
        metavar="SECONDS",
        help="how long those links let guests in; default: as long as we run",
    )
    hosting.add_argument("--single-use", action="store_true", help="each link works once")
    hosting.add_argument(
        "--unattended",
        choices=("deny", "view", "control"),
        help="what a guest of an =ask link gets while nobody is there to ask",
    )
    hosting.add_argument("--public-url", metavar="URL", help="what links begin with")
    hosting.add_argument(
        "--relay-only", action="store_true", help="use no path but through a TURN server"
    )
    hosting.add_argument(
        "--session-timeout",
        type=float,
        metavar="SECONDS",
        help="close a guest's session after this long without input and output (0: never)",
    )
    hosting.add_argument("--listen", metavar="HOST:PORT", help="where the app's own relay listens")
    top = argparse.ArgumentParser(
        prog="python -m engine",
        description="Host terminals into containers and this computer, without a window.",
        parents=[common, hosting],
    )
    top.add_argument("--version", action=_Version, nargs=0, help="say what this is and exit")
    commands = top.add_subparsers(dest="command", title="other commands", metavar="COMMAND")
    relay = commands.add_parser(
        "relay", parents=[common], help="run a relay alone", argument_default=argparse.SUPPRESS
    )
    relay.add_argument("--listen", metavar="HOST:PORT", help="default 127.0.0.1 and any free port")
    relay.add_argument("--agent-token", metavar="TOKEN", help="random when not given")
    relay.add_argument("--guest-token", metavar="TOKEN", help="random when not given")
    relay.add_argument("--tls-cert", metavar="FILE")
    relay.add_argument("--tls-key", metavar="FILE")
    relay.add_argument(
        "--public-url",
        metavar="URL",
        help="the address guests use, where a proxy or balancer stands before",
    )
    relay.add_argument("--redis", metavar="URL", help="share agents with the other relays there")
    relay.add_argument(
        "--agent-keys", metavar="FILE", help="public keys of agents that need no token, one a line"
    )
    relay.add_argument(
        "--turn",
        action="append",
        metavar="URL",
        help="stun:, turn: or turns: address to hand out; repeatable",
    )
    relay.add_argument(
        "--turn-secret",
        metavar="TEXT",
        help="coturn's static-auth-secret; better in HATCHWAY_TURN_SECRET",
    )
    relay.add_argument("--turn-ttl", type=int, metavar="SECONDS")
    relay.add_argument(
        "--turn-only", action="store_true", help="guests and hosts use no path but through TURN"
    )
    relay.add_argument(
        "--metrics-token",
        metavar="TOKEN",
        help="for /metrics; without one only loopback may read it",
    )
    relay.add_argument(
        "--proxy",
        action="append",
        metavar="NETWORK",
        help="whose X-Forwarded-For is believed; repeatable",
    )
    relay.add_argument("--access-log", metavar="FILE", help="one JSON object a line; - for stdout")
    relay.add_argument("--max-connections", type=int, metavar="N")
    relay.add_argument("--max-per-address", type=int, metavar="N")
    targets = commands.add_parser("targets", parents=[common], help="list what can be opened")
    targets.add_argument("--json", action="store_true", help="as one JSON object")
    test = commands.add_parser(
        "selftest", parents=[common, hosting], help="connect to this very app and check every stage"
    )
    test.add_argument(
        "--target", default=LOCAL_TARGET, metavar="NAME", help=f'default "{LOCAL_TARGET}"'
    )
    test.add_argument("--json", action="store_true", help="as one JSON object")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    stdio.open_closed()
    stop_signals.exit_early()
    try:
        return _run(arguments)
    except SettingsError as error:
        stdio.warn(f"Setting {error}")
        return USAGE_ERROR
    except HatchwayError as error:
        stdio.warn(f"Error: {error}")
        return 1
    except OSError as error:
        # No free descriptors, a folder that is gone: nothing a traceback would explain better.
        logger.debug("Ended by the system", exc_info=error)
        stdio.warn(f"Error: {error.strerror or error}")
        return 1
    finally:
        stdio.settle()


def _run(arguments: Sequence[str] | None) -> int:
    options = vars(parser().parse_args(arguments))
    loaded = settings.read(options.get("config"), flags=_flags(options))
    log.configure(loaded.settings.log_level.upper())
    for flaw in loaded.flaws:
        stdio.warn(f"Warning: {loaded.file}: {flaw}")
    return asyncio.run(_dispatch(options, loaded.settings))


def _flags(options: dict[str, Any]) -> dict[str, Any]:
    """Flags as dotted settings."""
    names = {
        "log_level": "log_level",
        "relay_token": "relay.token",
        "session_timeout": "session.timeout",
        "link_seconds": "share.link_seconds",
        "single_use": "share.single_use",
        "unattended": "share.unattended",
        "public_url": "relay.public_url",
        "relay_only": "ice.relay_only",
    }
    flags = {key: options[name] for name, key in names.items() if name in options}
    if "share" in options:
        # A container's name holds no "=".
        flags["share.targets"] = [wish for wish in options["share"] if "=" not in wish]
        flags["share.links"] = [wish for wish in options["share"] if "=" in wish]
    if "relay" in options:
        flags["relay.url"], *flags["relay.others"] = options["relay"]
    if "docker_host" in options:
        flags["docker.engines"] = [{"url": options["docker_host"]}]
    if "listen" in options:
        flags["relay.host"], flags["relay.port"] = _address(options["listen"])
    return flags


def _address(text: str) -> tuple[str, str]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit():
        raise SettingsError("--listen", f"{text!r} is not HOST:PORT")
    return host.strip("[]") or "127.0.0.1", port


async def _dispatch(options: dict[str, Any], loaded: settings.Settings) -> int:
    """Run the command until it ends or a signal comes."""
    command = options.get("command")
    if command == "relay":
        await _until_signal(_relay(options, loaded))
        return 0
    if command == "targets":
        return await _until_signal(_targets(loaded, bool(options["json"]))) or 0
    if command == "selftest":
        result = await _until_signal(_self_test(loaded, options["target"], bool(options["json"])))
        return 1 if result is None else result
    await _until_signal(_host(loaded, bool(options.get("links_json"))))
    return 0


async def _until_signal(work: Coroutine[Any, Any, int]) -> int | None:
    """The work's result; None when a signal came first and it was cancelled."""
    task = asyncio.ensure_future(work)
    try:
        with stop_signals.watched(task.cancel):
            return await task
    except asyncio.CancelledError:
        return None
    finally:
        stop_signals.ignore()


def _agent(loaded: settings.Settings) -> Agent:
    """Import what it takes, without the collector: all of that stays, and to look through it
    again and again takes a twentieth of the start, and a pause each time later."""
    fresh = "engine.agent.agent" not in sys.modules
    gc.disable()
    try:
        from engine.agent.agent import Agent
    finally:
        if fresh:
            gc.freeze()
        gc.enable()
    agent = Agent(loaded)
    if agent.identity_problem:
        stdio.warn(f"Warning: {agent.identity_problem}")
    return agent


async def _host(loaded: settings.Settings, links_json: bool) -> int:
    agent = _agent(loaded)
    await agent.start()
    try:
        if links_json:
            # A link printed is a link that works.
            await agent.wait_registered(RELAY_SECONDS)
            for link in _links(agent):
                stdio.say(json.dumps(link))
        else:
            _print_invitation(agent)
        await asyncio.Event().wait()
    finally:
        await agent.stop()
    return 0


def _print_invitation(agent: Agent) -> None:
    info = agent.relay_info()
    shared = agent.targets.shared()
    lines = [
        f"Hatchway hosts as {agent.name} (agent {agent.agent_id})",
        f"Relay:       {info.url}" + (" (this app's own)" if info.embedded else ""),
    ]
    if info.embedded:
        lines.append(f"Guest token: {info.guest_token}")
        lines.append(f"In a browser: {info.url}/#token={info.guest_token}")
    if shared:
        lines.append("Shared:      " + ", ".join(shared))
    else:
        lines.append("Shared:      nothing; use --share NAME to let guests in, --share '*' for all")
    lines += (f"Link:        {a['target']} ({a['role']}): {a['url']}" for a in _links(agent))
    # In one piece: who pipes it into head(1) wants the first line and a host that goes on.
    stdio.say("\n".join([*lines, "Stop with Ctrl+C."]))


def _links(agent: Agent) -> list[dict[str, str]]:
    admission = agent.admission
    return [
        {
            "target": share.target,
            "role": ASK if share.approval else share.role.value,
            "url": admission.url(share),
        }
        for share in admission.links.active()
    ]


async def _relay(options: dict[str, Any], loaded: settings.Settings) -> int:
    from engine.relay import read_options, run_relay

    await run_relay(
        loaded.relay.host,
        loaded.relay.port,
        options.get("agent_token", loaded.relay.token),
        options.get("guest_token", loaded.relay.guest_token),
        options.get("tls_cert", ""),
        options.get("tls_key", ""),
        options=read_options(options, os.environ),
    )
    return 0


async def _targets(loaded: settings.Settings, as_json: bool) -> int:
    from engine.core.events import EventBus
    from engine.docker.engines import DockerEngines
    from engine.targets.catalogue import TargetCatalogue

    docker = DockerEngines(loaded.docker)
    catalogue = TargetCatalogue(docker, EventBus())
    catalogue.set_shared(loaded.share.targets)
    try:
        await catalogue.start()
        await catalogue.settled(CATALOGUE_SECONDS)
        found, statuses = catalogue.list(), catalogue.statuses()
    finally:
        await catalogue.stop()
        await docker.close()
    if as_json:
        rows = [
            {"id": t.id, "kind": t.kind, "name": t.name, "state": t.state, "image": t.image,
             "engine": t.engine, "shared": t.shared} for t in found
        ]  # fmt: skip
        engines = [
            {"engine": s.engine, "url": s.url, "state": s.state, "detail": s.detail}
            for s in statuses
        ]
        stdio.say(json.dumps({"targets": rows, "engines": engines}))
        return 0
    width = max((len(t.id) for t in found), default=0)
    lines = []
    for target in found:
        shared = "  shared" if target.shared else ""
        row = f"{target.id:<{width}}  {target.state:<8} {target.image}{shared}"
        lines.append(shown(row.rstrip()))
    stdio.say("\n".join(lines))
    _print_troubles(statuses)
    return 0


def _print_troubles(statuses: Sequence[DockerStatus]) -> None:
    for status in statuses:
        if status.state is not EngineState.READY:
            trouble = f"Docker ({status.engine}): {status.detail or status.state}"
            stdio.warn(shown(trouble, MAX_LINE))


async def _self_test(loaded: settings.Settings, target: str, as_json: bool) -> int:
    agent = _agent(loaded)
    await agent.start()
    try:
        await agent.targets.settled(CATALOGUE_SECONDS)
        await agent.wait_for_relay(RELAY_SECONDS)
        report = await agent.self_test(target, lambda stage: None if as_json else _print(stage))
    finally:
        await agent.stop()
    if as_json:
        stdio.say(json.dumps(report.to_json()))
    else:
        _print_verdict(report)
    return 0 if report.passed else 1


def _print(stage: StageResult) -> None:
    if stage.status == "running":
        return
    took = f"{stage.seconds * 1000:8.0f} ms" if stage.seconds else " " * 11
    line = f"{stage.status:<8}{took}  {stage.title}: {stage.detail}".rstrip(": ")
    stdio.say(shown(line, MAX_LINE))


def _print_verdict(report: SelfTestReport) -> None:
    failed = report.failed_stage
    if failed is None:
        stdio.say(f"All stages passed for {report.target}.")
    else:
        stdio.say(shown(f"Failed at “{failed.title}”: {failed.detail}", MAX_LINE))


if __name__ == "__main__":
    sys.exit(main())
