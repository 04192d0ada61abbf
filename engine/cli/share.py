"""``share [TARGET]``: start one shell, share it by a link, and type in it here.

``share()`` needs no more than a ControlApi: that of the running instance of the profile, or of an
engine of this process. The exit code is the shell's when its program ended, else 0.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from engine.cli.exit_codes import FAILED, USAGE_ERROR
from engine.cli.start import RELAY_SECONDS, hosting, running_instance
from engine.cli.tty import is_tty
from engine.control.commands import (
    CreateLink,
    EndShell,
    OpenShell,
    WaitForTargets,
    WaitUntilRegistered,
)
from engine.control.queries import Host, LinkUrl
from engine.core import events as ev
from engine.core import log, stdio
from engine.core.addresses import is_loopback
from engine.core.errors import HostStoppedError, PTYOpenError
from engine.core.model import LOCAL_TARGET, Role, ShellInfo
from engine.core.tasks import start
from engine.core.text import shown

if TYPE_CHECKING:
    from engine.cli.host_tty import HostTty
    from engine.cli.parser import CommandLine
    from engine.control.api import ControlApi
    from engine.control.socket.client import RemoteControl
    from engine.core.model import Share
    from engine.core.settings import Settings

CATALOGUE_SECONDS = 5.0
"""How long to wait for the first answer of the Docker engines."""
MAX_LINE = 1000
"""Characters of a printed line that repeats the text of a container or an engine."""
NO_TTY = (
    "Error: share needs a terminal at standard input and standard output; "
    "with --no-attach it needs none"
)
NO_WINDOWS = "Error: on Windows, share needs --no-attach"
NOBODY_CAN_APPROVE = "Error: Nobody can approve guests: drop {flag}, or open the window."
NO_COMMAND = "Error: --command needs a program"
ONLY_HERE_EMBEDDED = (
    "The link works on this computer only: the built-in relay listens on {host}. For guests "
    "elsewhere, set relay.url (--relay URL) to a relay that they can reach, or relay.host "
    "(--listen HOST:PORT) to an address of this computer."
)
ONLY_HERE = (
    "The link works on this computer only: the relay's address is {host}. For guests elsewhere, "
    "set relay.public_url (--public-url URL) to the address by which they reach it."
)
NOT_YET = "The relay has not confirmed the link. Guests can join once it is connected."
LEAVE = "Press Enter, then ~. to stop sharing, ~? for more."
LEAVE_KEPT = "Press Enter, then ~. to leave; sharing goes on. ~? for more."


@dataclass(frozen=True, slots=True)
class Request:
    """What to share, and how. ``seconds``: how long guests may join; None: until the end.

    ``attach``: this process's terminal takes part. ``keep``: sharing goes on when it has left.
    ``record``: the terminal is recorded.
    """

    target: str = LOCAL_TARGET
    roles: tuple[Role, ...] = (Role.CONTROL,)
    ask: bool = False
    seconds: float | None = None
    single_use: bool = False
    command: tuple[str, ...] = ()
    attach: bool = True
    keep: bool = False
    as_json: bool = False
    record: bool = False


async def run(line: CommandLine, settings: Settings) -> int:
    """Share in the running instance of the profile, else in this process. Raises HatchwayError
    and OSError."""
    request = request_of(line, settings)
    if "log_level" not in line.options:
        # Somebody's terminal, or a script's standard error: INFO would be noise.
        log.configure("WARNING")
    remote = await running_instance(line)
    try:
        there = remote if remote is not None and remote.lasting else None
        approver = there is not None and there.ask(Host()).attended
        if (refusal := refused(line, request, approver=approver)) is not None:
            stdio.warn(refusal)
            return USAGE_ERROR
        if there is not None:
            return await _share_there(there, request)
    finally:
        if remote is not None:
            await remote.stop()
    # Others must not open shells in it: it ends with this one.
    async with hosting(settings, lasting=False) as control:
        return await share(control, request)


async def _share_there(remote: RemoteControl, request: Request) -> int:
    """Share in another program, until that ends. Raises HatchwayError and OSError."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(None) as limit:

            async def watch() -> None:
                await remote.lost()
                limit.reschedule(loop.time())

            watching = start(watch(), "watch the running instance")
            try:
                return await share(remote, request, hosts=False)
            finally:
                watching.cancel()
    except TimeoutError:
        raise HostStoppedError("The running Hatchway has stopped") from None


def request_of(line: CommandLine, settings: Settings) -> Request:
    given = line.options
    role = Role.VIEW if "view" in given else Role.CONTROL
    target = given.get("target") or LOCAL_TARGET
    return Request(
        target=target,
        roles=(role, Role.VIEW) if "also_view" in given else (role,),
        ask="ask" in given,
        seconds=settings.share.link_seconds or None,
        single_use=settings.share.single_use,
        command=tuple(given.get("program", ())),
        attach=not ("no_attach" in given or "json" in given),
        keep="keep" in given,
        as_json="json" in given,
        record="record" in given,
    )


def refused(line: CommandLine, request: Request, *, approver: bool = False) -> str | None:
    """Why the request cannot be carried out, as a line for standard error.

    ``approver``: the engine has a window or the like, in which guests can be approved.
    """
    if "program" in line.options and not request.command:
        return NO_COMMAND
    if not request.attach:
        flag = "--no-attach" if "no_attach" in line.options else "--json"
        return NOBODY_CAN_APPROVE.format(flag=flag) if request.ask and not approver else None
    if sys.platform == "win32":
        return NO_WINDOWS
    return None if is_tty(sys.stdin) and is_tty(sys.stdout) else NO_TTY


async def share(control: ControlApi, request: Request, *, hosts: bool = True) -> int:
    """Share until the shell ends or, unless ``request.keep``, this terminal leaves it.

    ``hosts``: the engine runs as long as this process does; else what is kept needs no waiting.
    Cancelling it ends the shell. Raises HatchwayError and OSError.
    """
    tty: HostTty | None = None
    if request.attach:
        from engine.cli.host_tty import HostTty

        stdio.warn("Starting…")
        tty = HostTty(control)
    sharing = _Sharing(control, request)
    try:
        await sharing.open(tty)
        return await sharing.go_on(tty, hosts=hosts)
    finally:
        if tty is not None:
            await tty.leave()
        await sharing.end()


class _Sharing:
    """One shell and its links."""

    def __init__(self, control: ControlApi, request: Request) -> None:
        self._control = control
        self._request = request
        self._shell_id = ""
        self._kept = False
        self._ended: dict[str, ShellInfo] = {}
        self._one_ended = asyncio.Event()
        self._unsubscribe = control.subscribe(self._on_event)

    async def open(self, tty: HostTty | None) -> None:
        """Start the shell, and make and print its links."""
        control, request = self._control, self._request
        if request.target != LOCAL_TARGET:
            await control.do(WaitForTargets(CATALOGUE_SECONDS))
        command = request.command
        if command and request.target == LOCAL_TARGET:
            command = in_this_folder(command)
        if tty is None:
            self._shell_id = await control.do(OpenShell(request.target, command=command))
        else:
            self._shell_id = await control.do(OpenShell(request.target, tty.size, command))
            # At once, so that it gets all that the shell prints.
            tty.attach(self._shell_id)
        links = [await self._create(role) for role in request.roles]
        confirmed = await control.do(WaitUntilRegistered(RELAY_SECONDS))
        urls = [(link, control.ask(LinkUrl(link.id))) for link in links]
        if reach := self._reach(urls[0][1]):
            stdio.warn(shown(reach, MAX_LINE))
        if not confirmed:
            stdio.warn(NOT_YET)
        if request.as_json:
            for link, url in urls:
                stdio.say(json.dumps(self._row(link, url)))
            return
        _print_links(urls)
        if tty is None:
            stdio.say("Stop with Ctrl+C.")
        else:
            tty.show_links([f"{_words(link)}: {url}" for link, url in urls])
            stdio.warn(LEAVE_KEPT if request.keep else LEAVE)

    async def go_on(self, tty: HostTty | None, *, hosts: bool) -> int:
        """Until it is over; the exit code."""
        if tty is not None:
            from engine.cli.host_tty import End

            if self._request.keep:
                _outlive_the_terminal()
            end = await tty.stay()
            if end is not End.SHELL and self._request.keep:
                await tty.leave()
                self._kept = not hosts
                if self._kept:
                    return 0
                stdio.warn("Sharing goes on. Stop with Ctrl+C.")
            else:
                if end is not End.LEFT:
                    stdio.warn(shown(tty.reason, MAX_LINE))
                return _exit_code(tty.exit_code) if end is End.SHELL else 0
        while (shell := self._ended.get(self._shell_id)) is None:
            self._one_ended.clear()
            await self._one_ended.wait()
        reason = shell.exit.reason if shell.exit else "The terminal has ended"
        stdio.warn(shown(reason, MAX_LINE))
        return _exit_code(shell.exit.exit_code if shell.exit else None)

    async def end(self) -> None:
        """End the shell, and with it its links."""
        self._unsubscribe()
        if self._shell_id and not self._kept:
            await self._control.do(EndShell(self._shell_id))

    async def _create(self, role: Role) -> Share:
        request = self._request
        return await self._control.do(
            CreateLink(
                request.target,
                role,
                approval=request.ask,
                seconds=request.seconds,
                single_use=request.single_use,
                shell=self._shell_id,
                record=request.record,
            )
        )

    def _row(self, link: Share, url: str) -> dict[str, object]:
        row: dict[str, object] = {
            "url": url,
            "role": link.role.value,
            "target": link.target,
            "shell": self._shell_id,
        }
        return row | ({"approval": True} if link.approval else {})

    def _reach(self, url: str) -> str:
        """Which setting lets guests on other computers in, if none can come; else empty."""
        host = urlsplit(url).hostname or ""
        if not is_loopback(host):
            return ""
        embedded = self._control.ask(Host()).relay.embedded
        return (ONLY_HERE_EMBEDDED if embedded else ONLY_HERE).format(host=host)

    def _on_event(self, event: ev.Event) -> None:
        if isinstance(event, ev.ShellEnded) and self._shell_id in ("", event.shell.id):
            # Ours may end before its id is known.
            self._ended[event.shell.id] = event.shell
            self._one_ended.set()


def in_this_folder(command: tuple[str, ...]) -> tuple[str, ...]:
    """``command``, run in the current folder rather than at home. Raises PTYOpenError."""
    if shutil.which(command[0]) is None:
        raise PTYOpenError(f"{shown(command[0])} is not a program that can be run here")
    return ("/bin/sh", "-c", 'cd -- "$0" && exec "$@"', os.getcwd(), *command)


def _print_links(urls: list[tuple[Share, str]]) -> None:
    """With a QR code of the first one, where it fits."""
    from engine.cli.qr import qr_lines, qr_width

    if is_tty(sys.stdout):
        code = qr_lines(urls[0][1])
        if qr_width(code) <= shutil.get_terminal_size().columns:
            stdio.say("\n".join(code))
    stdio.say("\n".join(f"{_words(link)}: {url}" for link, url in urls))


def _words(link: Share) -> str:
    role = "Link" if link.role is Role.CONTROL else "Link to watch"
    return f"{role} (you are asked)" if link.approval else role


def _outlive_the_terminal() -> None:
    """Closing the terminal detaches it, and ends nothing."""
    if sys.platform != "win32":
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, lambda: None)


def _exit_code(code: int | None) -> int:
    return code if code is not None and 0 <= code <= 255 else FAILED
