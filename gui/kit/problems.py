"""Error codes turned into words and a next step: the one place that does it.

Owns the table. Does not own showing it (the window) or raising it (the engine).
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.core.errors import HatchwayError, RemoteError

INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class Problem:
    """``title`` says what is wrong in a few words, ``text`` why and what to do next."""

    title: str
    text: str
    code: str = INTERNAL


_WORDS: dict[str, tuple[str, str]] = {
    "internal": (
        "Something unexpected happened",
        "The details are in the program's log. Trying again is safe.",
    ),
    "bad_json": (
        "The other side sent something unreadable",
        "It may be a different version. Update both ends and connect again.",
    ),
    "bad_message": (
        "The other side sent a message we cannot use",
        "It may be a different version. Update both ends and connect again.",
    ),
    "unknown_type": (
        "The other side sent a message of an unknown kind",
        "It may be a newer version. Update this app and connect again.",
    ),
    "bad_request": (
        "The other side asked for something malformed",
        "It may be a different version. Update both ends and connect again.",
    ),
    "agent_id_taken": (
        "This host's id belongs to another key at the relay",
        "Give this host another id in the settings file, or its old key file back.",
    ),
    "unproven": (
        "The relay does not know this host yet",
        "Check that its key file is the one it had before. The app keeps trying.",
    ),
    "relay_degraded": (
        "The relay cannot reach the other relays",
        "Live terminals go on. New ones work again as soon as the relay has its store back.",
    ),
    "bad_link": (
        "That is not a link of this app",
        "Copy the whole link again, with everything after the # sign.",
    ),
    "bad_proof": (
        "The other side could not prove who it is",
        "Somebody may be in between. Nothing was opened: ask the host for a new link.",
    ),
    "replayed": (
        "The offer was sent twice",
        "Somebody may have recorded it. Nothing was opened; connect again.",
    ),
    "link": ("The link cannot be used", "Ask the host for a new one."),
    "link_unknown": (
        "The host does not know this link",
        "It may have restarted since, or be offline. Ask the host for a new one.",
    ),
    "link_expired": ("The link has expired", "Ask the host for a new one."),
    "link_used": (
        "The link was for one use, and was used",
        "Ask the host for a new one.",
    ),
    "link_revoked": ("The host has revoked the link", "Ask the host for a new one."),
    "session": ("The session cannot do that", "Close it and open a new one."),
    "session_not_found": (
        "That session is gone",
        "It has ended in the meantime. Open a new terminal to go on.",
    ),
    "session_exists": (
        "A session with that name is already live",
        "Close the other one, or connect again for a new session.",
    ),
    "replaced": (
        "A newer connection took this one’s place",
        "The terminal goes on there. Nothing needs to be done.",
    ),
    "invalid_transition": ("The session was in the wrong state", "Close it and open a new one."),
    "session_limit": (
        "Too many sessions are open",
        "Close some, or raise session.max_sessions in the settings file.",
    ),
    "ambiguous_target": (
        "Several hosts share a target with that name",
        "Open it from the list, which names the host.",
    ),
    "host_stopped": (
        "The host has stopped",
        "Ask for the app to be started there again, then connect again.",
    ),
    "access_denied": (
        "The host has not allowed this",
        "Ask the host to share this target, then connect again.",
    ),
    "target": ("The target cannot be used", "Choose another one in the list of targets."),
    "target_not_found": (
        "That target is not here",
        "It may have been removed or renamed. Look for it in the list of targets.",
    ),
    "target_not_running": (
        "The container is not running",
        "Start or unpause it, then open the terminal again.",
    ),
    "pty": ("The terminal failed", "Open it again. The log says more."),
    "no_shell": (
        "The container has no shell",
        "Neither configured shell is in it. Set terminal.shell to one that is.",
    ),
    "pty_open": (
        "The terminal could not be started",
        "Check that the container still runs, then try again.",
    ),
    "pty_closed": ("The terminal has ended", "Reconnect to start a new shell."),
    "docker": ("Docker could not do that", "Check the Docker engine, then try again."),
    "docker_absent": (
        "Docker is not running",
        "Start it; its containers appear here by themselves.",
    ),
    "docker_refused": (
        "Docker does not let you in",
        "Add your user to the group “docker”, then sign in again. The app keeps trying.",
    ),
    "docker_failed": (
        "Docker answered with an error",
        "Check the engine's own log. The app keeps trying.",
    ),
    "connection_failed": ("The connection failed", "Check the network, then try again."),
    "relay_unreachable": (
        "The relay cannot be reached",
        "Check the network and relay.url. The app keeps trying; live sessions go on.",
    ),
    "relay_refused": (
        "The relay refused this app",
        "Check relay.token and the certificate in the settings file, then start again.",
    ),
    "no_address": (
        "This computer has no network address to offer",
        "Connect it to a network, even a local one, then try again.",
    ),
    "no_turn": (
        "There is no TURN server to connect through",
        "Only TURN is allowed. Add a server under ice.servers, or ask who runs the relay.",
    ),
    "ice_failed": (
        "No path between the two computers was found",
        "A firewall may block UDP. Allow it, or add a TURN server under ice.servers.",
    ),
    "connect_timeout": (
        "The other side did not answer in time",
        "Check that it is still there, then try again.",
    ),
    "channel_closed": (
        "The connection closed",
        "The other side may have gone away. Reconnect to go on.",
    ),
    "agent_offline": (
        "The host is not connected",
        "Ask for the app to be started there, then try again.",
    ),
    "agent_timeout": (
        "The host did not answer in time",
        "Its computer may be asleep or its network slow. Try again in a moment.",
    ),
    "bad_reply": (
        "The host’s answer cannot be used",
        "It may be a different version. Update both ends and connect again.",
    ),
    "rate_limited": (
        "Too many requests in too short a time",
        "Wait a few seconds, then try again.",
    ),
    "limit": (
        "A limit was reached",
        "Limits protect this computer. The settings file can raise them.",
    ),
    "output": (
        "The output cannot be written",
        "Check the disk and the program that reads it, then start again.",
    ),
    "settings": (
        "A setting cannot be used",
        "Correct it, then start the app again.",
    ),
}


def codes() -> frozenset[str]:
    """Every code that has words of its own."""
    return frozenset(_WORDS)


def next_step(code: str) -> str:
    """What to do about ``code``; the general advice when it is unknown."""
    return _WORDS.get(code, _WORDS[INTERNAL])[1]


def title(code: str) -> str:
    return _WORDS.get(code, _WORDS[INTERNAL])[0]


def explain(error: BaseException) -> Problem:
    """The words for any exception.

    An error the engine raised on purpose adds its own sentence; the text of
    anything else belongs in the log, not in a person's face.
    """
    if isinstance(error, RemoteError):
        return _with_detail(error.remote_code, str(error))
    if isinstance(error, HatchwayError):
        return _with_detail(error.code, str(error))
    if isinstance(error, TimeoutError):
        return _with_detail("connect_timeout", "")
    return _with_detail(INTERNAL, "")


def _with_detail(code: str, detail: str) -> Problem:
    words, step = _WORDS.get(code, _WORDS[INTERNAL])
    sentence = detail.strip().rstrip(".")
    return Problem(words, f"{sentence}. {step}" if sentence else step, code)
