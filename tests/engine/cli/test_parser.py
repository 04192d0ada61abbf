"""One command line for both programs: what its flags mean, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.cli.parser import Command, CommandLine, parse
from engine.core.model import LOCAL_TARGET

ACCEPTED: list[tuple[str, Command, dict[str, object]]] = [
    ("", Command.HOST, {}),
    ("host", Command.HOST, {}),
    ("--headless", Command.HOST, {}),
    ("host --headless", Command.HOST, {}),
    ("--log-level debug", Command.HOST, {"log_level": "DEBUG"}),
    ("--docker-host tcp://x:1", Command.HOST, {"docker.engines": [{"url": "tcp://x:1"}]}),
    ("--relay http://a", Command.HOST, {"relay.url": "http://a", "relay.others": []}),
    (
        "--relay http://a --relay http://b --relay-token t",
        Command.HOST,
        {"relay.url": "http://a", "relay.others": ["http://b"], "relay.token": "t"},
    ),
    (
        "--share web --share db=view --share *",
        Command.HOST,
        {"share.targets": ["web", "*"], "share.links": ["db=view"]},
    ),
    ("host --share db=ask", Command.HOST, {"share.targets": [], "share.links": ["db=ask"]}),
    ("--links-json", Command.HOST, {}),
    (
        "--link-seconds 60 --single-use --unattended view",
        Command.HOST,
        {"share.link_seconds": 60.0, "share.single_use": True, "share.unattended": "view"},
    ),
    (
        "--public-url http://p --relay-only",
        Command.HOST,
        {"relay.public_url": "http://p", "ice.relay_only": True},
    ),
    ("--session-timeout 5", Command.HOST, {"session.timeout": 5.0}),
    ("--record", Command.HOST, {"recording.enabled": True}),
    ("--listen [::1]:80", Command.HOST, {"relay.host": "::1", "relay.port": "80"}),
    ("--listen :80", Command.HOST, {"relay.host": "127.0.0.1", "relay.port": "80"}),
    ("--config some.toml", Command.HOST, {}),
    ("relay", Command.RELAY, {}),
    (
        "relay --listen 0.0.0.0:80 --turn stun:a --turn stun:b",
        Command.RELAY,
        {"relay.host": "0.0.0.0", "relay.port": "80"},
    ),
    ("--log-level info relay", Command.RELAY, {"log_level": "INFO"}),
    ("targets --json", Command.TARGETS, {}),
    ("--share web targets", Command.TARGETS, {"share.targets": ["web"], "share.links": []}),
    ("recordings", Command.RECORDINGS, {}),
    ("recordings --json --delete a --delete b", Command.RECORDINGS, {}),
    ("selftest --target web", Command.SELFTEST, {}),
    (
        "--session-timeout 5 selftest --json --relay-only",
        Command.SELFTEST,
        {"session.timeout": 5.0, "ice.relay_only": True},
    ),
    ("--selftest --json", Command.SELFTEST, {}),
    ("--json --target web --selftest", Command.SELFTEST, {}),
    ("share", Command.SHARE, {}),
    ("share web --view --ask --keep --no-attach --json", Command.SHARE, {}),
    (
        "share --expires 1d12h --relay http://a web",
        Command.SHARE,
        {"share.link_seconds": 129600.0, "relay.url": "http://a", "relay.others": []},
    ),
    ("share --command top --view -d 1", Command.SHARE, {}),
    ("share --record", Command.SHARE, {"recording.enabled": True}),
    ("share --link-seconds 60", Command.SHARE, {"share.link_seconds": 60.0}),
    ("connect http://a/s/b#c", Command.CONNECT, {}),
    ("connect --view --raw --name Tom http://a/s/b#c", Command.CONNECT, {}),
    ("orphans", Command.ORPHANS, {}),
    ("orphans --end --kept --json", Command.ORPHANS, {}),
    (
        "orphans --docker-host tcp://x:1",
        Command.ORPHANS,
        {"docker.engines": [{"url": "tcp://x:1"}]},
    ),
    ("connect --relay-only http://a/s/b#c", Command.CONNECT, {"ice.relay_only": True}),
]
REFUSED = [
    ("--no-such-flag", "--no-such-flag"),
    ("nonsense", "nonsense"),
    ("--share", "--share"),
    ("--shar=web", "--shar"),
    ("--log-level loud", "LOUD"),
    ("--listen nonsense", "'nonsense' is not HOST:PORT"),
    ("--listen host:http", "'host:http' is not HOST:PORT"),
    ("--session-timeout soon", "--session-timeout"),
    ("--unattended maybe", "--unattended"),
    ("--json", "--json"),
    ("--target=web", "--target"),
    ("nonsense", "choose from"),
    ("--links-json relay", "--links-json is for hosting without a window: not for relay"),
    ("--links-json --selftest", "not for selftest"),
    ("relay --share web", "--share"),
    ("relay --turn-ttl long", "--turn-ttl"),
    ("relay --selftest", "relay"),
    ("targets --target web", "--target"),
    ("recordings --delete", "--delete"),
    ("recordings --record", "--record"),
    ("share web db", "db"),
    ("share --view --also-view", "--also-view"),
    ("share --expires 90x", "'90x' is not a duration"),
    ("share --links-json", "not for share"),
    ("--view", "--view"),
    ("connect", "LINK"),
    ("orphans --kept", "--kept requires --end"),
    ("orphans --share web", "--share"),
    ("--end", "--end"),
    ("connect --share web http://a/s/b#c", "--share"),
]


@pytest.mark.parametrize(("words", "command", "settings"), ACCEPTED, ids=lambda v: str(v)[:40])
def test_both_programs_read_the_same(
    words: str, command: Command, settings: dict[str, object]
) -> None:
    alone = parse(words.split(), prog="python -m engine")
    headless = parse(["--headless", *words.split()], prog="hatchway", window=True)
    assert (alone.command, alone.settings) == (command, settings)
    assert headless == alone


@pytest.mark.parametrize(("words", "named"), REFUSED)
def test_both_programs_refuse_the_same(
    words: str, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said = []
    for window, before in ((False, []), (True, ["--headless"])):
        with pytest.raises(SystemExit) as ended:
            parse([*before, *words.split()], prog="hatchway", window=window)
        assert ended.value.code == 2
        said.append(capsys.readouterr().err.splitlines()[-1])
    assert named in said[0]
    assert said[0] == said[1]


@pytest.mark.parametrize(("words", "command", "settings"), ACCEPTED, ids=lambda v: str(v)[:40])
def test_with_a_window_every_flag_means_the_same(
    words: str, command: Command, settings: dict[str, object]
) -> None:
    if "--links-json" in words:
        with pytest.raises(SystemExit):
            parse(words.split(), window=True)
        return
    line = parse(words.split(), window=True)
    opens = command is Command.HOST and "host" not in words.split() and "--headless" not in words
    assert line.command is (Command.WINDOW if opens else command)
    assert line.settings == settings
    assert line.headless() == parse(words.split())


def test_only_flags_that_were_given_are_options() -> None:
    assert parse([]).options == {}
    assert parse(["relay", "--turn-only", "--turn", "stun:a"]).options == {
        "turn_only": True,
        "turn": ["stun:a"],
    }
    assert parse(["selftest"]).options == {"target": LOCAL_TARGET}
    assert parse(["--links-json"]).options == {"links_json": True}


def test_the_settings_file_is_a_path() -> None:
    assert parse(["--config", "a/b.toml", "targets"]) == CommandLine(
        Command.TARGETS, Path("a/b.toml")
    )


def test_the_help_names_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    helps = []
    for window in (False, True):
        with pytest.raises(SystemExit) as ended:
            parse(["--help"], prog="hatchway", window=window)
        assert ended.value.code == 0
        helps.append(capsys.readouterr().out)
    assert "host without a window (the default)" in helps[0]
    assert "(the default)" not in helps[1]


@pytest.mark.parametrize("flag", [["--command", "grep"], ["--command=grep"]])
def test_all_after_command_is_the_program_s(flag: list[str]) -> None:
    program = ["--view", "--", "--selftest", "--command", "-h"]
    line = parse(["share", "web", "--ask", *flag, *program])
    assert line.command is Command.SHARE
    assert line.options == {"target": "web", "ask": True, "program": ["grep", *program]}


LINK = "https://relay.example/s/abcdefgh#secret"


def test_a_link_at_the_beginning_is_for_the_window() -> None:
    line = parse([LINK, "--log-level", "INFO"], window=True)
    assert (line.command, line.options["link"]) == (Command.WINDOW, LINK)
    # It may be the value of a flag, or of a command.
    assert "link" not in parse(["--relay", "https://relay.example"], window=True).options
    assert parse(["connect", LINK], window=True).command is Command.CONNECT


@pytest.mark.parametrize(
    ("arguments", "window"),
    [([LINK, "targets"], True), ([LINK, "--headless"], True), ([LINK], False)],
)
def test_a_link_where_there_is_no_window_is_refused(arguments: list[str], window: bool) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(arguments, window=window)
    assert ended.value.code == 2
