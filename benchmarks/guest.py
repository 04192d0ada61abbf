"""A child that is a guest of another make: C++ WebRTC, python-socketio, docs/PROTOCOL.md.

Owns opening sessions over its connections to the relay. Does not own measuring
beyond the clock of an opening. Speaks hatchway.v1, for which floods acknowledge.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
import time
from collections.abc import Iterator
from itertools import cycle, pairwise
from typing import Any

import aiohttp
import socketio

from benchmarks import loops
from benchmarks.ldc import RESET, GuestLink
from benchmarks.process import claim_output, serve
from benchmarks.service import LinkService
from engine.transport.sdp import fingerprint
from engine.wire.proof import offer_proof

SWITCH_SECONDS = 0.0005
"""The interpreter's switch interval: one callback must not wait 5 ms for another."""
ANSWER_SECONDS = 30.0
RAW = b" stty raw -echo; printf 'GO%%s' %d; exec %s\r"
ADDRESSES = ("127.0.0.1", "127.0.0.2")
"""A host lets no address open more than 16 connections at once, and twenty are measured."""
PROMPT = b"# "
"""How root's prompt ends in the test images."""


class Guest(LinkService):
    def __init__(self) -> None:
        super().__init__()
        self._lines: list[socketio.AsyncClient] = []
        self._next_line: Iterator[socketio.AsyncClient] = cycle(self._lines)
        self._agent_id = ""

    async def op_relay(self, url: str, token: str, agent_id: str) -> None:
        """Connect to the relay once; everything else needs it."""
        self._agent_id = agent_id
        for address in ADDRESSES:
            connector = aiohttp.TCPConnector(local_addr=(address, 0))
            line = socketio.AsyncClient(
                reconnection=False,
                handle_sigint=False,
                http_session=aiohttp.ClientSession(connector=connector),
            )
            self._lines.append(line)
            await line.connect(
                url, auth={"token": token, "role": "guest"}, transports=["websocket"]
            )
        self._next_line = cycle(self._lines)

    async def op_open(
        self, target: str, count: int = 1, at_once: int = 1, cols: int = 80, rows: int = 24
    ) -> dict[str, Any]:
        """Open sessions, ``at_once`` at a time. ``times``: from nothing to the prompt, each;
        ``phases``: how long each of benchmarks.exec_figures.PHASES took, each;
        ``lasted``: all of it, in seconds."""
        gate = asyncio.Semaphore(at_once)

        async def one() -> tuple[str, list[float]]:
            async with gate:
                return await self._open(target, GuestLink(cols, rows))

        began = time.perf_counter()
        found = await asyncio.gather(*(one() for _ in range(count)))
        return {
            "keys": [key for key, _ in found],
            "times": [sum(phases) for _, phases in found],
            "phases": [phases for _, phases in found],
            "lasted": time.perf_counter() - began,
        }

    async def op_run(self, key: str, program: str) -> None:
        """Replace the shell by ``program`` on a raw terminal; back when it is about to start."""
        link = self.links[key]
        number = secrets.randbelow(900) + 100
        link.expect(b"GO%d" % number)
        link.type(RAW % (number, program.encode()))
        await link.marked()

    async def op_print(self, keys: list[str], commands: list[str], at_once: int) -> None:
        """Have each shell run its command; back when all that they print is here."""
        gate = asyncio.Semaphore(at_once)

        async def one(key: str, command: str) -> None:
            async with gate:
                link = self.links[key]
                link.expect(b"DONE" + key.encode())
                # In two parts: the echo of the line is no mark.
                link.type(f" {command}; printf 'DONE%s' {key}\r".encode())
                await link.marked()

        await asyncio.gather(*map(one, keys, commands))

    async def close(self) -> None:
        await super().close()
        for line in self._lines:
            await line.disconnect()
            await line.eio.http.close()

    async def op_join(self, target: str, share: str, secret: str, count: int) -> dict[str, Any]:
        """Join a shell by a link, ``count`` times at once. ``times``: from nothing to the first
        screen, each."""
        joins = share, bytes.fromhex(secret)
        opening = (self._open(target, GuestLink(), joins) for _ in range(count))
        found = await asyncio.gather(*opening)
        return {"keys": [key for key, _ in found], "times": [sum(phases) for _, phases in found]}

    async def op_screens(self, keys: list[str]) -> dict[str, Any]:
        """The time, and how many screens these got so far."""
        return {
            "at": time.perf_counter(),
            "count": sum(self.links[key].screens for key in keys),
        }

    async def _open(
        self, target: str, link: GuestLink, joins: tuple[str, bytes] | None = None
    ) -> tuple[str, list[float]]:
        """``joins``: a link's id and secret."""
        marks = [time.perf_counter()]
        link.expect(RESET if joins else PROMPT)
        key = self.add(link)
        sdp = await link.offer()
        offer: dict[str, Any] = {
            "session_id": secrets.token_hex(12),
            "device_id": target,
            "agent_id": self._agent_id,
            "sdp": sdp,
            "sdp_type": "offer",
            "cols": link.cols,
            "rows": link.rows,
        }
        if joins is not None:
            nonce = secrets.token_hex(16)
            mac = offer_proof(joins[1], str(offer["session_id"]), fingerprint(sdp), nonce)
            offer["proof"] = {"share": joins[0], "nonce": nonce, "mac": mac}
        marks.append(time.perf_counter())
        reply: Any = await next(self._next_line).call("webrtc:offer", offer, timeout=ANSWER_SECONDS)
        if reply.get("status") != "success":
            raise RuntimeError(f"Refused: {reply}")
        marks.append(time.perf_counter())
        await link.accept(reply["sdp"])
        await link.marked()
        marks += [link.opened_at, time.perf_counter()]
        return key, [after - before for before, after in pairwise(marks)]


def main() -> None:
    pipe = claim_output()
    sys.setswitchinterval(SWITCH_SECONDS)

    async def work() -> None:
        await serve(Guest(), pipe)

    loops.run("asyncio", work)


if __name__ == "__main__":
    main()
