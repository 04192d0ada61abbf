"""Every setting with its default and bounds, merged from file, environment and flags.

Later sources win: defaults, the TOML file, environment variables (``HATCHWAY_RELAY__URL`` is
``relay.url``), flags. An invalid value in a variable or a flag raises SettingsError naming the
key and the source. In the file it is a warning, where that is safe (settings_repair).
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import platformdirs

from engine.core import settings_text
from engine.core.errors import SettingsError
from engine.core.lenient import describe
from engine.core.settings_repair import RENAMED, Flaw, mentions_refused, repair

APP_NAME = "hatchway"
FILE_NAME = "settings.toml"
ENV_PREFIX = "HATCHWAY_"
MAX_FLAWS = 20
"""Mistakes of one file that are listed; more are only counted."""

_Seconds = Annotated[float, msgspec.Meta(gt=0, le=7 * 24 * 3600)]
_Count = Annotated[int, msgspec.Meta(ge=1, le=100_000)]
_Bytes = Annotated[int, msgspec.Meta(ge=1024, le=1024**3)]
_Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
_Text = Annotated[str, msgspec.Meta(max_length=4096)]
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class SessionSettings(_Section, frozen=True):
    timeout: Annotated[float, msgspec.Meta(ge=0, le=7 * 24 * 3600)] = 300.0
    """SESSION_TIMEOUT_SECONDS: a guest's session ends after this time without input or output;
    0: never. The app's own terminals have no idle time-out."""
    timeout_warning: Annotated[float, msgspec.Meta(ge=0)] = 30.0
    """How long before the time-out both ends are warned: at least 30 s, at most half of it."""
    cleanup_interval: _Seconds = 60.0
    """CLEANUP_INTERVAL_SECONDS: the longest time between two checks for idle sessions. They
    run every second anyway, or five times within a shorter time-out."""
    grace: Annotated[float, msgspec.Meta(ge=0, le=7 * 24 * 3600)] = 1800.0
    """How long a shell goes on while nobody is attached: a guest who comes back in time finds
    it running. 0: a detached shell never ends by itself. Own shells have no such limit."""
    resume_window: Annotated[float, msgspec.Meta(ge=0, le=7 * 24 * 3600)] = 120.0
    """How long the output of a shell is held for a guest whose connection was lost: a return
    within it loses no byte, and until then the program may have to wait. After it the shell
    runs on, and a later return starts with the screen as it is then. 0: not held. ``grace``
    says when the shell ends."""
    connect_timeout: _Seconds = 30.0
    """From the offer to an open data channel."""
    heartbeat_interval: _Seconds = 3.0
    """Between pings on a hatchway.v1 channel; after three unanswered ones the session is
    disconnected."""
    max_shells: _Count = 256
    """Shells of all guests and own ones, detached ones included; also sessions."""
    max_shells_per_guest: _Count = 64
    """At a limit the oldest detached shells of the same guest end first; those of other guests
    never end for it."""
    max_shells_per_link: _Count = 128
    max_participants: _Count = 64
    """People attached to one shell."""


class TerminalSettings(_Section, frozen=True):
    shell: _Name = "/bin/bash"
    """DEFAULT_SHELL: tried first. While it is the default, the user's own shell comes before it
    on this computer."""
    fallback_shell: _Name = "/bin/sh"
    """FALLBACK_SHELL: used when the first does not exist."""
    login: bool = False
    """Start login shells in containers. They read /etc/profile, which in many images replaces the
    image's PATH; without it a terminal has the environment that docker exec gives. A container's
    label hatchway.login=true or =false overrides this."""
    read_chunk: Annotated[int, msgspec.Meta(ge=1024, le=65536)] = 4096
    """Bytes of output read at once. Under a flood it grows automatically, up to 64 KiB."""
    input_queue: _Bytes = 4 * 1024 * 1024
    """Bytes of input that may wait for the PTY of one session."""
    replay_bytes: _Bytes = 64 * 1024
    """Bytes of output stored per session. A guest who returns gets what was missed of it, or the
    screen as it is if more was missed."""


class DockerEngine(_Section, frozen=True):
    """One engine. An empty ``url`` means the engine that the docker command uses."""

    name: _Name = "docker"
    url: _Text = ""
    """unix://PATH, tcp://HOST:PORT, or ssh://[USER@]HOST[:PORT][/PATH/OF/docker.sock]."""
    context: _Text = ""
    """A context of the docker command (``docker context ls``), in place of ``url``."""
    tls_ca: _Text = ""
    tls_cert: _Text = ""
    tls_key: _Text = ""
    """PEM files for tcp; all empty: not encrypted."""
    ssh_config: _Text = ""
    """An ssh configuration file (ssh -F) to use instead of ~/.ssh/config and the system's."""


class DockerSettings(_Section, frozen=True):
    enabled: bool = True
    engines: tuple[DockerEngine, ...] = (DockerEngine(),)
    workers: Annotated[int, msgspec.Meta(ge=1, le=64)] = 4
    """Threads for Docker API calls. Terminal bytes do not pass through them."""


class RelaySettings(_Section, frozen=True):
    url: _Text = ""
    """The relay to connect to. Empty: the app runs its own on ``host`` and ``port``."""
    others: tuple[_Text, ...] = ()
    """More relays of the same operator, tried in turn when one is unreachable."""
    public_url: _Text = ""
    """Public URL of the relay for links, when guests reach it by another address than we do."""
    token: _Text = ""
    """The agent's token at the relay. Empty: random for the embedded relay."""
    guest_token: _Text = ""
    """The guests' token at the embedded relay. Empty: random at each start."""
    host: _Name = "127.0.0.1"
    port: _Port = 0
    """Where the embedded relay listens. Port 0: any free port."""
    tls_ca: _Text = ""
    tls_cert: _Text = ""
    tls_key: _Text = ""
    """PEM files for mutual TLS with the relay: its authorities, our certificate, our key."""
    heartbeat: _Seconds = 5.0
    """Between heartbeats to the relay."""


class IceServer(_Section, frozen=True):
    urls: _Text
    username: _Text = ""
    credential: _Text = ""


class IceSettings(_Section, frozen=True):
    servers: tuple[IceServer, ...] = ()
    """Empty by default: on a LAN host candidates suffice, and no server learns our address."""
    relay_only: bool = False
    """Connect only through TURN, so that the other side never learns our address."""
    from_relay: Literal["off", "stun", "turn"] = "stun"
    """Which of the relay's servers to use in addition to ``servers``. A guest's TURN allocation
    is enough for a path; "turn" adds one of our own, at the cost of a round trip per session.
    When only TURN is allowed, "stun" means "turn". "off" ignores the relay's servers, but not
    its rule that only TURN is allowed."""


class ShareSettings(_Section, frozen=True):
    targets: tuple[_Name, ...] = ()
    """Targets that guests may open without approval; "*": every container."""
    links: tuple[_Name, ...] = ()
    """Links created at each start: NAME=control, NAME=view or NAME=ask."""
    link_seconds: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    """How long sessions can be opened with those links; 0: until the program ends."""
    single_use: bool = False
    """Whether each of those links works only once."""
    unattended: Literal["deny", "view", "control"] = "deny"
    """What a guest who needs approval gets when nobody is there to give it."""


class RecordingSettings(_Section, frozen=True):
    """Recordings of shells (asciicast v2) in the folder ``recordings`` of data_dir()."""

    enabled: bool = False
    """Record every shell."""
    input: bool = False
    """Also record what is typed, passwords included."""
    targets: tuple[_Name, ...] = ()
    """Ids of targets whose shells are always recorded."""
    max_bytes: Annotated[int, msgspec.Meta(ge=1024**2, le=1024**5)] = 2 * 1024**3
    """Bytes of all recordings together. Beyond it the oldest finished ones are deleted."""


class AgentSettings(_Section, frozen=True):
    id: Annotated[str, msgspec.Meta(max_length=200)] = ""
    """Identifies this agent at relays. Empty: generated at the first start and stored."""
    name: Annotated[str, msgspec.Meta(max_length=200)] = ""
    """The name guests see. Empty: the host name."""


MIN_FONT_POINTS, MAX_FONT_POINTS = 4, 96


class UiSettings(_Section, frozen=True):
    """Settings of the window. Defined here so that one file holds everything."""

    font_family: _Text = ""
    """A monospaced font. Empty: the desktop's."""
    font_size: Annotated[float, msgspec.Meta(ge=MIN_FONT_POINTS, le=MAX_FONT_POINTS)] = 11.0
    """Points."""
    dark_theme: _Name = "Hatchway Dark"
    """The terminal's theme while the window is dark. Any theme is allowed for both."""
    light_theme: _Name = "Hatchway Light"
    contrast: Annotated[float, msgspec.Meta(ge=1, le=21)] = 3.0
    """Minimum contrast (WCAG) between text and background; 1: colors are not adjusted."""
    cursor_shape: Literal["block", "underline", "bar"] = "block"
    """The cursor's shape until a program changes it."""
    cursor_blink: bool = True
    scrollback: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 10_000
    """Lines of history per terminal; a change applies to new terminals."""
    visual_bell: bool = True
    paste_warning: bool = True
    """Ask before pasting several lines where a shell would run each of them at once."""
    copy_on_select: bool = False
    word_signs: _Text = "_-./~:@%+&?=#$,"
    """Characters that a double click selects as part of a word, besides letters and digits."""
    clipboard_write: bool = False
    """Programs may write to the clipboard (OSC 52). They can never read it."""
    notifications: bool = False
    """Programs may show notifications in the window (OSC 9, OSC 777)."""
    confirm_close: bool = True


class Settings(_Section, frozen=True):
    log_level: str = "INFO"
    agent: AgentSettings = AgentSettings()
    session: SessionSettings = SessionSettings()
    terminal: TerminalSettings = TerminalSettings()
    docker: DockerSettings = DockerSettings()
    relay: RelaySettings = RelaySettings()
    ice: IceSettings = IceSettings()
    share: ShareSettings = ShareSettings()
    recording: RecordingSettings = RecordingSettings()
    ui: UiSettings = UiSettings()


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings and where they came from.

    ``flaws``: what in ``file`` is not used and why, one sentence each. ``broken``: the file
    is not valid TOML, so nothing of it is used.
    """

    settings: Settings
    file: Path
    flaws: tuple[str, ...] = ()
    broken: bool = False


def config_dir() -> Path:
    """The platform's configuration folder for Hatchway; HATCHWAY_CONFIG_DIR overrides it.

    Raises SettingsError when the user has no home folder.
    """
    return _user_folder(platformdirs.user_config_dir)


def data_dir() -> Path:
    """Where large files of this profile are: the platform's data folder for Hatchway.

    Not the configuration folder, which people synchronize and keep under version control. With
    HATCHWAY_CONFIG_DIR it is that folder, so that two profiles never share files. Raises
    SettingsError when the user has no home folder.
    """
    return _user_folder(platformdirs.user_data_dir)


def _user_folder(find: Callable[..., str]) -> Path:
    override = os.environ.get("HATCHWAY_CONFIG_DIR")
    if override:
        return Path(override)
    try:
        folder = find(APP_NAME, appauthor=False)
    except RuntimeError:  # newer releases raise when there is no home folder
        folder = "~"
    if folder.startswith("~"):
        problem = "is not set, and this user has no home folder. Set it, or HATCHWAY_CONFIG_DIR"
        raise SettingsError("HOME", problem) from None
    return Path(folder)


def load(
    path: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    flags: Mapping[str, Any] | None = None,
) -> Settings:
    """The settings alone; see read()."""
    return read(path, environ, flags).settings


def read(
    path: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    flags: Mapping[str, Any] | None = None,
    *,
    lenient: bool = False,
) -> Loaded:
    """All sources merged and validated. ``flags`` maps dotted keys to values.

    Without ``path``, the file in config_dir() is read if it exists; a given ``path`` must
    exist. ``lenient``: a file that is not valid TOML is ignored, unless it was given as
    ``path`` or may restrict something. Raises SettingsError.
    """
    file = path or config_dir() / FILE_NAME
    merged: dict[str, Any] = {}
    flaws: list[Flaw] = []
    broken = False
    try:
        text = settings_text.read(file).text
    except FileNotFoundError as error:
        if path is not None:
            raise SettingsError(str(file), f"cannot be read: {error.strerror}") from None
    else:
        try:
            merged, flaws = check_file(parse(text, file), str(file))
        except NotTOMLError as error:
            if path is not None or not lenient or mentions_refused(text):
                raise
            flaws, broken = [Flaw(error.key, error.problem)], True
    # Validated source by source, so that the error can name the source.
    for variable, values in _from_environment(environ):
        _overlay(merged, values, variable)
        _convert(merged, variable)
    validate(merged, "environment")
    _overlay(merged, _nested(flags or {}), "command line")
    listed = [str(flaw) for flaw in flaws[:MAX_FLAWS]]
    if len(flaws) > MAX_FLAWS:
        listed.append(f"and {len(flaws) - MAX_FLAWS} more")
    return Loaded(validate(merged, "command line"), file, tuple(listed), broken)


class NotTOMLError(SettingsError):
    """The text of a file is not valid TOML."""


def parse(text: str, file: Path) -> dict[str, Any]:
    """The values of a file's ``text``. Raises NotTOMLError."""
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise NotTOMLError(str(file), "is not valid TOML: nested too deeply") from None
    except ValueError as error:
        raise NotTOMLError(str(file), f"is not valid TOML: {error}") from None


def check_file(values: Mapping[str, Any], source: str) -> tuple[dict[str, Any], list[Flaw]]:
    """The valid values of a file, and what is wrong with the others.

    Raises SettingsError when a default might be less strict than the intended value.
    """
    usable, flaws = repair(values, Settings, source)
    try:
        validate(usable, source)
    except SettingsError as error:
        if error.key != "log_level":
            raise
        del usable["log_level"]
        flaws.append(Flaw(error.key, f"{error.problem}; 'INFO' is used instead"))
        validate(usable, source)
    return usable, flaws


def validate(values: dict[str, Any], source: str) -> Settings:
    """Settings from nested values. Raises SettingsError naming the key and the source."""
    settings = _convert(values, source)
    _check_meaning(settings, source)
    return settings


def _convert(values: dict[str, Any], source: str) -> Settings:
    try:
        # Not strict: environment variables are text, so "8080" must count as a number.
        return msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        key, problem = _explain(error)
        raise SettingsError(key, problem, source) from None


def _check_meaning(settings: Settings, source: str) -> None:
    from engine.core.log import LEVELS

    if settings.log_level.upper() not in LEVELS:
        raise SettingsError("log_level", f"must be one of {', '.join(LEVELS)}", source)
    names = [engine.name for engine in settings.docker.engines]
    if len(set(names)) != len(names):
        raise SettingsError("docker.engines", "two engines have the same name", source)
    relay = settings.relay
    addresses = {"url": relay.url, "public_url": relay.public_url}
    addresses |= {f"others[{at}]": url for at, url in enumerate(relay.others)}
    for key, url in addresses.items():
        if url and not url.startswith(("http://", "https://", "ws://", "wss://")):
            raise SettingsError(f"relay.{key}", f"{url!r} is not an http(s) URL", source)
    if relay.others and not relay.url:
        raise SettingsError("relay.others", "needs relay.url as well", source)
    if bool(settings.relay.tls_cert) != bool(settings.relay.tls_key):
        raise SettingsError("relay.tls_cert", "needs relay.tls_key as well", source)


def _explain(error: msgspec.ValidationError) -> tuple[str, str]:
    text = str(error)
    problem, _, path = text.partition(" - at `$")
    key = path.rstrip("`").lstrip(".")
    for phrase in ("contains unknown field `", "missing required field `"):
        if phrase in problem:
            name = problem.split(phrase)[1].split("`")[0]
            key = f"{key}.{name}" if key else name
            problem = "is not a setting" if "unknown" in phrase else "is missing"
    return key or describe(error), problem


def _from_environment(environ: Mapping[str, str]) -> list[tuple[str, dict[str, Any]]]:
    """The settings in variables HATCHWAY_<SECTION>__<KEY>, each with its source.

    A variable without a double underscore must be a top-level key.
    """
    found = []
    keys = {
        name: name[len(ENV_PREFIX) :].lower().replace("__", ".")
        for name in environ
        if name.startswith(ENV_PREFIX)
    }
    for name, key in keys.items():
        value = environ[name]
        # HATCHWAY_CONFIG_DIR and others are not settings; dotted and top-level keys are.
        if "." in key or key == "log_level":
            if any("\ud800" <= char <= "\udfff" for char in value):
                raise SettingsError(key, "is not UTF-8 text", f"environment variable {name}")
            current = RENAMED.get(key, key)
            if current != key and current in keys.values():
                continue  # a variable with the present name is set as well
            tree = _nested({current: _listed(value) if key in _LISTS else value})
            found.append((f"environment variable {name}", tree))
    return found


_LISTS = ("share.targets", "share.links", "recording.targets", "relay.others")
"""Settings whose environment variable is a comma-separated list."""


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for dotted, value in flat.items():
        *parents, leaf = dotted.split(".")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[leaf] = value
    return tree


def _overlay(base: dict[str, Any], over: Mapping[str, Any], source: str, prefix: str = "") -> None:
    for name, value in over.items():
        key = f"{prefix}{name}"
        below = base.setdefault(name, {}) if isinstance(value, Mapping) else None
        if below is None:
            base[name] = value
        elif isinstance(below, dict):
            _overlay(below, value, source, f"{key}.")
        else:
            raise SettingsError(key, "is a value, not a section", source)
