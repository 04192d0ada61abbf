"""TLS towards the relay: mutual, refused, misconfigured; each in words."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import aiohttp
import pytest

from engine.core.errors import SettingsError
from engine.core.settings import RelaySettings
from engine.core.tls import client_context, server_context
from engine.relay import Relay
from tests.engine.relay.peers import answer, offer
from tests.engine.signaling.certificates import make_authority

if TYPE_CHECKING:
    from pathlib import Path

    from tests.engine.signaling.certificates import Authority

from tests.engine.signaling.foreign import ForeignServer, S, foreign_relay, host


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"))


def demanding(authority: Authority) -> ssl.SSLContext:
    context = server_context(authority.server.cert, authority.server.key)
    assert context is not None
    context.load_verify_locations(authority.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def settings(url: str, **values: str) -> RelaySettings:
    return RelaySettings(url=url, **values)


async def test_mutual_tls_with_a_client_certificate_connects(authority: Authority) -> None:
    server = ForeignServer()
    async with foreign_relay(server.sio, context=demanding(authority)) as url:
        client = authority.client
        context = client_context(
            settings(url, tls_ca=authority.ca, tls_cert=client.cert, tls_key=client.key)
        )
        async with host(url, ssl_context=context) as agent:
            await agent.reach(S.CONNECTED)
            assert await server.offer(offer()) == answer(offer())


async def test_a_missing_client_certificate_is_said_in_words(authority: Authority) -> None:
    server = ForeignServer()
    async with foreign_relay(server.sio, context=demanding(authority)) as url:
        context = client_context(settings(url, tls_ca=authority.ca))
        async with host(url, ssl_context=context) as agent:
            state = await agent.reach(S.REFUSED)
            assert "client certificate" in state.detail
            assert "relay.tls_cert" in state.detail
            assert server.sids == []


async def test_a_client_certificate_of_somebody_else_is_said_in_words(
    authority: Authority, tmp_path: Path
) -> None:
    stranger = make_authority(tmp_path / "other").client
    server = ForeignServer()
    async with foreign_relay(server.sio, context=demanding(authority)) as url:
        context = client_context(
            settings(url, tls_ca=authority.ca, tls_cert=stranger.cert, tls_key=stranger.key)
        )
        async with host(url, ssl_context=context) as agent:
            assert "certificate" in (await agent.reach(S.REFUSED)).detail


async def test_a_relay_nobody_vouches_for_is_not_talked_to(authority: Authority) -> None:
    server = ForeignServer()
    context = server_context(authority.server.cert, authority.server.key)
    async with (
        foreign_relay(server.sio, context=context) as url,
        host(url, ssl_context=client_context(settings(url))) as agent,
    ):
        state = await agent.reach(S.REFUSED)
        assert "relay.tls_ca" in state.detail
        assert server.sids == []


async def test_our_relay_over_tls_takes_pages_of_its_own_origin(authority: Authority) -> None:
    one = Relay("agent-secret", "guest-secret")
    url = await one.start(ssl_context=server_context(authority.server.cert, authority.server.key))
    try:
        assert url.startswith("https://")
        context = client_context(settings(url, tls_ca=authority.ca))
        async with host(url, ssl_context=context) as agent:
            await agent.reach(S.CONNECTED)
        connector = aiohttp.TCPConnector(ssl=context or False)
        async with aiohttp.ClientSession(connector=connector) as http:
            page = f"{url}/socket.io/?EIO=4&transport=polling"
            async with http.get(page, headers={"Origin": url}) as response:
                assert response.status == 200
            async with http.get(page, headers={"Origin": "https://evil.example"}) as response:
                assert response.status == 400
    finally:
        await one.stop()


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"tls_ca": "no.pem"}, "relay.tls_ca"),
        ({"tls_ca": "{junk}"}, "relay.tls_ca"),
        ({"tls_cert": "no.pem", "tls_key": "no.key"}, "relay.tls_cert"),
        ({"tls_cert": "{junk}", "tls_key": "{junk}"}, "relay.tls_cert"),
    ],
)
def test_unusable_files_name_their_setting(
    values: dict[str, str], key: str, tmp_path: Path
) -> None:
    junk = tmp_path / "junk.pem"
    junk.write_text("not a certificate")
    real = {name: value.format(junk=junk) for name, value in values.items()}
    with pytest.raises(SettingsError) as caught:
        client_context(settings("https://relay.example", **real))
    assert caught.value.key == key
    assert real[key.split(".")[1]] in str(caught.value)


def test_a_plain_address_has_no_context() -> None:
    assert client_context(settings("http://127.0.0.1:1")) is None
    assert server_context("", "") is None
