"""TLS contexts from settings: the agent's (mutual TLS) and the relay's."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from engine.core.errors import SettingsError

if TYPE_CHECKING:
    from engine.core.settings import RelaySettings


def client_context(settings: RelaySettings) -> ssl.SSLContext | None:
    """The context for ``relay.url``; None when that is not an https or wss URL.

    ``tls_ca`` replaces the system's authorities; ``tls_cert`` and ``tls_key`` are
    our client certificate. Raises SettingsError naming the setting.
    """
    if not settings.url.startswith(("https://", "wss://")):
        return None
    context = ssl.create_default_context()
    if settings.tls_ca:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            context.load_verify_locations(settings.tls_ca)
        except (OSError, ssl.SSLError) as error:
            raise SettingsError("relay.tls_ca", _problem(settings.tls_ca, error)) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.tls_cert:
        _load_pair(context, settings.tls_cert, settings.tls_key)
    return context


def server_context(cert: str, key: str) -> ssl.SSLContext | None:
    """The relay's context; None when neither path is given. Raises SettingsError."""
    if not cert and not key:
        return None
    if not cert or not key:
        raise SettingsError("relay.tls_cert", "a certificate needs a key, and a key a certificate")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _load_pair(context, cert, key)
    return context


def _load_pair(context: ssl.SSLContext, cert: str, key: str) -> None:
    try:
        # An encrypted key must fail instead of asking for a password on the terminal.
        context.load_cert_chain(cert, key, password=lambda: "")
    except (OSError, ssl.SSLError) as error:
        raise SettingsError("relay.tls_cert", _problem(f"{cert} with {key}", error)) from None


def _problem(what: str, error: OSError) -> str:
    # SSLError is an OSError whose text is in ``reason``.
    if isinstance(error, ssl.SSLError):
        return f"{what} cannot be used: {error.reason or error}"
    return f"{what} cannot be read: {error.strerror}"
