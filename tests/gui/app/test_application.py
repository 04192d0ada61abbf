"""The program as a whole: flags, no display, settings errors, signals, clean ends."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QMessageBox
from pytestqt.qtbot import QtBot

from engine.cli.version import version
from engine.core.errors import SettingsError
from gui.app import application as app_module
from gui.app.application import EXIT_DISPLAY, EXIT_NO_WINDOW, EXIT_SETTINGS
from gui.app.display import explain, is_configured

ROOT = Path(__file__).parents[3]
START_SECONDS = 30.0


def environment(config_dir: Path, **extra: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("HATCHWAY_", "QT_"))}
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        kept.pop(name, None)
    return {**kept, "HATCHWAY_CONFIG_DIR": str(config_dir), **extra}


async def start(*args: str, env: dict[str, str]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gui", *args),
        cwd=ROOT,
        env=env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def read_until(stream: asyncio.StreamReader | None, mark: bytes) -> bytes:
    assert stream is not None
    seen = b""
    async with asyncio.timeout(START_SECONDS):
        while mark not in seen:
            line = await stream.readline()
            assert line, f"ended before {mark!r}: {seen!r}"
            seen += line
    return seen


@pytest.mark.parametrize(
    ("environ", "platform", "expected"),
    [
        ({}, "linux", False),
        ({"DISPLAY": ""}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({"QT_QPA_PLATFORM": "offscreen"}, "linux", True),
        ({}, "darwin", True),
        ({}, "win32", True),
    ],
)
def test_where_a_window_can_be_shown(
    environ: dict[str, str], platform: str, expected: bool
) -> None:
    assert is_configured(environ, platform) is expected


def test_a_wrong_setting_is_shown_in_a_dialog_and_by_the_exit_code(
    qapp: QApplication, qtbot: QtBot
) -> None:
    shown: list[str] = []

    def answer() -> None:
        for box in qapp.topLevelWidgets():
            if isinstance(box, QMessageBox) and box.isVisible():
                shown.append(box.informativeText())
                box.close()

    looking = QTimer(interval=10)
    looking.timeout.connect(answer)
    looking.start()
    error = SettingsError("relay.port", "Expected `int` <= 65535", "command line")
    # As in the program; a quit left over would end every later loop of the tests at once.
    qapp.setQuitOnLastWindowClosed(False)
    assert app_module._show_settings_error(qapp, error) == EXIT_SETTINGS
    looking.stop()
    assert len(shown) == 1
    assert "relay.port" in shown[0]
    assert "restart the app" in shown[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\ufeff[ui]\r\nfont_size = 13\r\n", b""),
        ("[future]\nx = 1\n", b"future: is not a setting"),
        ("[session]\ntimeout = 'soon'\n", b"session.timeout: Expected"),
        ("[session\n", b"not valid TOML"),
    ],
    ids=["BOM", "unknown", "mistyped", "no TOML"],
)
async def test_a_flawed_settings_file_does_not_stop_the_window(
    tmp_path: Path, text: str, said: bytes
) -> None:
    (tmp_path / "settings.toml").write_text(text, encoding="utf-8")
    process = await start(
        "--log-level", "INFO", env=environment(tmp_path, QT_QPA_PLATFORM="offscreen")
    )
    seen = await read_until(process.stderr, b"engine is running")
    assert said in seen
    assert (b"settings.toml" in seen) is bool(said)
    process.send_signal(signal.SIGTERM)
    await asyncio.wait_for(process.communicate(), START_SECONDS)
    assert process.returncode == 0
    assert (tmp_path / "settings.toml").read_bytes() == text.encode()


async def test_headless_a_flawed_file_is_warned_of_or_refused(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("[future]\nx = 1\n[session]\ntimeout = 'soon'\n")
    process = await start(env=environment(tmp_path))
    await read_until(process.stdout, b"Stop with Ctrl+C")
    process.send_signal(signal.SIGTERM)
    _, errors = await asyncio.wait_for(process.communicate(), START_SECONDS)
    assert (process.returncode, b"Warning: " in errors) == (0, True)
    assert f"{file}: session.timeout: ".encode() in errors
    for text, named in (
        ("[ice]\nrelay_only = 'yes'\n", b"ice.relay_only"),
        ("[", b"settings.toml"),
    ):
        file.write_text(text)
        process = await start(env=environment(tmp_path))
        _, errors = await asyncio.wait_for(process.communicate(), START_SECONDS)
        assert process.returncode == EXIT_SETTINGS
        assert named in errors
        assert b"Traceback" not in errors


def test_an_unknown_flag_is_refused(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "gui", "--no-such-flag"],
        cwd=ROOT,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 2
    assert "--no-such-flag" in ran.stderr


async def test_without_a_display_it_says_so_and_hosts_headless(tmp_path: Path) -> None:
    process = await start(env=environment(tmp_path))
    said = await read_until(process.stdout, b"Stop with Ctrl+C")
    process.send_signal(signal.SIGTERM)
    _, errors = await asyncio.wait_for(process.communicate(), START_SECONDS)
    assert b"No display" in errors
    assert b"Guest token" in said
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"DISPLAY": ":99"}, "cannot connect to the display (DISPLAY=':99')"),
        ({"WAYLAND_DISPLAY": "wayland-77"}, "WAYLAND_DISPLAY='wayland-77'"),
        ({"QT_QPA_PLATFORM": "nonsense"}, "unknown Qt platform (QT_QPA_PLATFORM='nonsense')"),
    ],
    ids=lambda value: str(value)[:24],
)
async def test_a_display_that_does_not_work_is_an_error_in_words(
    tmp_path: Path, variables: dict[str, str], words: str
) -> None:
    process = await start(env=environment(tmp_path, **variables))
    out, errors = await asyncio.wait_for(process.communicate(), START_SECONDS)
    assert (process.returncode, out) == (EXIT_DISPLAY, b"")
    assert words in errors.decode()
    assert "--headless" in errors.decode()
    assert len(errors.splitlines()) == 2


async def test_a_missing_system_library_is_named(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "class Missing:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'PySide6.QtWidgets':\n"
        "            raise ImportError('libEGL.so.1: cannot open shared object file')\n"
        "sys.meta_path.insert(0, Missing())\n"
        "from gui.app.application import main\n"
        "sys.exit(main([]))\n"
    )
    ran = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment(tmp_path, QT_QPA_PLATFORM="offscreen"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == EXIT_DISPLAY
    for words in ("libEGL.so.1", "libegl1", "--headless"):
        assert words in ran.stderr
    assert "Traceback" not in ran.stderr


def test_what_qt_says_of_a_library_is_passed_on() -> None:
    qt = (
        'qt.qpa.plugin: Could not load the Qt platform plugin "xcb" in "" even though it was found.'
    )
    words = explain(qt, {"DISPLAY": ":0"})
    assert qt in words
    assert "libxcb-cursor0" in words


async def test_headless_passes_the_engines_own_flags_on(tmp_path: Path) -> None:
    process = await start("--headless", "--share", "*", env=environment(tmp_path))
    said = await read_until(process.stdout, b"Stop with Ctrl+C")
    process.send_signal(signal.SIGINT)
    await asyncio.wait_for(process.communicate(), START_SECONDS)
    assert b"Shared:      *" in said
    assert process.returncode == 0


async def test_flags_of_the_host_work_with_a_window_too(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        env = environment(tmp_path, QT_QPA_PLATFORM="offscreen")
        process = await start("--listen", f"127.0.0.1:{port}", "--share", "web=view", env=env)
        said = await read_until(process.stderr, b"could not start")
    process.send_signal(signal.SIGTERM)
    await asyncio.wait_for(process.communicate(), START_SECONDS)
    # The relay's address and the link came through: only the port is in the way.
    assert port.encode() in said
    assert process.returncode == 0


def test_a_flag_that_means_nothing_with_a_window_is_refused_in_words(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "gui", "--links-json"],
        cwd=ROOT,
        env=environment(tmp_path, QT_QPA_PLATFORM="offscreen"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "--links-json is for hosting without a window: add --headless" in ran.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT])
async def test_a_signal_ends_the_window_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    env = environment(tmp_path, QT_QPA_PLATFORM="offscreen")
    process = await start("--log-level", "INFO", env=env)
    assert process.stderr is not None
    await read_until(process.stderr, b"engine is running")
    process.send_signal(number)
    _, errors = await asyncio.wait_for(process.communicate(), START_SECONDS)
    assert process.returncode == 0
    assert b"Traceback" not in errors
    assert (tmp_path / "window.ini").exists()


async def test_a_signal_during_the_start_ends_it_cleanly_too(tmp_path: Path) -> None:
    env = environment(tmp_path, QT_QPA_PLATFORM="offscreen")
    process = await start("--log-level", "INFO", env=env)
    assert process.stderr is not None
    await read_until(process.stderr, b"window is shown")
    process.send_signal(signal.SIGTERM)
    _, errors = await asyncio.wait_for(process.communicate(), START_SECONDS)
    assert process.returncode == 0
    assert b"Traceback" not in errors


async def test_the_selftest_flag_reports_as_json(tmp_path: Path) -> None:
    process = await start("--selftest", "--json", env=environment(tmp_path))
    out, errors = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, errors
    assert b'"passed": true' in out


async def test_the_version_needs_no_display(tmp_path: Path) -> None:
    process = await start("--version", env=environment(tmp_path))
    out, errors = await asyncio.wait_for(process.communicate(), START_SECONDS)
    assert (process.returncode, errors) == (0, b"")
    assert out.decode().strip() == version()


async def test_a_second_start_shows_the_window_of_the_first(tmp_path: Path) -> None:
    env = environment(tmp_path, QT_QPA_PLATFORM="offscreen")
    first = await start("--log-level", "INFO", env=env)
    # While the first one starts, too.
    await read_until(first.stderr, b"window is shown")
    second = await start(env=env)
    out, errors = await asyncio.wait_for(second.communicate(), START_SECONDS)
    assert (second.returncode, out, errors) == (0, b"", b"")
    await read_until(first.stderr, b"asks for the window")
    first.send_signal(signal.SIGTERM)
    await asyncio.wait_for(first.communicate(), START_SECONDS)
    assert first.returncode == 0


async def test_a_start_beside_a_host_without_a_window_says_so(tmp_path: Path) -> None:
    host = await start("--headless", env=environment(tmp_path))
    await read_until(host.stdout, b"Stop with Ctrl+C")
    second = await start(env=environment(tmp_path, QT_QPA_PLATFORM="offscreen"))
    out, errors = await asyncio.wait_for(second.communicate(), START_SECONDS)
    assert (second.returncode, out) == (EXIT_NO_WINDOW, b"")
    assert b"already hosting without a window" in errors
    host.send_signal(signal.SIGTERM)
    await asyncio.wait_for(host.communicate(), START_SECONDS)


async def test_after_a_killed_window_the_next_one_opens(tmp_path: Path) -> None:
    env = environment(tmp_path, QT_QPA_PLATFORM="offscreen")
    for end in (signal.SIGKILL, signal.SIGTERM):
        process = await start("--log-level", "INFO", env=env)
        await read_until(process.stderr, b"engine is running")
        process.send_signal(end)
        await asyncio.wait_for(process.communicate(), START_SECONDS)


async def test_a_link_without_a_display_is_not_silently_dropped(tmp_path: Path) -> None:
    link = "https://relay.example/s/abcdefgh#secret"
    process = await start(link, env=environment(tmp_path))
    out, errors = await asyncio.wait_for(process.communicate(), START_SECONDS)
    assert (process.returncode, out) == (EXIT_DISPLAY, b"")
    assert b"connect" in errors
