"""Every setting, its default and its bounds; file, environment and flags merged.

Owns the shape, validation and the place of the file. Does not own how a
setting acts. Later sources win: defaults, the TOML file, environment variables
(``HATCHWAY_RELAY__URL`` is ``relay.url``), flags. In a variable or a flag, given for
this very run, a value that cannot be used raises SettingsError naming the key and
where it came from. In the file it is a warning, where that is safe (settings_repair).
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import platformdirs

from engine.core import settings_text
from engine.core.errors import SettingsError
from engine.core.lenient import describe
from engine.core.settings_repair import Flaw, mentions_refused, repair

APP_NAME = "hatchway"
FILE_NAME = "settings.toml"
ENV_PREFIX = "HATCHWAY_"
MAX_FLAWS = 20
"""More mistakes in one file are counted, not listed."""

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
    """SESSION_TIMEOUT_SECONDS: without input and output for so long a guest's session ends;
    0: never. Terminals of this app itself never end for being idle."""
    timeout_warning: Annotated[float, msgspec.Meta(ge=0)] = 30.0
    """How long before that both ends are warned: at least 30 s, at most half the time-out."""
    cleanup_interval: _Seconds = 60.0
    """CLEANUP_INTERVAL_SECONDS: the longest time between two checks for idle sessions. They
    are checked every second anyway, or five times within a shorter time-out."""
    resume_window: _Seconds = 120.0
    """How long a lost guest's shell waits for the guest's return."""
    connect_timeout: _Seconds = 30.0
    """From the offer to an open data channel."""
    heartbeat_interval: _Seconds = 3.0
    """Between pings over a hatchway.v1 channel; three unanswered mean disconnected."""
    max_sessions: _Count = 256
    max_sessions_per_guest: _Count = 32


class TerminalSettings(_Section, frozen=True):
    shell: _Name = "/bin/bash"
    """DEFAULT_SHELL: tried first."""
    fallback_shell: _Name = "/bin/sh"
    """FALLBACK_SHELL: when the first is not there."""
    read_chunk: Annotated[int, msgspec.Meta(ge=1024, le=65536)] = 4096
    """Bytes of output read at once. Under a flood it grows by itself, up to 64 KiB."""
    input_queue: _Bytes = 4 * 1024 * 1024
    """Bytes of input that may wait for the PTY of one session."""
    replay_bytes: _Bytes = 256 * 1024
    """Output kept per session to rebuild the screen of a guest who returns."""


class DockerEngine(_Section, frozen=True):
    """One engine. An empty ``url`` means what the docker command would use."""

    name: _Name = "docker"
    url: _Text = ""
    """unix://PATH, tcp://HOST:PORT, or ssh://[USER@]HOST[:PORT][/PATH/OF/docker.sock]."""
    tls_ca: _Text = ""
    tls_cert: _Text = ""
    tls_key: _Text = ""
    """Certificates for tcp; all empty: not encrypted."""
    ssh_config: _Text = ""
    """A configuration file for ssh (its -F) instead of ~/.ssh/config and the system's."""


class DockerSettings(_Section, frozen=True):
    enabled: bool = True
    engines: tuple[DockerEngine, ...] = (DockerEngine(),)
    workers: Annotated[int, msgspec.Meta(ge=1, le=64)] = 4
    """Threads for Docker API calls. Terminal bytes never pass through them."""


class RelaySettings(_Section, frozen=True):
    url: _Text = ""
    """A relay to register at. Empty: the app runs its own on ``listen``."""
    others: tuple[_Text, ...] = ()
    """Further relays of the same operator, tried in turn while one is away."""
    public_url: _Text = ""
    """What links begin with, where guests reach the relay by another address than ours."""
    token: _Text = ""
    """The agent's token at a foreign relay; of the embedded one, random when empty."""
    guest_token: _Text = ""
    """What guests of the embedded relay present. Random at each start when empty."""
    host: _Name = "127.0.0.1"
    port: _Port = 0
    """Where the embedded relay listens. Port 0: any free one."""
    tls_ca: _Text = ""
    tls_cert: _Text = ""
    tls_key: _Text = ""
    """Client certificate for mutual TLS with a foreign relay."""
    heartbeat: _Seconds = 5.0


class IceServer(_Section, frozen=True):
    urls: _Text
    username: _Text = ""
    credential: _Text = ""


class IceSettings(_Section, frozen=True):
    servers: tuple[IceServer, ...] = ()
    """None by default: on a LAN host candidates do, and nobody is told of our address."""
    relay_only: bool = False
    """Use no path but through a TURN server: the other side never learns our address."""
    from_relay: Literal["off", "stun", "turn"] = "stun"
    """Which servers that the relay hands out are used beside ``servers``. A guest's TURN is
    enough for a path; "turn" makes a second one of our own, at the cost of a round trip to it
    for each session. Where only TURN is allowed "stun" means "turn". "off" turns the relay's
    servers off, not its rule that only TURN is allowed."""


class ShareSettings(_Section, frozen=True):
    targets: tuple[_Name, ...] = ()
    """Targets guests may open without asking; "*" is every container."""
    links: tuple[_Name, ...] = ()
    """Links made at each start: NAME=control, NAME=view or NAME=ask."""
    link_seconds: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    """How long those links let sessions begin; 0 is until the program ends."""
    single_use: bool = False
    """Whether each of those links works once."""
    unattended: Literal["deny", "view", "control"] = "deny"
    """What a guest gets who should be asked for while nobody is there to ask."""


class AgentSettings(_Section, frozen=True):
    id: Annotated[str, msgspec.Meta(max_length=200)] = ""
    """How relays know this agent. Empty: made at first start and kept."""
    name: Annotated[str, msgspec.Meta(max_length=200)] = ""
    """How people know it. Empty: the host name."""


class UiSettings(_Section, frozen=True):
    """What the window reads. Kept here so that one file holds everything."""

    font_family: _Text = ""
    """A monospaced one. Empty: the desktop's."""
    font_size: Annotated[float, msgspec.Meta(ge=4, le=96)] = 11.0
    """Points."""
    dark_theme: _Name = "Hatchway Dark"
    """The terminal's theme while the window is dark. Any theme may be either."""
    light_theme: _Name = "Hatchway Light"
    contrast: Annotated[float, msgspec.Meta(ge=1, le=21)] = 3.0
    """The least contrast (WCAG) text has with its background; 1: colours as they come."""
    cursor_shape: Literal["block", "underline", "bar"] = "block"
    """Until a program chooses another."""
    cursor_blink: bool = True
    scrollback: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 10_000
    """Lines of history of each terminal opened from now on."""
    visual_bell: bool = True
    paste_warning: bool = True
    """Ask before several lines are pasted where a shell would run each at once."""
    copy_on_select: bool = False
    word_signs: _Text = "_-./~:@%+&?=#$,"
    """What belongs to a word, letters and digits apart, when one is selected by a double click."""
    clipboard_write: bool = False
    """Programs may put text on the clipboard (OSC 52). They never read it."""
    notifications: bool = False
    """Programs may show notes in the window (OSC 9, OSC 777)."""
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
    ui: UiSettings = UiSettings()


@dataclass(frozen=True, slots=True)
class Loaded:
    """``flaws``: what in ``file`` is not used and why, one sentence each. ``broken``: the
    file is no TOML, and nothing of it is used."""

    settings: Settings
    file: Path
    flaws: tuple[str, ...] = ()
    broken: bool = False


def config_dir() -> Path:
    """The platform's folder for our configuration; HATCHWAY_CONFIG_DIR overrides it.

    Raises SettingsError for a user who has no home folder.
    """
    override = os.environ.get("HATCHWAY_CONFIG_DIR")
    if override:
        return Path(override)
    try:
        folder = platformdirs.user_config_dir(APP_NAME, appauthor=False)
    except RuntimeError:  # what newer releases do
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

    With no ``path`` the file in config_dir() is read if it is there; a ``path``
    given must exist. ``lenient``: a file that is no TOML is as good as none, unless it
    was given or seems to restrict something. Raises SettingsError.
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
    # Validated source by source, so that the error can say which one it was.
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
    """The text of a file cannot be parsed at all."""


def parse(text: str, file: Path) -> dict[str, Any]:
    """Raises NotTOMLError."""
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise NotTOMLError(str(file), "is not valid TOML: nested too deeply") from None
    except ValueError as error:
        raise NotTOMLError(str(file), f"is not valid TOML: {error}") from None


def check_file(values: Mapping[str, Any], source: str) -> tuple[dict[str, Any], list[Flaw]]:
    """What of a file's values can be used, and what is wrong with the rest.

    Raises SettingsError where nothing may be guessed.
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
    """Settings of nested values. Raises SettingsError naming the key and the source."""
    settings = _convert(values, source)
    _check_meaning(settings, source)
    return settings


def _convert(values: dict[str, Any], source: str) -> Settings:
    try:
        # Not strict: environment variables are text, "8080" must do for a number.
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
            raise SettingsError(f"relay.{key}", f"{url!r} is not an http(s) address", source)
    if relay.others and not relay.url:
        raise SettingsError("relay.others", "needs relay.url beside it", source)
    if bool(settings.relay.tls_cert) != bool(settings.relay.tls_key):
        raise SettingsError("relay.tls_cert", "needs relay.tls_key beside it", source)


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
    """HATCHWAY_<SECTION>__<KEY>, one by one with the variable's name; those without a double
    underscore must be top-level keys."""
    found = []
    for name, value in environ.items():
        if not name.startswith(ENV_PREFIX):
            continue
        key = name[len(ENV_PREFIX) :].lower().replace("__", ".")
        # HATCHWAY_CONFIG_DIR and the like are not settings; a dotted or known key is.
        if "." in key or key == "log_level":
            if any("\ud800" <= sign <= "\udfff" for sign in value):
                raise SettingsError(key, "is not UTF-8 text", f"environment variable {name}")
            tree = _nested({key: _listed(value) if key in _LISTS else value})
            found.append((f"environment variable {name}", tree))
    return found


_LISTS = ("share.targets", "share.links", "relay.others")
"""Settings whose environment variable is a list with commas."""


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
            raise SettingsError(key, "is a value, it has no keys below it", source)
