"""``ctl``: what the running Hatchway of this profile has, and what it shall do."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from engine.cli.exit_codes import FAILED
from engine.control.commands import DecideApproval, EndShell, Freeze, Lock
from engine.control.queries import Links, LinkUrl, Shells
from engine.control.socket.instance import find_running
from engine.core import log, stdio
from engine.core.errors import HatchwayError, HostStoppedError, OutputError
from engine.core.model import ASK, KeyboardState, Role, Share, ShareState, ShellInfo
from engine.core.settings import config_dir
from engine.core.tasks import start
from engine.core.text import shown

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from engine.cli.parser import CommandLine
    from engine.control.socket.client import RemoteControl
    from engine.core.events import Event
    from engine.core.settings import Settings

MAX_LINE = 1000
"""Characters of a printed line that repeats text of guests and containers."""
MAX_NAME = 40
NOBODY = "Error: No Hatchway is running for this profile"
NO_SHELLS = "No terminal is open."
NO_LINKS = "There are no links."

Options = Mapping[str, Any]


async def run(line: CommandLine, settings: Settings) -> int:
    """Exit code 1 when no instance runs, or what is named does not exist. Raises HatchwayError."""
    if "log_level" not in line.options:
        log.configure("WARNING")
    remote = await find_running(config_dir())
    if remote is None:
        stdio.warn(NOBODY)
        return FAILED
    try:
        return await _ACTIONS[line.options["action"]](remote, line.options)
    finally:
        await remote.stop()


# -- what there is


async def _shells(remote: RemoteControl, options: Options) -> int:
    shells = remote.ask(Shells())
    if "json" in options:
        stdio.say(json.dumps({"shells": msgspec.to_builtins(shells)}))
    elif shells:
        _print_table([_shell_row(one) for one in shells])
    else:
        stdio.warn(NO_SHELLS)
    return 0


def _shell_row(shell: ShellInfo) -> tuple[str, ...]:
    people = [one for one in shell.participants if one.attached and not one.kind.is_host]
    who = ", ".join(f"{shown(one.name, MAX_NAME) or 'a guest'} ({one.role})" for one in people)
    keyboard = "" if shell.keyboard is KeyboardState.OPEN else str(shell.keyboard)
    return shell.id, shown(shell.target), keyboard, who or "no guests"


async def _links(remote: RemoteControl, options: Options) -> int:
    now = time.time()
    links = [
        (link, remote.ask(LinkUrl(link.id)))
        for link in remote.ask(Links())
        if not link.state(now).is_over
    ]
    if "json" in options:
        stdio.say(json.dumps({"links": [_link_object(*one, now) for one in links]}))
    elif links:
        _print_table([_link_row(*one, now) for one in links])
    else:
        stdio.warn(NO_LINKS)
    return 0


def _link_object(link: Share, url: str, now: float) -> dict[str, object]:
    return {
        "id": link.id,
        "target": link.target,
        "shell": link.shell,
        "role": link.role,
        "approval": link.approval,
        "state": link.state(now),
        "expires_at": link.expires_at,
        "uses": link.uses,
        "url": url,
    }


def _link_row(link: Share, url: str, now: float) -> tuple[str, ...]:
    role = ASK if link.approval else str(link.role)
    state = link.state(now)
    paused = "" if state is ShareState.ACTIVE else str(state)
    return link.id, shown(link.target), role, paused, url


def _print_table(rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True) if width]
        stdio.say(shown("  ".join(cells).rstrip(), MAX_LINE))


async def _events(remote: RemoteControl, options: Options) -> int:
    """Until the instance stops, or nobody reads. Raises HostStoppedError and OutputError."""
    over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def end(error: HatchwayError) -> None:
        if not over.done():
            over.set_exception(error)

    def say(event: Event) -> None:
        try:
            stdio.say(json.dumps({"event": type(event).__name__, **_without_secrets(event)}))
        except OutputError as error:
            end(error)

    remote.subscribe(say, decides="decide" in options)
    watching = start(remote.lost(), "watch the running instance")
    watching.add_done_callback(lambda _: end(HostStoppedError()))
    try:
        await over
    finally:
        watching.cancel()
    return 0


def _without_secrets(event: Event) -> dict[str, Any]:
    """The event's fields, without what would open a link."""
    fields: dict[str, Any] = msgspec.to_builtins(event)
    for link in fields.get("shares", ()):
        del link["secret"]
    return fields


# -- what to do


async def _freeze(remote: RemoteControl, options: Options) -> int:
    return await _keyboards(remote, options, on=True)


async def _thaw(remote: RemoteControl, options: Options) -> int:
    return await _keyboards(remote, options, on=False)


async def _keyboards(remote: RemoteControl, options: Options, *, on: bool) -> int:
    named = options.get("shell", "")
    if not named:
        await remote.do(Freeze(on=on))
        return 0
    shell_id = _find(remote, named)
    if shell_id is None:
        return FAILED
    await remote.do(Freeze(shell_id, on))
    return 0


async def _lock(remote: RemoteControl, options: Options) -> int:
    await remote.do(Lock())
    return 0


async def _unlock(remote: RemoteControl, options: Options) -> int:
    await remote.do(Lock(on=False))
    return 0


async def _end(remote: RemoteControl, options: Options) -> int:
    shell_id = _find(remote, options["shell"])
    if shell_id is None:
        return FAILED
    await remote.do(EndShell(shell_id, everything="everything" in options))
    return 0


async def _approve(remote: RemoteControl, options: Options) -> int:
    return await _decide(remote, options, Role.VIEW if "view" in options else Role.CONTROL)


async def _deny(remote: RemoteControl, options: Options) -> int:
    return await _decide(remote, options, None)


async def _decide(remote: RemoteControl, options: Options, role: Role | None) -> int:
    session = options["session"]
    if await remote.do(DecideApproval(session, role, "remember" in options)):
        return 0
    stdio.warn(f"Error: No guest of session {shown(session)} waits")
    return FAILED


def _find(remote: RemoteControl, named: str) -> str | None:
    """The id of a shell by its beginning; None after a message."""
    ids = [shell.id for shell in remote.ask(Shells())]
    found = [named] if named in ids else [one for one in ids if one.startswith(named)]
    if len(found) == 1:
        return found[0]
    many = "Several terminals begin with" if found else "There is no terminal"
    stdio.warn(f"Error: {many} {shown(named)}")
    return None


_ACTIONS: dict[str, Callable[[RemoteControl, Options], Awaitable[int]]] = {
    "shells": _shells,
    "links": _links,
    "events": _events,
    "freeze": _freeze,
    "thaw": _thaw,
    "lock": _lock,
    "unlock": _unlock,
    "end": _end,
    "approve": _approve,
    "deny": _deny,
}
