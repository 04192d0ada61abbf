"""The engine's commands: one frozen value per command.

Each class names its result type: ``class CreateLink(Command[Share])``. Values are encoded
with their class name in ``type``, so that one decoder reads a stream of them.
"""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from engine.core.model import (
    AfterRemoval,
    EndCode,
    OrphansEnded,
    RecordingInfo,
    Role,
    Share,
    Size,
)
from engine.core.selftest_report import SelfTestReport

Result = TypeVar("Result")

CLOSED_BY_HOST = "Closed by the host"
REMOVED_BY_HOST = "Removed by the host"


class Command(msgspec.Struct, Generic[Result], frozen=True, tag=True):
    """Base of all commands. ``Result`` is what ``ControlApi.do`` returns."""


class CloseSession(Command[None], frozen=True, tag=True):
    """End a session and its processes. An unknown session is not an error."""

    session_id: str
    reason: str = CLOSED_BY_HOST
    """A sentence for the guest and the log."""
    code: EndCode = EndCode.CLOSED


class KeepOpen(Command[bool], frozen=True, tag=True):
    """Keep a session that is about to end as idle; False when there is no such session."""

    session_id: str


class SetGuestTimeout(Command[None], frozen=True, tag=True):
    """End guests' sessions after ``seconds`` without input and output, from now on; 0: never."""

    seconds: float


class SetGrace(Command[None], frozen=True, tag=True):
    """End guests' shells that nobody is attached to after ``seconds``, from now on; 0: never."""

    seconds: float


class SetRecording(Command[None], frozen=True, tag=True):
    """Record every shell that starts from now on, or no longer. Running shells are as before."""

    on: bool


class SetShared(Command[None], frozen=True, tag=True):
    """Let guests open a target without a link, or no longer; "*" is every container.

    Live sessions continue.
    """

    target: str
    shared: bool


class CreateLink(Command[Share], frozen=True, tag=True):
    """Create a link to one target. Raises LimitError.

    ``seconds`` is how long sessions may begin with it; None: until it is revoked.
    ``approval``: the host is asked for each guest. Unless ``by_name``, it opens the container that
    has the name now, and no later one. ``kept``: it outlives the program; that also raises
    TargetNotFoundError, and SettingsError when links cannot be kept. ``shell``: the link joins
    this running shell, whose target ``target`` then is, and ends with it; raises
    ShellNotFoundError. ``record``: shells opened with the link are recorded from their start, and
    a running shell from now on.
    """

    target: str
    role: Role = Role.CONTROL
    approval: bool = False
    seconds: float | None = None
    single_use: bool = False
    kept: bool = False
    shell: str = ""
    by_name: bool = False
    record: bool = False


class RevokeLink(Command[None], frozen=True, tag=True):
    """Revoke a link and end the sessions it opened. Raises LinkUnknownError."""

    link_id: str


class DecideApproval(Command[bool], frozen=True, tag=True):
    """Decide on a waiting guest: admit as ``role``, or deny with None.

    ``remember`` applies it to the link: later guests get that role without approval, or,
    after a denial, the link is revoked. False when that guest no longer waits.
    """

    session_id: str
    role: Role | None
    remember: bool = False


class StartTarget(Command[None], frozen=True, tag=True):
    """Start a stopped container, or unpause a paused one; done once it is listed as running.

    Raises TargetNotFoundError, DockerError, and TargetNotRunningError when it stops again at once.
    """

    target: str


class OpenShell(Command[str], frozen=True, tag=True):
    """Start an own shell in a target; returns its id. ControlApi.attach() attaches to it.

    ``command``: a program with its arguments instead of the target's shell. Raises
    TargetError, NoShellError, PTYOpenError, DockerError, LimitError.
    """

    target: str
    size: Size = Size()
    command: tuple[str, ...] = ()


class EndShell(Command[None], frozen=True, tag=True):
    """End a shell and its processes, whoever is in it. An unknown shell is not an error.

    ``everything``: also what asked to keep running (nohup, setsid).
    """

    shell_id: str
    reason: str = CLOSED_BY_HOST
    everything: bool = False


class SetRole(Command[None], frozen=True, tag=True):
    """Change what a participant may do. Raises ShellNotFoundError; so do the next commands."""

    shell_id: str
    participant: str
    role: Role


class RemoveGuest(Command[None], frozen=True, tag=True):
    """Remove a guest for good: it is refused from now on."""

    shell_id: str
    participant: str
    then: AfterRemoval = AfterRemoval.NOTHING


class TakeKeyboard(Command[None], frozen=True, tag=True):
    """``participant`` alone may type."""

    shell_id: str
    participant: str


class OpenKeyboard(Command[None], frozen=True, tag=True):
    """Hand the keyboard back: every controller may type."""

    shell_id: str


class GrantKeyboard(Command[None], frozen=True, tag=True):
    """Give the keyboard to a participant that may or may not have asked for it."""

    shell_id: str
    participant: str


class DenyKeyboard(Command[None], frozen=True, tag=True):
    shell_id: str
    participant: str


class Freeze(Command[None], frozen=True, tag=True):
    """No guest types, or they do again (``on=False``). ``shell_id`` "": in all shells that
    have guests."""

    shell_id: str = ""
    on: bool = True


class Lock(Command[None], frozen=True, tag=True):
    """Freeze all shells that have guests and pause all links, or undo both."""

    on: bool = True


class PinSize(Command[None], frozen=True, tag=True):
    """Fix a shell's size; None: its smallest controller decides again."""

    shell_id: str
    size: Size | None


class Record(Command[None], frozen=True, tag=True):
    """Start or stop the recording of a shell."""

    shell_id: str
    on: bool = True


class KeepShell(Command[bool], frozen=True, tag=True):
    """Keep a shell that is about to end as idle; False when there is no such shell."""

    shell_id: str


class ListRecordings(Command[tuple[RecordingInfo, ...]], frozen=True, tag=True):
    """The recordings of this profile, newest first; running ones too. Raises RecordingError."""


class DeleteRecording(Command[None], frozen=True, tag=True):
    """Delete a finished recording.

    Raises RecordingNotFoundError, RecordingRunningError, and RecordingError when the file cannot
    be deleted.
    """

    recording_id: str


class EndOrphans(Command[OrphansEnded], frozen=True, tag=True):
    """End the shells that earlier runs left (see the query Orphans).

    ``kept``: also what asked to keep running, of these shells and of those that are kept.
    Waits up to 10 s; what is left then is tried again later. Shells of programs that run and
    of other hosts are never ended.
    """

    kept: bool = False


class ShowWindow(Command[bool], frozen=True, tag=True):
    """Show the window of this engine, and in it ``link``, unless that is ""; False without one.

    Published as WindowRequested.
    """

    link: str = ""


class RunSelfTest(Command[SelfTestReport], frozen=True, tag=True):
    """Run the loopback test against one target; failures are in the report.

    Each stage is published as SelfTestStage with the same ``run``, which the caller chooses.
    Without ``relay`` it is the short form: signaling stays in this process, and the relay's stage
    is skipped.
    """

    target: str
    run: str = ""
    relay: bool = True


class WaitForTargets(Command[bool], frozen=True, tag=True):
    """Whether every Docker engine has answered or failed within ``seconds``."""

    seconds: float


class WaitForRelay(Command[bool], frozen=True, tag=True):
    """Whether the relay is connected within ``seconds``."""

    seconds: float


class WaitUntilRegistered(Command[bool], frozen=True, tag=True):
    """Whether the relay has confirmed our targets and links within ``seconds``."""

    seconds: float
