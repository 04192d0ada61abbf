"""The exec's own connection: over tcp, TLS and ssh, and the frames without a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.errors import DockerFailedError, DockerRefusedError
from engine.core.model import Size
from engine.core.settings import TerminalSettings
from engine.docker.exec_stream import MAX_FRAME_BYTES, frames, open_exec_stream
from engine.docker.http_stream import HttpStream
from engine.pty.docker_exec import DockerExecPTY
from tests.docker_fixtures import engines_at
from tests.engine.pty.talk import Talk
from tests.engine.signaling.certificates import make_authority

if TYPE_CHECKING:
    from pathlib import Path

    from engine.docker.engines import DockerEngines
    from tests.docker_fixtures import Box
    from tests.engine.signaling.certificates import Authority


async def collect(pieces: list[bytes]) -> list[bytes]:
    stream = HttpStream()
    stream.data_received(b"HTTP/1.1 101 UPGRADED\r\n\r\n")
    for piece in pieces:
        stream.data_received(piece)
    stream.connection_lost(None)
    return [frame async for frame in frames(stream)]


def frame(data: bytes, kind: int = 1) -> bytes:
    return bytes([kind, 0, 0, 0]) + len(data).to_bytes(4, "big") + data


@given(st.lists(st.binary(max_size=50), max_size=6), st.integers(1, 9))
def test_frames_split_anywhere(contents: list[bytes], step: int) -> None:
    import asyncio

    wire = b"".join(frame(data, 1 + index % 2) for index, data in enumerate(contents))
    pieces = [wire[i : i + step] for i in range(0, len(wire), step)]
    assert asyncio.run(collect(pieces)) == contents


@pytest.mark.parametrize(
    "wire",
    [
        b"OCI runtime exec failed",
        frame(b"x", kind=3),
        b"\1\0\0\0" + (MAX_FRAME_BYTES + 1).to_bytes(4, "big"),
    ],
)
async def test_what_is_no_frame_is_refused(wire: bytes) -> None:
    with pytest.raises(DockerFailedError, match="malformed stream"):
        await collect([wire])


async def test_an_id_with_a_line_break_is_never_sent() -> None:
    engines = engines_at("tcp://127.0.0.1:1")
    with pytest.raises(DockerFailedError, match="malformed exec id"):
        await open_exec_stream(engines.endpoint("docker"), "a\r\nb", tty=True)
    await engines.close()


@pytest.mark.docker
async def test_an_unknown_exec_is_not_found(engines: DockerEngines) -> None:
    with pytest.raises(DockerFailedError, match="No such exec") as raised:
        await open_exec_stream(engines.endpoint("docker"), "ab12", tty=True)
    assert raised.value.status == 404


async def use_terminal(engines: DockerEngines, box: Box) -> None:
    """Open a terminal, type, resize, exit: everything that crosses the connection."""
    pty = await DockerExecPTY.open(
        box.target,
        session_id="over-the-wire",
        size=Size(100, 40),
        docker=engines,
        settings=TerminalSettings(),
    )
    talk = Talk(pty)
    assert await talk.ask("stty size", r"(\d+ \d+\r?\n?)") == "40 100"
    await talk.say("head -c 3000000 /dev/zero | tr '\\0' z; echo; exit 9")
    output = await talk.rest()
    assert output.count(b"z") >= 3_000_000
    assert pty.exit_status is not None
    assert pty.exit_status.exit_code == 9
    await pty.close()


@pytest.mark.docker
@pytest.mark.parametrize("way", ["box_over_tcp", "box_over_tls", "box_over_ssh"])
async def test_a_terminal_over_the_network(way: str, request: pytest.FixtureRequest) -> None:
    box: Box = request.getfixturevalue(way)
    engines = box.engines()
    await use_terminal(engines, box)
    await engines.close()


@pytest.mark.docker
async def test_no_trust_no_connection(
    box_over_tls: Box, authority: Authority, tmp_path: Path
) -> None:
    other = make_authority(tmp_path / "other")
    for ca, pair in ((authority.ca, other.client), (other.ca, authority.client)):
        engines = engines_at(box_over_tls.url, tls_ca=ca, tls_cert=pair.cert, tls_key=pair.key)
        with pytest.raises(DockerRefusedError, match="certificate"):
            await open_exec_stream(engines.endpoint("docker"), "ab12", tty=True)
        with pytest.raises(DockerRefusedError, match="certificate"):
            await engines.call("docker", lambda client: client.ping())
        await engines.close()
