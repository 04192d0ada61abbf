"""Another program embeds the engine, as the first integration guide showed it.

Joins the rooms sessions, shells, pty and transport: everything below uses the public names of
``engine`` and plain aiortc, on a real shell and a real peer connection.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription

from engine import (
    PTYBridge,
    SessionState,
    TerminalChannel,
    WebRTCSessionManager,
    create_pty_session,
)
from engine.core.model import LOCAL_TARGET, Size, Target, TargetKind
from engine.core.settings import DockerSettings, TerminalSettings
from engine.docker.engines import DockerEngines
from tests.engine.until import until


class Embedder:
    """The host's side: a manager whose terminals are shells of this computer."""

    def __init__(self) -> None:
        self.docker = DockerEngines(DockerSettings(enabled=False))
        self.manager = WebRTCSessionManager(open_pty=self.open_pty)

    async def open_pty(self, session: Any, device_id: str, size: Size) -> Any:
        return await create_pty_session(
            Target(id=LOCAL_TARGET, kind=TargetKind.LOCAL, name=device_id),
            session_id=session["id"],
            size=size,
            docker=self.docker,
            settings=TerminalSettings(),
        )


class Page:
    """The guest's side: a peer connection with the data channel ``terminal``, plain dialect."""

    def __init__(self) -> None:
        self.pc = RTCPeerConnection()
        self.messages: list[dict[str, Any]] = []
        self.channel = self.pc.createDataChannel("terminal")
        self.channel.on("message", lambda text: self.messages.append(json.loads(text)))

    async def offer(self) -> RTCSessionDescription:
        await self.pc.setLocalDescription(await self.pc.createOffer())
        return self.pc.localDescription

    def say(self, **message: Any) -> None:
        self.channel.send(json.dumps(message))

    async def got(self, kind: str) -> dict[str, Any]:
        await until(lambda: kind in [message["type"] for message in self.messages], what=kind)
        return next(message for message in self.messages if message["type"] == kind)

    def printed(self) -> str:
        return "".join(m["data"] for m in self.messages if m["type"] == "output")


@pytest.fixture
async def embedder() -> AsyncIterator[Embedder]:
    made = Embedder()
    await made.manager.start()
    yield made
    await made.manager.stop()
    await made.docker.close()


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    made = Page()
    yield made
    await made.pc.close()


async def test_a_guests_page_and_a_shell_are_joined_by_the_public_names(
    embedder: Embedder, page: Page
) -> None:
    manager = embedder.manager
    pc = await manager.create_session("test-session", LOCAL_TARGET)
    session = manager.get_session("test-session")
    assert session is not None
    assert session["state"] == SessionState.CREATED
    assert session["device_id"] == LOCAL_TARGET
    created_at = session["last_activity"]

    await pc.setRemoteDescription(await page.offer())
    await manager.update_session_state("test-session", SessionState.CONNECTING)
    assert session["state"] == SessionState.CONNECTING
    await pc.setLocalDescription(await pc.createAnswer())
    await page.pc.setRemoteDescription(pc.localDescription)

    await page.got("ready")
    assert (await page.got("pty_connected"))["container"] == LOCAL_TARGET
    assert session["state"] == SessionState.CONNECTED
    channel, bridge = session.channel, session.bridge
    assert isinstance(channel, TerminalChannel)
    assert isinstance(bridge, PTYBridge)
    assert bridge.is_connected

    page.say(type="resize", cols=101, rows=33)
    page.say(type="input", data="stty size; echo result-$((6*7))\n")
    await until(lambda: "33 101" in page.printed() and "result-42" in page.printed())
    assert session["last_activity"] > created_at

    page.say(type="ping")
    await page.got("pong")

    await manager.close_session("test-session", reason="done")
    assert manager.get_session("test-session") is None
    assert session["state"] == SessionState.CLOSED
    assert not bridge.is_connected
    assert (await page.got("pty_disconnected"))["reason"] == "done"


async def test_the_end_of_the_shell_reaches_the_page_with_its_exit_code(
    embedder: Embedder, page: Page
) -> None:
    pc = embedder.manager.create_session("s", LOCAL_TARGET)  # awaiting it is optional
    await pc.setRemoteDescription(await page.offer())
    embedder.manager.update_session_state("s", SessionState.CONNECTING)  # and so is this
    await pc.setLocalDescription(await pc.createAnswer())
    await page.pc.setRemoteDescription(pc.localDescription)
    await page.got("pty_connected")
    session = embedder.manager.get_session("s")
    assert session is not None
    page.say(type="input", data="exit 7\n")
    assert (await page.got("pty_disconnected"))["exit_code"] == 7
    assert session.bridge is not None
    assert not session.bridge.is_connected
