"""libdatachannel's end of a link: an independent C++ stack, as peer, agent and guest.

Owns its threads' callbacks and keeps Python's part of them small: count, answer,
no more. Does not own signaling.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import functools
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import libdatachannel as rtc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

LABEL = "terminal"
V1 = "hatchway.v1"
MESSAGE = bytes(16 * 1024)
"""What a flood is made of: the largest message hatchway.v1 has."""
DATAGRAM_BYTES = 4096
"""Its ICE library (libjuice) reads datagrams of so many bytes whole."""
HIGH_WATER = 256 * 1024
LOW_WATER = 64 * 1024
ACK_EVERY = 16 * 1024
WAIT_SECONDS = 20.0
CLOSE_SECONDS = 3.0
RESET = b"\x1bc"
"""How a snapshot begins for a guest that does not know those."""
TAIL = 64
"""Bytes of output kept while somebody looks for a mark: more than one mark is long."""


@functools.cache
def certificate() -> tuple[str, str]:
    """A certificate and its key in PEM, one for all links of this process.

    Left to itself the library makes one per link in its pool, which has a thread per
    core, and waits for it without letting go of the interpreter's lock: once all of
    the pool's threads are in callbacks, which wait for that lock, nothing ever moves.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bench")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return made.public_bytes(serialization.Encoding.PEM).decode(), private.decode()


class Flag:
    """An asyncio.Event that any thread may set."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()

    def set(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._event.set)

    async def wait(self, seconds: float = WAIT_SECONDS) -> None:
        async with asyncio.timeout(seconds):
            await self._event.wait()


class LdcLink:
    """One peer connection with one data channel. ``echo`` answers every message with itself."""

    def __init__(self, protocol: str = "") -> None:
        config = rtc.Configuration()
        config.ice_servers = []
        config.certificate_pem_file, config.key_pem_file = certificate()
        self.received = 0
        self.echo = False
        self._protocol = protocol
        self._pc = rtc.PeerConnection(config)
        self._dc: Any = None
        self._gathered, self._open, self._closed = Flag(), Flag(), Flag()
        self._room = threading.Event()
        self._flooding: threading.Thread | None = None
        self._stop = threading.Event()
        self._pong: Callable[[], None] | None = None
        self._ping_at = 0.0
        self.opened_at = 0.0
        """By time.perf_counter(); 0 until then."""
        complete = rtc.PeerConnection.GatheringState.Complete
        self._pc.on_gathering_state_change(lambda s: self._gathered.set() if s == complete else 0)
        self._pc.on_data_channel(self._adopt)

    async def offer(self) -> str:
        init = rtc.DataChannelInit()
        init.protocol = self._protocol
        self._adopt(self._pc.create_data_channel(LABEL, init))
        await self._gathered.wait()
        return self._description()

    async def answer(self, sdp: str) -> str:
        self._pc.set_remote_description(rtc.Description(sdp, rtc.Description.Type.Offer))
        await self._gathered.wait()
        return self._description()

    def _description(self) -> str:
        return f"{self._pc.local_description()}a=hatchway-datagram:{DATAGRAM_BYTES}\r\n"

    async def accept(self, sdp: str) -> None:
        self._pc.set_remote_description(rtc.Description(sdp, rtc.Description.Type.Answer))

    async def opened(self) -> None:
        await self._open.wait()

    def flood(self, on: bool) -> None:
        """Send as fast as the other side takes it, or no longer."""
        if on and self._flooding is None:
            self._stop.clear()
            self._flooding = threading.Thread(target=self._flood, daemon=True)
            self._flooding.start()
        elif not on and self._flooding is not None:
            self._stop.set()
            self._room.set()
            self._flooding = None

    async def ping(
        self, seconds: float, most: int, every: float, control: bool = False
    ) -> list[float]:
        """Round trips of single bytes in seconds, one under way at a time.

        ``control``: of hatchway.v1's ping and pong instead.

        The next goes ``every`` seconds after the last one went, or came back if that
        is later; 0: at once. Timed in the callback, so that no loop of this process
        is part of it.
        """
        times: list[float] = []
        back = threading.Event()

        def pong() -> None:
            times.append(time.perf_counter() - self._ping_at)
            back.set()

        def run() -> None:
            until = time.perf_counter() + seconds
            while len(times) < most and (now := time.perf_counter()) < until:
                back.clear()
                self._ping_at = now
                self._dc.send('{"type":"ping"}' if control else b"x")
                if not back.wait(WAIT_SECONDS):
                    # Told as what it was: that long, and no answer yet.
                    times.append(WAIT_SECONDS)
                    break
                if (rest := every - (time.perf_counter() - now)) > 0:
                    time.sleep(rest)

        self._pong = pong
        try:
            await asyncio.to_thread(run)
        finally:
            self._pong = None
        return list(times)

    async def close(self) -> None:
        self.flood(False)
        self._pc.close()

    def _adopt(self, dc: Any) -> None:
        self._dc = dc
        dc.set_buffered_amount_low_threshold(LOW_WATER)
        dc.on_buffered_amount_low(self._room.set)
        dc.on_message(self._bytes, self._text)
        dc.on_closed(self._on_closed)
        dc.on_open(self._on_open)
        if dc.is_open():
            self._on_open()

    def _on_open(self) -> None:
        self.opened_at = self.opened_at or time.perf_counter()
        self._open.set()

    def _on_closed(self) -> None:
        self._stop.set()
        self._room.set()
        self._closed.set()

    def _bytes(self, data: bytes) -> None:
        self.received += len(data)
        # A single byte: what floods in the same channel is longer.
        if len(data) == 1 and (pong := self._pong) is not None:
            pong()
        elif self.echo:
            self._dc.send(data)

    def _text(self, text: str) -> None:
        pass

    def _flood(self) -> None:
        with contextlib.suppress(RuntimeError):  # the channel has closed
            while not self._stop.is_set():
                if self._full():
                    self._room.clear()
                    if self._full():
                        self._room.wait(1.0)
                    continue
                self._dc.send(MESSAGE)
                self._sent(len(MESSAGE))

    def _full(self) -> bool:
        return bool(self._dc.buffered_amount() > HIGH_WATER)

    def _sent(self, count: int) -> None:
        pass


class GuestLink(LdcLink):
    """The same as a guest of hatchway.v1: says hello, acknowledges, keeps to the window."""

    def __init__(self, cols: int = 80, rows: int = 24) -> None:
        super().__init__(V1)
        self.cols, self.rows = cols, rows
        self.error = ""
        self._window = HIGH_WATER
        self._sent_bytes = self._taken = self._acked = 0
        self.screens = 0
        """Snapshots that came; this guest gets them as output."""
        self._tail = b""
        self._mark: bytes | None = None
        self._marked = Flag()

    def expect(self, mark: bytes) -> None:
        """From now on look for ``mark`` in the output; see marked()."""
        self._marked, self._tail, self._mark = Flag(), b"", mark

    async def marked(self) -> None:
        """Until the mark has come, or the agent has said why none will."""
        await self._marked.wait()
        if self.error:
            raise RuntimeError(self.error)

    def type(self, data: bytes) -> None:
        self._dc.send(data)
        self._sent(len(data))

    async def close(self) -> None:
        """As a guest should: ask for the end, wait for it, go."""
        self.flood(False)
        with contextlib.suppress(RuntimeError, TimeoutError):
            self._dc.send('{"type":"close"}')
            await self._closed.wait(CLOSE_SECONDS)
        self._pc.close()

    def _on_open(self) -> None:
        self._dc.send(f'{{"type":"hello","cols":{self.cols},"rows":{self.rows}}}')
        super()._on_open()

    def _bytes(self, data: bytes) -> None:
        super()._bytes(data)
        if data.startswith(RESET):
            self.screens += 1
        if self.received - self._acked >= ACK_EVERY:
            self._acked = self.received
            self._dc.send(f'{{"type":"ack","bytes":{self.received}}}')
        if self._mark is not None:
            # What follows the mark may come in the same message.
            seen = self._tail + data
            self._tail = seen[-TAIL:]
            if self._mark in seen:
                self._mark = None
                self._marked.set()

    def _text(self, text: str) -> None:
        message = json.loads(text)
        kind = message["type"]
        if kind == "ping":
            self._dc.send('{"type":"pong"}')
        elif kind == "pong":
            if (pong := self._pong) is not None:
                pong()
        elif kind == "ack":
            self._taken = message["bytes"]
            self._room.set()
        elif kind == "welcome":
            self._window = message["window"]
        elif kind in ("error", "exit"):
            self.error = message.get("message") or message.get("reason") or kind
            self._marked.set()

    def _full(self) -> bool:
        return self._sent_bytes - self._taken >= self._window or super()._full()

    def _sent(self, count: int) -> None:
        self._sent_bytes += count
