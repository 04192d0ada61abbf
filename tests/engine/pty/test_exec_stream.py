"""The exec's own connection: over unix, tcp and TLS, and the frames without a terminal."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import DockerFailedError, DockerRefusedError
from engine.http_stream import HttpStream
from engine.model import Size
from engine.pty.docker_exec import DockerExecPTY
from engine.pty.exec_stream import MAX_FRAME_BYTES, frames, open_exec_stream
from engine.settings import TerminalSettings
from tests import images
from tests.docker_fixtures import as_target, engines_at
from tests.engine.pty.talk import Talk

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from docker.models.containers import Container

    from engine.docker_engines import DockerEngines
    from tests.docker_fixtures import Daemon


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
    with pytest.raises(DockerFailedError, match="malformed id"):
        await open_exec_stream(engines.endpoint("docker"), "a\r\nb", tty=True)
    await engines.close()


@pytest.mark.docker
async def test_an_unknown_exec_is_not_found(engines: DockerEngines) -> None:
    with pytest.raises(DockerFailedError, match="No such exec") as raised:
        await open_exec_stream(engines.endpoint("docker"), "ab12", tty=True)
    assert raised.value.status == 404


async def use_terminal(engines: DockerEngines, container: Container) -> None:
    """Open a terminal, type, resize, exit: everything that crosses the connection."""
    pty = await DockerExecPTY.open(
        as_target(container),
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


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run_box(daemon: Daemon) -> Container:
    client = daemon.client()
    try:
        images.ensure(client, images.BUSYBOX)
        container: Container = client.containers.run(
            images.BUSYBOX, detach=True, network_mode="none", stop_signal="SIGKILL"
        )
        return container
    finally:
        client.close()


@pytest.mark.docker
async def test_over_tcp(make_daemon: Callable[..., Daemon]) -> None:
    url = f"tcp://127.0.0.1:{free_port()}"
    daemon = make_daemon(hosts=(url,), options=("--tls=false",))
    container = run_box(daemon)
    engines = engines_at(url)
    await use_terminal(engines, container)
    await engines.close()


class Authority:
    """A certificate authority and what it issues, as PEM files."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir()
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = self._builder(self._name, self._key)
        builder = builder.add_extension(x509.BasicConstraints(True, None), critical=True)
        usage = dict.fromkeys(
            (
                "digital_signature",
                "content_commitment",
                "key_encipherment",
                "data_encipherment",
                "key_agreement",
                "encipher_only",
                "decipher_only",
            ),
            False,
        )
        builder = builder.add_extension(
            x509.KeyUsage(**usage, key_cert_sign=True, crl_sign=True), critical=True
        )
        builder = builder.add_extension(
            x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False
        )
        certificate = builder.sign(self._key, hashes.SHA256())
        self.file = str(folder / "ca.pem")
        self._write("ca.pem", certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str) -> tuple[str, str]:
        """Certificate and key for both ends of a connection to 127.0.0.1."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = self._builder(subject, key)
        address = x509.IPAddress(ip_address("127.0.0.1"))
        builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
        uses = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = builder.add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
            critical=False,
        )
        certificate = builder.sign(self._key, hashes.SHA256())
        self._write(f"{name}.pem", certificate.public_bytes(serialization.Encoding.PEM))
        secret = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        self._write(f"{name}-key.pem", secret)
        return str(self._folder / f"{name}.pem"), str(self._folder / f"{name}-key.pem")

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + timedelta(days=1))
        )

    def _write(self, name: str, data: bytes) -> None:
        (self._folder / name).write_bytes(data)


@pytest.mark.docker
async def test_over_tls_with_client_certificates(
    make_daemon: Callable[..., Daemon], tmp_path: Path
) -> None:
    ours, other = Authority(tmp_path / "ours", "ours"), Authority(tmp_path / "other", "other")
    server, server_key = ours.issue("server")
    port = free_port()
    tls = (f"--tlscacert={ours.file}", f"--tlscert={server}", f"--tlskey={server_key}")
    daemon = make_daemon(hosts=(f"tcp://127.0.0.1:{port}",), options=("--tlsverify", *tls))
    container = run_box(daemon)
    url = f"tcp://127.0.0.1:{port}"

    cert, key = ours.issue("client")
    engines = engines_at(url, tls_ca=ours.file, tls_cert=cert, tls_key=key)
    await use_terminal(engines, container)
    await engines.close()

    stranger, stranger_key = other.issue("stranger")
    for ca, pair in ((ours.file, (stranger, stranger_key)), (other.file, (cert, key))):
        engines = engines_at(url, tls_ca=ca, tls_cert=pair[0], tls_key=pair[1])
        with pytest.raises(DockerRefusedError, match="certificate"):
            await open_exec_stream(engines.endpoint("docker"), "ab12", tty=True)
        with pytest.raises(DockerRefusedError, match="certificate"):
            await engines.call("docker", lambda client: client.ping())
        await engines.close()
