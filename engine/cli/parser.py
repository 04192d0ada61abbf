"""The command line of the whole program: ``python -m engine`` and ``python -m gui`` share it.

Owns flags, subcommands, their help, and the settings they set. Flags mean the same in both
programs; only the default without a subcommand differs (host, or open the window).
"""

from __future__ import annotations

import argparse
import enum
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from engine.cli import durations
from engine.core import log, stdio
from engine.core.model import LOCAL_TARGET

SELFTEST_ALIAS = "--selftest"
"""An older spelling of the command ``selftest``, accepted in any position."""


class Command(enum.StrEnum):
    """What the program does. WINDOW has no subcommand: it is the default of ``python -m gui``."""

    WINDOW = "window"
    HOST = "host"
    RELAY = "relay"
    TARGETS = "targets"
    SELFTEST = "selftest"
    SHARE = "share"
    CONNECT = "connect"
    RECORDINGS = "recordings"
    ORPHANS = "orphans"
    CTL = "ctl"


@dataclass(frozen=True, slots=True)
class CommandLine:
    """A parsed command line."""

    command: Command
    config: Path | None = None
    """The settings file to read instead of the default one."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Flags that override settings, by dotted key (see engine.core.settings.read)."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Every flag that was given, by its name with underscores; some are settings as well."""

    def headless(self) -> CommandLine:
        """The same without a window: WINDOW becomes HOST."""
        return replace(self, command=Command.HOST) if self.command is Command.WINDOW else self


def parse(
    arguments: Sequence[str] | None = None, *, prog: str = "python -m engine", window: bool = False
) -> CommandLine:
    """Parse ``arguments`` (default: those of the process).

    ``window``: without a subcommand the window opens, unless ``--headless`` is given; a first
    argument that is a link is opened in it (``options["link"]``). Raises SystemExit(2) for
    invalid arguments, after a message on standard error, and SystemExit(0) after ``--help`` and
    ``--version``.
    """
    given, program = _without_program(sys.argv[1:] if arguments is None else arguments)
    if SELFTEST_ALIAS in given:
        given = [Command.SELFTEST, *(one for one in given if one != SELFTEST_ALIAS)]
    # What begins with a link is for the window: no value of a flag comes first.
    link = given.pop(0) if window and given and "://" in given[0] else ""
    parser = build(prog, window=window)
    options = vars(parser.parse_args(given))
    if link:
        if options.get("command") or "headless" in options:
            parser.error("a link at the beginning is for the window; use connect LINK")
        options["link"] = link
    default = Command.HOST if options.pop("headless", False) or not window else Command.WINDOW
    command = Command(options.pop("command") or default)
    if program is not None:
        options["program"] = program
    if "links_json" in options and command is not Command.HOST:
        where = "add --headless" if command is Command.WINDOW else f"not for {command}"
        parser.error(f"--links-json is for hosting without a window: {where}")
    if "kept" in options and "end" not in options:
        parser.error("--kept requires --end")
    return CommandLine(command, options.pop("config", None), _settings(options), options)


def _without_program(given: Sequence[str]) -> tuple[list[str], list[str] | None]:
    """The command line up to share's ``--command``, and what follows that; None without it.

    argparse would read ``--`` and some flags of the program as ours.
    """
    for at, word in enumerate(given):
        flag, equals, first = word.partition("=")
        if flag == "--command" and Command.SHARE in given[:at]:
            return [*given[:at], flag], [*([first] if equals else []), *given[at + 1 :]]
    return list(given), None


def build(prog: str = "python -m engine", *, window: bool = False) -> _Parser:
    """The parser itself, with help for a program called ``prog``."""
    common, hosting = _common(), _hosting()
    what = "Host terminals into your containers and this computer"
    parser = _Parser(
        prog=prog,
        description=f"{what}, and watch them." if window else f"{what}, without a window.",
        epilog=f"'{prog} LINK' opens somebody else's link in the window." if window else None,
        parents=[common, hosting],
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    parser.add_argument(
        SELFTEST_ALIAS, action="store_true", help="the same as the command selftest"
    )
    commands = parser.add_subparsers(
        dest="command", title="commands", metavar="COMMAND", parser_class=_Parser
    )
    default = "" if window else " (the default)"
    commands.add_parser(
        Command.HOST.value, parents=[common, hosting], help=f"host without a window{default}"
    )
    _relay(commands.add_parser(Command.RELAY.value, parents=[common], help="run only a relay"))
    targets = commands.add_parser(
        Command.TARGETS.value, parents=[common], help="list where terminals can be opened"
    )
    targets.add_argument("--json", action="store_true", help="print one JSON object")
    test = commands.add_parser(
        Command.SELFTEST.value,
        parents=[common, hosting],
        help="run the loopback test; exit code 0 if it passes, else 1",
    )
    test.add_argument(
        "--target", default=LOCAL_TARGET, metavar="NAME", help=f'default "{LOCAL_TARGET}"'
    )
    test.add_argument("--json", action="store_true", help="print one JSON object")
    _share(
        commands.add_parser(
            Command.SHARE.value,
            parents=[common, hosting],
            help="share one terminal by a link, and type in it here; exit code of its shell",
        )
    )
    connect = commands.add_parser(
        Command.CONNECT.value,
        parents=[common],
        help="open a terminal by a link; exit code of its shell, or 1",
    )
    connect.add_argument("link", metavar="LINK", help="a link to a terminal, in quotes")
    connect.add_argument(
        "--view", action="store_true", help="only watch, also with a link that allows typing"
    )
    connect.add_argument(
        "--raw",
        action="store_true",
        help="pass the output to this terminal as it is: only for hosts that you trust",
    )
    connect.add_argument("--name", metavar="NAME", help="what the others there call you")
    connect.add_argument("--relay-only", action="store_true", help="connect only through TURN")
    recordings = commands.add_parser(
        Command.RECORDINGS.value, parents=[common], help="list or delete recordings of terminals"
    )
    recordings.add_argument("--json", action="store_true", help="print one JSON object")
    recordings.add_argument(
        "--delete", action="append", metavar="ID", help="delete this recording; repeatable"
    )
    orphans = commands.add_parser(
        Command.ORPHANS.value,
        parents=[common],
        help="list terminals that a killed Hatchway left, or end them; exit code 1 if that fails",
    )
    orphans.add_argument("--end", action="store_true", help="end them")
    orphans.add_argument(
        "--kept",
        action="store_true",
        help="with --end: also programs that asked to keep running (nohup, setsid, tmux)",
    )
    orphans.add_argument("--json", action="store_true", help="print one JSON object")
    _ctl(
        commands.add_parser(
            Command.CTL.value,
            parents=[common],
            help="list and control what the running Hatchway has; exit code 1 if that fails",
        ),
        common,
    )
    return parser


class _Parser(argparse.ArgumentParser):
    """The result has only flags that were given. No abbreviations: their meaning would change
    when a flag is added."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, argument_default=argparse.SUPPRESS, allow_abbrev=False)


class _Version(argparse.Action):
    """Like argparse's "version", but imports what it prints only when asked."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from engine.cli.version import version

        stdio.say(version())
        parser.exit()


def _common() -> _Parser:
    """Flags of every command."""
    common = _Parser(add_help=False)
    common.add_argument("--config", type=Path, metavar="FILE", help="settings file to read")
    common.add_argument(
        "--log-level",
        type=str.upper,
        choices=log.LEVELS,
        metavar="LEVEL",
        help="one of " + ", ".join(log.LEVELS),
    )
    common.add_argument("--docker-host", metavar="URL", help="Docker engine to use")
    common.add_argument("--headless", action="store_true", help="do not open a window")
    return common


def _hosting() -> _Parser:
    """Flags of commands that run an agent."""
    hosting = _Parser(add_help=False)
    hosting.add_argument(
        "--relay",
        action="append",
        metavar="URL",
        help="register at this relay instead of running one; "
        "repeat it for relays to use while the first is unreachable",
    )
    hosting.add_argument("--relay-token", metavar="TOKEN", help="the agent's token at that relay")
    hosting.add_argument(
        "--share",
        action="append",
        metavar="NAME[=ROLE]",
        help="a target guests may open without a link, '*' for every container; "
        "with =control, =view or =ask create a link to it; repeatable",
    )
    hosting.add_argument(
        "--links-json",
        action="store_true",
        help="print each link as a line of JSON, and nothing else (without a window)",
    )
    hosting.add_argument(
        "--expires",
        "--link-seconds",
        dest="link_seconds",
        type=durations.seconds,
        metavar="TIME",
        help="how long links can be opened, as 90m, 2h, 7d or seconds; "
        "default: until the program ends",
    )
    hosting.add_argument("--single-use", action="store_true", help="each link works once")
    hosting.add_argument(
        "--unattended",
        choices=("deny", "view", "control"),
        help="role of a guest with an =ask link while nobody can be asked; default: deny",
    )
    hosting.add_argument("--public-url", metavar="URL", help="base URL of links")
    hosting.add_argument("--relay-only", action="store_true", help="connect only through TURN")
    hosting.add_argument(
        "--session-timeout",
        type=float,
        metavar="SECONDS",
        help="close a guest's session after this long without input and output (0: never)",
    )
    hosting.add_argument(
        "--record", action="store_true", help="record every terminal; with share: that terminal"
    )
    hosting.add_argument(
        "--listen", type=_address, metavar="HOST:PORT", help="where our own relay listens"
    )
    return hosting


def _ctl(ctl: argparse.ArgumentParser, common: _Parser) -> None:
    actions = ctl.add_subparsers(
        dest="action", title="actions", metavar="ACTION", parser_class=_Parser, required=True
    )

    def action(name: str, help_: str) -> argparse.ArgumentParser:
        return actions.add_parser(name, parents=[common], help=help_)

    for name, what in (("shells", "terminals and their guests"), ("links", "links and their URLs")):
        listing = action(name, f"list {what}")
        listing.add_argument("--json", action="store_true", help="print one JSON object")
    for name, what in (("freeze", "let no guest type"), ("thaw", "let guests type again")):
        action(name, what).add_argument(
            "shell", nargs="?", metavar="SHELL", help="the beginning of its id; default: all"
        )
    action("lock", "freeze all guests and pause all links")
    action("unlock", "let guests type and links work again")
    end = action("end", "end a terminal and its programs")
    end.add_argument("shell", metavar="SHELL", help="the beginning of its id")
    end.add_argument(
        "--everything",
        action="store_true",
        help="also programs that asked to keep running (nohup, setsid, tmux)",
    )
    for name, what in (("approve", "let a waiting guest in"), ("deny", "refuse a waiting guest")):
        decide = action(name, what)
        decide.add_argument("session", metavar="SESSION", help="as in the event ApprovalRequested")
        decide.add_argument(
            "--remember", action="store_true", help="apply it to all guests of that link"
        )
        if name == "approve":
            decide.add_argument("--view", action="store_true", help="the guest only watches")
    events = action("events", "print each event as a line of JSON")
    events.add_argument(
        "--decide",
        action="store_true",
        help="somebody approves guests by these lines: guests wait for ctl approve",
    )


def _share(share: argparse.ArgumentParser) -> None:
    share.add_argument(
        "target", nargs="?", metavar="TARGET", help=f'a container; default "{LOCAL_TARGET}"'
    )
    roles = share.add_mutually_exclusive_group()
    roles.add_argument("--view", action="store_true", help="guests only watch")
    roles.add_argument(
        "--also-view", action="store_true", help="make a second link, for guests who only watch"
    )
    share.add_argument("--ask", action="store_true", help="ask here before a guest joins")
    share.add_argument(
        "--no-attach", action="store_true", help="do not use this terminal for the shell"
    )
    share.add_argument(
        "--keep", action="store_true", help="go on hosting after this terminal has left the shell"
    )
    share.add_argument(
        "--json",
        action="store_true",
        help="print a JSON object per link, and nothing else; with it there is no terminal here",
    )
    share.add_argument(
        "--command",
        dest="program",
        nargs=argparse.REMAINDER,
        metavar="CMD",
        help="a program with its arguments instead of the target's shell; the last flag",
    )


def _relay(relay: argparse.ArgumentParser) -> None:
    relay.add_argument(
        "--listen",
        type=_address,
        metavar="HOST:PORT",
        help="default 127.0.0.1 and any free port",
    )
    relay.add_argument("--agent-token", metavar="TOKEN", help="default: random")
    relay.add_argument("--guest-token", metavar="TOKEN", help="default: random")
    relay.add_argument("--tls-cert", metavar="FILE")
    relay.add_argument("--tls-key", metavar="FILE")
    relay.add_argument(
        "--public-url",
        metavar="URL",
        help="public URL of the relay when it is behind a proxy or load balancer",
    )
    relay.add_argument("--redis", metavar="URL", help="share agents with the other relays there")
    relay.add_argument(
        "--agent-keys",
        metavar="FILE",
        help="public keys of agents that need no token, one per line",
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
        "--turn-only", action="store_true", help="guests and hosts connect only through TURN"
    )
    relay.add_argument(
        "--metrics-token",
        metavar="TOKEN",
        help="required to read /metrics; without one only loopback may read it",
    )
    relay.add_argument(
        "--proxy",
        action="append",
        metavar="NETWORK",
        help="network of proxies whose X-Forwarded-For is trusted; repeatable",
    )
    relay.add_argument("--access-log", metavar="FILE", help="JSON lines; - for standard output")
    relay.add_argument("--max-connections", type=int, metavar="N")
    relay.add_argument("--max-per-address", type=int, metavar="N")


def _address(text: str) -> tuple[str, str]:
    """Host and port; the settings check the port's range."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return host.strip("[]") or "127.0.0.1", port


_SETTINGS = {
    "log_level": "log_level",
    "relay_token": "relay.token",
    "session_timeout": "session.timeout",
    "link_seconds": "share.link_seconds",
    "single_use": "share.single_use",
    "unattended": "share.unattended",
    "public_url": "relay.public_url",
    "relay_only": "ice.relay_only",
    "record": "recording.enabled",
}
"""Flags that set one setting each, and its dotted key."""


def _settings(options: Mapping[str, Any]) -> dict[str, Any]:
    settings = {key: options[name] for name, key in _SETTINGS.items() if name in options}
    if "share" in options:
        # A container's name contains no "=".
        settings["share.targets"] = [one for one in options["share"] if "=" not in one]
        settings["share.links"] = [one for one in options["share"] if "=" in one]
    if "relay" in options:
        settings["relay.url"], *settings["relay.others"] = options["relay"]
    if "docker_host" in options:
        settings["docker.engines"] = [{"url": options["docker_host"]}]
    if "listen" in options:
        settings["relay.host"], settings["relay.port"] = options["listen"]
    return settings
