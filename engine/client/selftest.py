"""The loopback test: this app connects to itself as a peer and checks every stage.

Nothing is bypassed: the bytes go through ICE, DTLS, the data channel and a real shell, and
signaling goes through the relay. The short form leaves the relay out and nothing else. The agent
passes in how to find what a session left behind.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import time
from collections.abc import Awaitable, Callable
from statistics import median, quantiles

from engine.client.peer import PeerHandlers, TerminalPeer
from engine.core.errors import ChannelClosedError, ConnectTimeoutError, HatchwayError, RemoteError
from engine.core.model import Size
from engine.core.selftest_report import STAGES, SelfTestReport, StageResult, StageStatus

ECHOES = 100
ASKING = b"\x05\x1b" + bytes(range(0x80, 0xA0))
"""ENQ, and what begins an escape sequence: a terminal could answer, and that would be input."""
ANSWERED = b"[0n"
"""The answer to the question that precedes the tests (DSR 5), as a tty shows it."""
INTEGRITY_BYTES = 1024 * 1024
THROUGHPUT_BYTES = 8 * 1024 * 1024
RESIZED = Size(101, 37)
STEP_SECONDS = 20.0
"""How long a stage waits for output of the shell."""
MAX_BUFFERED = 64 * 1024
"""Bytes of shell output stored while searching for a marker."""

LEFT_OUT = "This test leaves the relay out"

MakePeer = Callable[[PeerHandlers], TerminalPeer]
Leftovers = Callable[[str], Awaitable[list[str]]]
"""What is left of a session: one text per item, none when it is clean."""


class StageFailedError(HatchwayError):
    """A stage got an unexpected result."""

    code = "selftest_failed"


class _Shell:
    """The peer's shell, read as a stream of bytes with markers in it.

    Markers are printed as ``HW%s!`` with an argument, so that the echo of the
    command line never looks like the marker.
    """

    def __init__(self) -> None:
        self._peer: TerminalPeer | None = None
        self._buffer = bytearray()
        self._news = asyncio.Event()
        self._ended = ""

    def handlers(self) -> PeerHandlers:
        return PeerHandlers(output=self._output, ended=self._end)

    def uses(self, peer: TerminalPeer) -> None:
        """The peer that was made with ``handlers()``."""
        self._peer = peer

    def run(self, command: str) -> None:
        # Not the Enter key's \r: sent while a line editor has the tty in raw mode, it would
        # never become the newline that the next shell waits for.
        self.send(command.encode() + b"\n")

    def send(self, data: bytes) -> None:
        if self._peer is None:
            raise ChannelClosedError("There is no terminal")
        self._peer.send(data)

    async def until(self, mark: bytes) -> bytes:
        """Everything before ``mark``; the marker is consumed, too."""
        while (at := self._buffer.find(mark)) < 0:
            del self._buffer[: -MAX_BUFFERED or None]
            await self._wait_for_output(f"The shell did not print {mark.decode()!r}")
        before = bytes(self._buffer[:at])
        del self._buffer[: at + len(mark)]
        return before

    async def exactly(self, count: int) -> bytes:
        """The next ``count`` bytes."""
        while len(self._buffer) < count:
            await self._wait_for_output(f"Only {len(self._buffer)} of {count} bytes arrived")
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        return data

    async def drain(self, count: int) -> None:
        """Discard the next ``count`` bytes."""
        while count:
            if not self._buffer:
                await self._wait_for_output(f"{count} bytes did not arrive")
            taken = min(count, len(self._buffer))
            del self._buffer[:taken]
            count -= taken

    async def _wait_for_output(self, problem: str) -> None:
        if self._ended:
            raise ChannelClosedError(f"The terminal ended: {self._ended}")
        self._news.clear()
        try:
            await asyncio.wait_for(self._news.wait(), STEP_SECONDS)
        except TimeoutError:
            raise ConnectTimeoutError(f"{problem} within {STEP_SECONDS:.0f} s") from None

    def _output(self, data: bytes) -> None:
        self._buffer += data
        if self._peer is not None:
            self._peer.rendered(len(data))
        self._news.set()

    def _end(self, reason: str, exit_code: int | None) -> None:
        self._ended = reason or f"exit code {exit_code}"
        self._news.set()


Outcome = tuple[str, dict[str, float]]


class SelfTest:
    """One run against one target. ``on_stage`` gets each stage as running, then its result.

    ``relay``: whether peers of ``make_peer`` use it; if not, its stage is reported as skipped.
    """

    def __init__(
        self,
        target: str,
        make_peer: MakePeer,
        leftovers: Leftovers,
        on_stage: Callable[[StageResult], None] = lambda result: None,
        *,
        relay: bool = True,
    ) -> None:
        self._target = target
        self._left_out = frozenset() if relay else frozenset({"relay_connect"})
        self._leftovers = leftovers
        self._on_stage = on_stage
        self._shell = _Shell()
        self._peer = make_peer(self._shell.handlers())
        self._shell.uses(self._peer)

    async def run(self) -> SelfTestReport:
        """Run all stages; after a failure the rest is skipped, except the clean close."""
        started = time.time()
        results: list[StageResult] = []
        failed = False
        stages = dict(zip(STAGES, self._stages(), strict=True))
        try:
            for name, stage in stages.items():
                if failed and name != "clean_close":
                    results.append(StageResult(name, StageStatus.SKIPPED))
                    self._on_stage(results[-1])
                    continue
                result = await self._take(name, stage)
                failed = failed or result.status is StageStatus.FAILED
                results.append(result)
        finally:
            await self._peer.close()
        return SelfTestReport(self._target, tuple(results), started)

    def _stages(self) -> tuple[Callable[[], Awaitable[Outcome]], ...]:
        return (
            self._reach_relay,
            self._negotiate,
            self._find_path,
            self._open_channel,
            self._start_terminal,
            self._echo,
            self._resize,
            self._integrity,
            self._throughput,
            self._close,
        )

    async def _take(self, name: str, stage: Callable[[], Awaitable[Outcome]]) -> StageResult:
        self._on_stage(StageResult(name, StageStatus.RUNNING))
        began = time.perf_counter()
        try:
            detail, figures = await stage()
        except HatchwayError as error:
            code = error.remote_code if isinstance(error, RemoteError) else error.code
            result = StageResult(
                name, StageStatus.FAILED, time.perf_counter() - began, str(error), code
            )
        else:
            seconds = time.perf_counter() - began
            if name in self._left_out:
                result = StageResult(name, StageStatus.SKIPPED, detail=LEFT_OUT)
            else:
                result = StageResult(name, StageStatus.PASSED, seconds, detail, figures=figures)
        self._on_stage(result)
        return result

    async def _reach_relay(self) -> Outcome:
        await self._peer.reach_relay()
        return "Connected", {}

    async def _negotiate(self) -> Outcome:
        await self._peer.negotiate()
        return "The agent answered", {}

    async def _find_path(self) -> Outcome:
        await self._peer.wait_ice()
        pair = self._peer.pair
        if pair is None:
            return "A path was found", {}
        return f"{pair.path.capitalize()}: {pair.local} to {pair.remote}", {}

    async def _open_channel(self) -> Outcome:
        await self._peer.wait_channel()
        return "Open", {}

    async def _start_terminal(self) -> Outcome:
        await self._peer.wait_pty()
        # A plain sh without a prompt or history, whatever the login shell is. A line editor asks
        # the terminal questions at each prompt, and an answer that comes late is input of the
        # program that runs by then. Answers keep their order: once the tty echoes the one to our
        # own question, all of them stand on the line that is read here and thrown away.
        self._shell.run(
            ' exec /bin/sh -c \'printf "\\033[5n"; read -r late; '
            'while IFS= read -r line; do eval "$line"; done\''
        )
        await self._shell.until(ANSWERED)
        self._shell.run("")
        self._shell.run(" printf 'HW%s!' 1")
        await self._shell.until(b"HW1!")
        return "The shell answers", {}

    async def _echo(self) -> Outcome:
        """Round trips of single bytes, through a raw tty and a program that copies."""
        count = ECHOES + 1
        self._shell.run(
            f" stty raw -echo && printf 'HW%s!' 2 && dd bs=1 count={count} 2>/dev/null; "
            "stty sane; printf 'HW%s!' 3"
        )
        await self._shell.until(b"HW2!")
        times: list[float] = []
        for number in range(count):
            byte = bytes([97 + number % 26])
            began = time.perf_counter()
            self._shell.send(byte)
            answer = await self._shell.exactly(1)
            times.append(time.perf_counter() - began)
            if answer != byte:
                raise StageFailedError(f"{byte!r} came back as {answer!r}")
        await self._shell.until(b"HW3!")
        # The first one is slower: it wakes everything up.
        times = times[1:]
        p50, p99 = median(times), quantiles(times, n=100)[98]
        figures = {"p50_seconds": p50, "p99_seconds": p99, "count": float(len(times))}
        return f"p50 {p50 * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms of {len(times)}", figures

    async def _resize(self) -> Outcome:
        self._peer.resize(RESIZED)
        self._shell.run(" printf 'HW%s!' 4; stty size; printf 'HW%s!' 5")
        await self._shell.until(b"HW4!")
        answer = (await self._shell.until(b"HW5!")).decode(errors="replace")
        found = re.search(r"(\d+) (\d+)", answer)
        if found is None or found.groups() != (str(RESIZED.rows), str(RESIZED.cols)):
            raise StageFailedError(
                f"The shell sees {answer.strip()!r} instead of {RESIZED.rows} {RESIZED.cols}"
            )
        return f"The shell sees {RESIZED.cols}×{RESIZED.rows}", {}

    async def _integrity(self) -> Outcome:
        """Random bytes through the tty, copied by a program, and back."""
        # Docker delays a last byte that may begin its detach keys (engine.pty.docker_exec).
        data = os.urandom(INTEGRITY_BYTES - 1).translate(None, ASKING) + b"."
        self._shell.run(
            f" stty raw -echo && printf 'HW%s!' 6 && head -c {len(data)}; "
            "stty sane; printf 'HW%s!' 7"
        )
        await self._shell.until(b"HW6!")
        self._shell.send(data)
        back = await self._shell.exactly(len(data))
        sent, came = (hashlib.sha256(d).hexdigest() for d in (data, back))
        if sent != came:
            raise StageFailedError(f"SHA-256 differs: sent {sent[:16]}…, came back {came[:16]}…")
        await self._shell.until(b"HW7!")
        return f"SHA-256 {sent[:16]}… both ways", {"bytes": float(len(data))}

    async def _throughput(self) -> Outcome:
        self._shell.run(
            f" stty raw -echo && printf 'HW%s!' 8 && head -c {THROUGHPUT_BYTES} /dev/zero; "
            "stty sane; printf 'HW%s!' 9"
        )
        await self._shell.until(b"HW8!")
        began = time.perf_counter()
        await self._shell.drain(THROUGHPUT_BYTES)
        rate = THROUGHPUT_BYTES / (time.perf_counter() - began)
        await self._shell.until(b"HW9!")
        figures = {"bytes_per_second": rate, "bytes": float(THROUGHPUT_BYTES)}
        return f"{rate / 1e6:.1f} MB/s from the terminal", figures

    async def _close(self) -> Outcome:
        await self._peer.close()
        left = await self._leftovers(self._peer.session_id)
        if left:
            raise StageFailedError("Left behind: " + "; ".join(left))
        return "No session or process left", {}
