"""A guest at the other end of a memory channel, and a host that hands out echo PTYs."""

from __future__ import annotations

import json
from typing import Any

from engine.core.errors import HatchwayError, TargetNotFoundError
from engine.core.model import ParticipantKind, Role, Size
from engine.pty.base import PTY
from engine.sessions.terminal_channel import TerminalChannel
from engine.shells.participant import Participant, Permission
from engine.shells.shell import Shell, ShellLimits
from engine.transport.channel import Message
from engine.wire import terminal as wire
from tests.engine.pty.echo import EchoPTY
from tests.engine.transport.memory_channel import MemoryChannel, memory_pair
from tests.engine.until import until


class Host:
    """A TerminalHost without a session: opens ``self.make`` for every device but "gone"."""

    session_id = "s1"
    device_id = "echo"
    positions = (0, 0)
    joins = ""

    def __init__(self) -> None:
        self.bridge: Participant | None = None
        self.shell: Shell | None = None
        self.opened: list[tuple[str, Size]] = []
        self.events: list[str] = []
        self.permission = Permission()

    def make(self, size: Size) -> PTY:
        return EchoPTY(size)

    def size_hint(self) -> Size:
        return Size()

    async def connect_pty(
        self, device_id: str, size: Size, channel: TerminalChannel
    ) -> Participant:
        if device_id == "gone":
            raise TargetNotFoundError(device_id)
        self.opened.append((device_id, size))
        limits = ShellLimits(replay_bytes=64 * 1024)
        self.shell = Shell(self.make(size), shell_id="shell", limits=limits)
        self.bridge = self.shell.join(ParticipantKind.GUEST, Role.CONTROL, opens=True)
        self.bridge.permit(self.permission)
        return self.bridge

    def welcome(self, start: int, resumed: bool) -> wire.Welcome:
        return wire.Welcome(
            "s1", "echo", Role.CONTROL, "token", 256 * 1024, start, resumed, shell="shell"
        )

    def touch(self) -> None: ...

    def introduce(self, hello: wire.Hello) -> None: ...

    def revealed(self, nonce: str) -> None:
        self.events.append(f"revealed {nonce}")

    def keep(self) -> None: ...

    def heard(self) -> None: ...

    def guest_closed(self) -> None:
        self.events.append("closed by guest")

    def channel_lost(self, channel: TerminalChannel) -> None:
        self.events.append("lost")

    def broken(self, error: HatchwayError) -> None:
        self.events.append(f"broken: {error.code}")


class Guest:
    """Talks to a TerminalChannel; keeps everything that came."""

    def __init__(self, protocol: str = "", host: Host | None = None) -> None:
        self.host = host or Host()
        self.end, agent_end = memory_pair("terminal", protocol)
        self.agent_end: MemoryChannel = agent_end
        self.messages: list[dict[str, Any]] = []
        self.output = b""
        self.text = ""
        self.closed_count = 0
        self.channel = TerminalChannel(agent_end, self.host, input_limit=256 * 1024)
        self.end.attach(self)

    async def start(self) -> Guest:
        self.channel.start()
        if self.end.protocol:
            self.say(type="hello", cols=100, rows=30)
        await until(lambda: self.of("pty_connected"))
        return self

    def say(self, **message: Any) -> None:
        self.end.post(json.dumps(message))

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["type"] == kind]

    async def stop(self) -> None:
        if self.host.shell is not None:
            await self.host.shell.finish("Closed")
        await self.channel.close()

    def message(self, message: Message) -> None:
        if isinstance(message, bytes):
            self.output += message
            return
        decoded = json.loads(message)
        self.messages.append(decoded)
        if decoded["type"] == "output":
            self.text += decoded["data"]

    def malformed(self, problem: str) -> None: ...

    def closed(self) -> None:
        self.closed_count += 1
