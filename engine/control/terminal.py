"""The handle for an own terminal that is connected as a peer, without a relay."""

from __future__ import annotations

from engine.agent.agent import Agent
from engine.client.peer import TerminalPeer
from engine.control.api import Ended, Output
from engine.core.model import Size


class PeerTerminal:
    """A TerminalHandle. The peer calls ``output`` directly."""

    def __init__(self, agent: Agent, peer: TerminalPeer, output: Output, ended: Ended) -> None:
        self._agent = agent
        self._peer = peer
        self._output = output
        self._ended = ended

    @property
    def session_id(self) -> str:
        return self._peer.session_id

    @property
    def is_closed(self) -> bool:
        return self._peer.is_closed

    def send(self, data: bytes) -> None:
        self._peer.send(data)

    def resize(self, size: Size) -> None:
        self._peer.resize(size)

    def rendered(self, count: int) -> None:
        self._peer.rendered(count)

    def keep(self) -> None:
        self._peer.keep()

    async def reconnect(self) -> None:
        lost = self._peer
        # After a failed attempt the next one continues from it: it may have received output.
        self._peer = self._agent.successor(lost, self._output, self._ended)
        try:
            await self._peer.connect()
        finally:
            await lost.close()

    async def close(self) -> None:
        await self._peer.close()
