"""The engine's commands: one frozen value per command.

Each class names its result type: ``class CreateLink(Command[Share])``. Values are encoded
with their class name in ``type``, so that one decoder reads a stream of them.
"""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from engine.core.model import EndCode, OrphansEnded, Role, Share
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


class SetShared(Command[None], frozen=True, tag=True):
    """Let guests open a target without a link, or no longer; "*" is every container.

    Live sessions continue.
    """

    target: str
    shared: bool


class CreateLink(Command[Share], frozen=True, tag=True):
    """Create a link to one target. Raises LimitError.

    ``seconds`` is how long sessions may begin with it; None: until it is revoked.
    ``approval``: the host is asked for each guest. ``kept``: it outlives the program, and a
    later container of the same name is not its target. That also raises TargetNotFoundError,
    and SettingsError when links cannot be kept.
    """

    target: str
    role: Role = Role.CONTROL
    approval: bool = False
    seconds: float | None = None
    single_use: bool = False
    kept: bool = False


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


class EndOrphans(Command[OrphansEnded], frozen=True, tag=True):
    """End the shells that earlier runs left (see the query Orphans).

    ``kept``: also what asked to keep running, of these shells and of those that are kept.
    Waits up to 10 s; what is left then is tried again later. Shells of programs that run and
    of other hosts are never ended.
    """

    kept: bool = False


class RunSelfTest(Command[SelfTestReport], frozen=True, tag=True):
    """Run the loopback test against one target; failures are in the report.

    Each stage is published as SelfTestStage with the same ``run``, which the caller chooses.
    """

    target: str
    run: str = ""


class WaitForTargets(Command[bool], frozen=True, tag=True):
    """Whether every Docker engine has answered or failed within ``seconds``."""

    seconds: float


class WaitForRelay(Command[bool], frozen=True, tag=True):
    """Whether the relay is connected within ``seconds``."""

    seconds: float


class WaitUntilRegistered(Command[bool], frozen=True, tag=True):
    """Whether the relay has confirmed our targets and links within ``seconds``."""

    seconds: float
