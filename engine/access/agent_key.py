"""The agent's Ed25519 key, generated at first start, by which relays recognize the agent.

Owns the key's file and the signature that answers a relay's challenge. The signature
includes the relay's host as the agent dialed it, so that a relay cannot forward
another relay's challenge and impersonate the agent there.
"""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from engine.core import whole_file
from engine.core.errors import RelayRefusedError, SettingsError
from engine.wire.proof import message

FILE_NAME = "agent-key.pem"
PURPOSE = "hatchway agent key"
"""The first signed part: the signature is valid for nothing else."""


class AgentKey:
    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        raw = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.public = base64.b64encode(raw).decode()
        """32 bytes as base64: sent to relays, and listed in their key files."""

    @classmethod
    def make(cls) -> AgentKey:
        return cls(Ed25519PrivateKey.generate())

    def answer(self, nonce: str, agent_id: str, host: str) -> str:
        """The signature as base64. ``host`` is the relay's as dialed: see host_of()."""
        signed = self._private.sign(message(PURPOSE, nonce, agent_id, host))
        return base64.b64encode(signed).decode()

    def pem(self) -> bytes:
        return self._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def load_key(folder: Path) -> AgentKey:
    """The key in ``folder``, generated at first start, readable only by its owner.

    Raises OSError when it cannot be read or stored, and SettingsError when the file holds
    no valid key: a new one would make this another agent to every relay.
    """
    path = folder / FILE_NAME
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return _create(path)
    try:
        private = load_pem_private_key(text, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise SettingsError(str(path), f"is not a valid private key. {_REMEDY}") from None
    if not isinstance(private, Ed25519PrivateKey):
        raise SettingsError(str(path), f"is not an Ed25519 key. {_REMEDY}")
    return AgentKey(private)


_REMEDY = "Move or delete the file to generate a new one"


def _create(path: Path) -> AgentKey:
    key = AgentKey.make()
    try:
        whole_file.create(path, key.pem())
    except FileExistsError:
        # Another program started at the same time and was first.
        return load_key(path.parent)
    return key


def host_of(url: str) -> str:
    """Host and port of a relay's URL, in canonical form: lower case, no default port."""
    parts = urlsplit(url)
    return canonical_host(parts.netloc.rpartition("@")[2])


def canonical_host(netloc: str) -> str:
    """The same for an HTTP Host header.

    The default ports of both schemes are removed: behind a proxy that terminates TLS the
    relay sees ``http`` where the agent dialed ``https``.
    """
    host, colon, port = netloc.lower().rpartition(":")
    if colon and not port.endswith("]") and port in ("80", "443"):
        return host
    return netloc.lower()


def verify(public: object, signature: object, nonce: str, agent_id: str, host: str) -> str:
    """The public key in canonical form, if its signature is valid. Raises RelayRefusedError."""
    if not isinstance(public, str) or not isinstance(signature, str):
        raise RelayRefusedError("The agent did not prove its key")
    try:
        raw = base64.b64decode(public, validate=True)
        key = Ed25519PublicKey.from_public_bytes(raw)
        key.verify(
            base64.b64decode(signature, validate=True), message(PURPOSE, nonce, agent_id, host)
        )
    except (InvalidSignature, ValueError, binascii.Error):
        raise RelayRefusedError("The agent did not prove its key") from None
    return base64.b64encode(raw).decode()
