"""Opens a terminal in a target: chooses the PTY backend for the target's kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from engine.core.errors import TargetNotRunningError
from engine.core.model import TargetKind, TargetState
from engine.pty.docker_exec import DockerExecPTY
from engine.pty.local_shell import LocalShellPTY

if TYPE_CHECKING:
    from engine.core.model import Size, Target
    from engine.core.settings import TerminalSettings
    from engine.docker.engines import DockerEngines
    from engine.pty.base import PTY
    from engine.pty.ends.ends import TerminalEnds


async def create_pty_session(
    target: Target,
    *,
    session_id: str,
    size: Size,
    docker: DockerEngines,
    settings: TerminalSettings,
    ends: TerminalEnds | None = None,
    command: tuple[str, ...] = (),
) -> PTY:
    """A terminal whose shell runs at ``size``; the caller closes it.

    ``command``: a program and its arguments to run instead of a shell. It is found by PATH.

    ``ends`` continues to end its processes after close() has reached its time limit;
    without it they are abandoned then.

    Raises TargetNotFoundError, TargetNotRunningError, NoShellError, PTYOpenError,
    or a DockerError.
    """
    if target.state is not TargetState.RUNNING:
        raise TargetNotRunningError(f"{target.name} is {target.state}")
    match target.kind:
        case TargetKind.LOCAL:
            return await LocalShellPTY.open(
                session_id=session_id,
                size=size,
                settings=settings,
                ends=ends,
                command=command,
            )
        case TargetKind.CONTAINER:
            return await DockerExecPTY.open(
                target,
                session_id=session_id,
                size=size,
                docker=docker,
                settings=settings,
                ends=ends,
                command=command,
            )
        case unknown:
            assert_never(unknown)
