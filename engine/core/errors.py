"""Every error the engine raises on purpose. Each leaf has a stable code.

The GUI turns codes into messages with a next step, in one place.

    HatchwayError
    ├── ProtocolError            the other side sent something unusable
    │   ├── BadJSONError         bad_json      text that is not JSON
    │   ├── BadMessageError      bad_message   JSON that is not a valid message; names the field
    │   ├── UnknownTypeError     unknown_type  an undefined "type"
    │   ├── BadRequestError      bad_request   a signaling payload with a wrong field; names it
    │   └── BadLinkError         bad_link      text that is not a link, or is incomplete
    ├── SessionError
    │   ├── SessionNotFoundError session_not_found
    │   ├── SessionExistsError   session_exists
    │   ├── ShellNotFoundError   shell_not_found  no such shell, or it has ended
    │   ├── OfferReplacedError   replaced      the guest went on from elsewhere
    │   ├── OfferSupersededError superseded    a newer offer came before this one was answered
    │   ├── InvalidTransitionError invalid_transition
    │   ├── SessionLimitError    session_limit
    │   ├── HostStoppedError     host_stopped  the host is closing and accepts no new sessions
    │   ├── ShellEndedError      shell_ended   the shell of a link or a token has ended
    │   ├── NotSupportedError    not_supported a known request that this version does not do
    │   └── AccessDeniedError    access_denied
    │       ├── BadProofError    bad_proof     a proof is missing or wrong
    │       ├── ReplayedError    replayed      an offer that was sent before
    │       ├── UnprovenError    unproven      the agent has not proven its key yet
    │       └── LinkError
    │           ├── LinkUnknownError link_unknown
    │           ├── LinkExpiredError link_expired
    │           ├── LinkUsedError    link_used     a single-use link that was used
    │           ├── LinkRevokedError link_revoked
    │           └── LinkSuspendedError link_suspended  paused by the host; works again later
    ├── TargetError
    │   ├── TargetNotFoundError  target_not_found
    │   ├── AmbiguousTargetError ambiguous_target    several agents have a target of this name
    │   └── TargetNotRunningError target_not_running  stopped or paused
    ├── PTYError
    │   ├── NoShellError         no_shell      the container has no usable shell
    │   ├── PTYOpenError         pty_open      the terminal could not be started
    │   └── PTYClosedError       pty_closed    used after close, or the far end is gone
    ├── RecordingError
    │   ├── RecordingNotFoundError recording_not_found
    │   ├── RecordingRunningError recording_running  it is still being written
    │   └── BadRecordingError    bad_recording  not an asciicast v2 file, or damaged
    ├── DockerError
    │   ├── DockerAbsentError    docker_absent   nothing listens at the engine's address
    │   ├── DockerRefusedError   docker_refused  it listens, but we may not use it
    │   └── DockerFailedError    docker_failed   it answered with an error
    ├── ConnectionFailedError
    │   ├── RelayUnreachableError relay_unreachable
    │   ├── RelayRefusedError    relay_refused   wrong token or certificate
    │   ├── AgentIdTakenError    agent_id_taken  the agent id belongs to another key
    │   ├── RelayDegradedError   relay_degraded  the relay cannot reach the other relays
    │   ├── NoAddressError       no_address      no network address to offer a peer
    │   ├── NoTurnError          no_turn         only TURN is allowed, and no TURN server is usable
    │   ├── IceFailedError       ice_failed
    │   ├── ConnectTimeoutError  connect_timeout
    │   ├── ChannelClosedError   channel_closed
    │   ├── AgentOfflineError    agent_offline   no such agent is connected to the relay
    │   ├── AgentTimeoutError    agent_timeout   the agent did not answer the relay in time
    │   └── BadReplyError        bad_reply       the agent's answer cannot be used
    ├── LimitError               limit           a named bound was exceeded
    │   └── RateLimitedError     rate_limited    too many messages in too short a time
    ├── SettingsError            settings        names the key
    ├── OutputError              output          standard output cannot be written
    └── RemoteError              an error the other side reported; has its code
"""

from __future__ import annotations

from typing import ClassVar

from engine.core.text import shown

MAX_TEXT = 1000
"""Characters of an error's text; the rest is cut off."""


class HatchwayError(Exception):
    """The root. ``code`` is stable and goes over the wire; ``str()`` is one plain sentence.

    ``str()`` escapes control characters, because an error may quote text that others chose
    (ids, names, a relay's messages). It is safe to log, print, show and send.
    """

    code: ClassVar[str] = "internal"

    def __str__(self) -> str:
        return shown(super().__str__(), MAX_TEXT)


class ProtocolError(HatchwayError):
    """Input from the other side that cannot be used. Never ends a session by itself."""

    code = "bad_message"


class BadJSONError(ProtocolError):
    code = "bad_json"


class BadMessageError(ProtocolError):
    code = "bad_message"


class UnknownTypeError(ProtocolError):
    code = "unknown_type"


class BadRequestError(ProtocolError):
    code = "bad_request"


class BadLinkError(ProtocolError):
    code = "bad_link"


class SessionError(HatchwayError):
    code = "session"


class SessionNotFoundError(SessionError):
    code = "session_not_found"


class SessionExistsError(SessionError):
    code = "session_exists"


class ShellNotFoundError(SessionError):
    code = "shell_not_found"

    def __init__(self, message: str = "This terminal has ended") -> None:
        super().__init__(message)


class OfferReplacedError(SessionError):
    """Another connection has taken over the participant of this one, by its resume token."""

    code = "replaced"


class OfferSupersededError(SessionError):
    """A newer offer of the same session arrived before this one was answered, or the session
    ended meanwhile."""

    code = "superseded"


class InvalidTransitionError(SessionError):
    code = "invalid_transition"


class SessionLimitError(SessionError):
    code = "session_limit"


class HostStoppedError(SessionError):
    code = "host_stopped"

    def __init__(self, message: str = "The host has stopped") -> None:
        super().__init__(message)


class ShellEndedError(SessionError):
    """The shell that a join link or a resume token names has ended; it opens no other."""

    code = "shell_ended"

    def __init__(self, message: str = "The shared terminal has ended") -> None:
        super().__init__(message)


class NotSupportedError(SessionError):
    code = "not_supported"


class AccessDeniedError(SessionError):
    code = "access_denied"


class BadProofError(AccessDeniedError):
    code = "bad_proof"


class ReplayedError(AccessDeniedError):
    code = "replayed"


class UnprovenError(AccessDeniedError):
    code = "unproven"


class LinkError(AccessDeniedError):
    code = "link"


class LinkUnknownError(LinkError):
    code = "link_unknown"


class LinkExpiredError(LinkError):
    code = "link_expired"


class LinkUsedError(LinkError):
    code = "link_used"


class LinkRevokedError(LinkError):
    code = "link_revoked"


class LinkSuspendedError(LinkError):
    """The host has paused the link. Try again: it works once the host resumes it."""

    code = "link_suspended"

    def __init__(self, message: str = "The host has paused this link") -> None:
        super().__init__(message)


class TargetError(HatchwayError):
    code = "target"


class TargetNotFoundError(TargetError):
    """The text is part of the wire contract: ``Device X not found``."""

    code = "target_not_found"

    def __init__(self, device_id: str) -> None:
        super().__init__(f"Device {device_id} not found")
        self.device_id = device_id


class AmbiguousTargetError(TargetError):
    """Several agents have a target of this name, so the name alone does not identify one."""

    code = "ambiguous_target"

    def __init__(self, device_id: str) -> None:
        super().__init__(f"Several hosts share {device_id}: name one of them by agent_id")


class TargetNotRunningError(TargetError):
    code = "target_not_running"


class PTYError(HatchwayError):
    code = "pty"


class NoShellError(PTYError):
    code = "no_shell"


class PTYOpenError(PTYError):
    code = "pty_open"


class PTYClosedError(PTYError):
    code = "pty_closed"


class RecordingError(HatchwayError):
    code = "recording"


class RecordingNotFoundError(RecordingError):
    code = "recording_not_found"

    def __init__(self, recording_id: str) -> None:
        super().__init__(f"There is no recording {recording_id}")


class RecordingRunningError(RecordingError):
    code = "recording_running"

    def __init__(self, recording_id: str) -> None:
        super().__init__(f"The recording {recording_id} is still being written")


class BadRecordingError(RecordingError):
    code = "bad_recording"


class DockerError(HatchwayError):
    code = "docker"


class DockerAbsentError(DockerError):
    code = "docker_absent"


class DockerRefusedError(DockerError):
    code = "docker_refused"


class DockerFailedError(DockerError):
    """``status`` is the HTTP status of Docker's answer (404: not found), 0 when there is none."""

    code = "docker_failed"

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class ConnectionFailedError(HatchwayError):
    code = "connection_failed"


class RelayUnreachableError(ConnectionFailedError):
    code = "relay_unreachable"


class RelayRefusedError(ConnectionFailedError):
    code = "relay_refused"


class AgentIdTakenError(ConnectionFailedError):
    code = "agent_id_taken"


class RelayDegradedError(ConnectionFailedError):
    code = "relay_degraded"


class NoAddressError(ConnectionFailedError):
    code = "no_address"


class NoTurnError(ConnectionFailedError):
    code = "no_turn"


class IceFailedError(ConnectionFailedError):
    code = "ice_failed"


class ConnectTimeoutError(ConnectionFailedError):
    code = "connect_timeout"


class ChannelClosedError(ConnectionFailedError):
    code = "channel_closed"


class AgentOfflineError(ConnectionFailedError):
    code = "agent_offline"


class AgentTimeoutError(ConnectionFailedError):
    code = "agent_timeout"


class BadReplyError(ConnectionFailedError):
    code = "bad_reply"


class LimitError(HatchwayError):
    code = "limit"


class RateLimitedError(LimitError):
    code = "rate_limited"


class SettingsError(HatchwayError):
    """An invalid setting. ``key`` is the dotted name as written in the file."""

    code = "settings"

    def __init__(self, key: str, problem: str, source: str = "") -> None:
        where = f" ({source})" if source else ""
        super().__init__(f"{key}: {problem}{where}")
        self.key = key
        self.problem = problem
        self.source = source


class OutputError(HatchwayError):
    code = "output"


class RemoteError(HatchwayError):
    """An ``error`` the other side reported: its code and its text."""

    def __init__(self, remote_code: str, message: str) -> None:
        super().__init__(message)
        self.remote_code = remote_code
