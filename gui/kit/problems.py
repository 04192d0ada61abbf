"""Error codes as texts for the user: what is wrong, why, and what to do next."""

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
        "The log has the details. It is safe to try again.",
    ),
    "bad_json": (
        "The other side sent unreadable data",
        "It may be a different version. Update both ends and connect again.",
    ),
    "bad_message": (
        "The other side sent an invalid message",
        "It may be a different version. Update both ends and connect again.",
    ),
    "unknown_type": (
        "The other side sent an unknown type of message",
        "It may be a newer version. Update this app and connect again.",
    ),
    "bad_request": (
        "The other side sent a malformed request",
        "It may be a different version. Update both ends and connect again.",
    ),
    "agent_id_taken": (
        "The relay has another key for this host's ID",
        "Set another agent ID in the settings file, or restore the old key file.",
    ),
    "unproven": (
        "The relay could not verify this host",
        "Check that its key file has not changed. The app keeps trying.",
    ),
    "relay_degraded": (
        "The relay cannot reach the other relays",
        "Open terminals keep working. New ones work once the relay reaches its store again.",
    ),
    "bad_link": (
        "This is not a Hatchway link",
        "Copy the whole link, including everything after the # sign.",
    ),
    "bad_proof": (
        "The other side could not prove its identity",
        "Someone may be intercepting it. Nothing was opened. Ask the host for a new link.",
    ),
    "replayed": (
        "The offer was sent twice",
        "Someone may have recorded it. Nothing was opened. Connect again.",
    ),
    "link": ("The link cannot be used", "Ask the host for a new one."),
    "link_unknown": (
        "The host does not know this link",
        "It may have restarted or be offline. Ask the host for a new link.",
    ),
    "link_expired": ("The link has expired", "Ask the host for a new one."),
    "link_used": (
        "The link has already been used",
        "Ask the host for a new one.",
    ),
    "link_revoked": ("The host has revoked the link", "Ask the host for a new one."),
    "link_suspended": (
        "The host has paused this link",
        "It works again once the host resumes it. Try again later.",
    ),
    "session": ("The session cannot do that", "Close it and open a new one."),
    "shell_not_found": (
        "This terminal has ended",
        "It is no longer in the list. Open another one.",
    ),
    "session_not_found": (
        "The session no longer exists",
        "It has ended. Open a new terminal to continue.",
    ),
    "session_exists": (
        "A session with this ID already exists",
        "Close the other session, or connect again for a new one.",
    ),
    "replaced": (
        "Replaced by a newer connection",
        "The terminal continues there. You do not need to do anything.",
    ),
    "superseded": (
        "A newer attempt to connect has begun",
        "You do not need to do anything.",
    ),
    "shell_ended": (
        "The shared terminal has ended",
        "Ask the host to share another one.",
    ),
    "not_supported": (
        "The other side does not support this",
        "It may be an older version. Update both ends and connect again.",
    ),
    "invalid_transition": ("The session was in the wrong state", "Close it and open a new one."),
    "session_limit": (
        "Too many sessions are open",
        "Close some, or raise session.max_shells in the settings file.",
    ),
    "ambiguous_target": (
        "Several hosts share a target with this name",
        "Open it from the list, which names the host.",
    ),
    "host_stopped": (
        "The host has stopped",
        "Ask the host to start Hatchway again, then connect again.",
    ),
    "access_denied": (
        "The host does not allow this",
        "Ask the host to share this target, then connect again.",
    ),
    "target": ("The target cannot be used", "Choose another one in the list of targets."),
    "target_not_found": (
        "Target not found",
        "It may have been removed or renamed. Check the list of targets.",
    ),
    "target_not_running": (
        "The container is not running",
        "Start or unpause it, then open the terminal again.",
    ),
    "pty": ("The terminal failed", "Open it again. The log has the details."),
    "no_shell": (
        "The container has no shell",
        "Set terminal.shell to its path, or start the container with the label hatchway.shell.",
    ),
    "pty_open": (
        "The terminal could not be started",
        "Check that the container is still running, then try again.",
    ),
    "pty_closed": ("The terminal has ended", "Reconnect to start a new shell."),
    "recording": ("The recording cannot be used", "Check the folder of recordings."),
    "recording_not_found": (
        "The recording no longer exists",
        "It was deleted, perhaps to make room for newer ones.",
    ),
    "recording_running": (
        "The recording is still running",
        "Stop recording or close its terminal, then delete it.",
    ),
    "bad_recording": (
        "The file is not a recording",
        "It may be damaged. Only asciicast version 2 files can be read.",
    ),
    "docker": ("Docker request failed", "Check Docker Engine, then try again."),
    "docker_absent": (
        "Docker cannot be reached",
        "Hatchway reconnects automatically.",
    ),
    "docker_refused": (
        "Permission denied by Docker",
        "Hatchway keeps trying.",
    ),
    "docker_failed": (
        "Docker answered with an error",
        "Check the Docker Engine log. The app keeps trying.",
    ),
    "connection_failed": ("The connection failed", "Check the network, then try again."),
    "relay_unreachable": (
        "The relay cannot be reached",
        "Check the network and relay.url. The app keeps trying; open sessions keep working.",
    ),
    "relay_refused": (
        "Relay rejected the connection",
        "Check relay.token and the certificate in the settings file, then restart the app.",
    ),
    "no_address": (
        "This computer has no network address",
        "Connect it to a network, even a local one, then try again.",
    ),
    "no_turn": (
        "No TURN server is configured",
        "Only TURN is allowed. Add a server under ice.servers, or ask the relay's operator.",
    ),
    "ice_failed": (
        "The two computers cannot reach each other",
        "A firewall may block UDP. Allow it, or add a TURN server under ice.servers.",
    ),
    "connect_timeout": (
        "The other side did not answer in time",
        "Check that it is still running, then try again.",
    ),
    "channel_closed": (
        "The connection closed",
        "The other side may have disconnected. Reconnect to continue.",
    ),
    "agent_offline": (
        "The host is not connected",
        "Ask the host to start Hatchway, then try again.",
    ),
    "agent_timeout": (
        "The host did not answer in time",
        "Its computer may be asleep, or its network slow. Try again in a moment.",
    ),
    "bad_reply": (
        "The host sent an invalid reply",
        "It may be a different version. Update both ends and connect again.",
    ),
    "rate_limited": (
        "Too many requests",
        "Wait a few seconds, then try again.",
    ),
    "limit": (
        "A limit was reached",
        "Limits protect this computer. The settings file can raise them.",
    ),
    "output": (
        "The output cannot be written",
        "Check the disk and the program that reads the output, then start again.",
    ),
    "settings": (
        "Invalid setting",
        "Correct it, then restart the app.",
    ),
}


def codes() -> frozenset[str]:
    """Every code that has its own text."""
    return frozenset(_WORDS)


def next_step(code: str) -> str:
    """What to do about ``code``; the general advice when it is unknown."""
    return _WORDS.get(code, _WORDS[INTERNAL])[1]


def title(code: str) -> str:
    return _WORDS.get(code, _WORDS[INTERNAL])[0]


def explain(error: BaseException) -> Problem:
    """The text for any exception.

    An engine error adds its own sentence. The text of any other exception belongs in the log.
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
