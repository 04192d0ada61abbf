"""The guests' page over HTTP: what comes, under which policy, and nothing else."""

from __future__ import annotations

import gzip
import re
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from engine.relay.http.web_page import WebPage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

HTML = {"Accept": "text/html,*/*"}
PAGE = '<meta name="csp-nonce" content="%NONCE%"><script src="%ASSETS%/page-A.js"></script>'

Client = TestClient[web.Request, web.Application]


async def served(dist: Path) -> Client:
    app = web.Application()
    WebPage(dist).add_routes(app)
    client: Client = TestClient(TestServer(app), auto_decompress=False)
    await client.start_server()
    return client


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text(PAGE)
    (tmp_path / "assets" / "page-A.js").write_text("run()")
    (tmp_path / "assets" / "page-A.js.gz").write_bytes(gzip.compress(b"run()"))
    client = await served(tmp_path)
    yield client
    await client.close()


@pytest.mark.parametrize(
    ("path", "assets"), [("/", "assets"), ("/s/Yk3vX0c1bTq9aZ2w", "../assets")]
)
async def test_the_page_comes_with_a_nonce_of_its_own(
    client: Client, path: str, assets: str
) -> None:
    nonces = set()
    for _ in range(2):
        reply = await client.get(path, headers=HTML)
        text = await reply.text()
        (nonce,) = re.findall(r'content="([\w-]{20,})"', text)
        nonces.add(nonce)
        policy = reply.headers["Content-Security-Policy"]
        assert f"style-src 'self' 'nonce-{nonce}'" in policy
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert f'src="{assets}/page-A.js"' in text
        assert reply.headers["Cache-Control"] == "no-store"
    assert len(nonces) == 2


async def test_an_asset_is_kept_for_ever_and_comes_zipped_to_who_can_read_it(
    client: Client,
) -> None:
    plain = await client.get("/assets/page-A.js", headers={"Accept-Encoding": "identity"})
    assert await plain.read() == b"run()"
    zipped = await client.get("/assets/page-A.js", headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(await zipped.read()) == b"run()"
    for reply in (plain, zipped):
        assert reply.headers["Content-Type"] == "text/javascript; charset=utf-8"
        assert "immutable" in reply.headers["Cache-Control"]
        assert reply.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["/assets/nothing.js", "/assets/..%2findex.html", "/assets/page-A.js.gz", "/assets/"]
)
async def test_there_is_nothing_else(client: Client, path: str) -> None:
    assert (await client.get(path)).status == 404


async def test_who_asks_for_no_page_reads_a_few_words(client: Client) -> None:
    reply = await client.get("/")
    assert "Hatchway relay" in await reply.text()


async def test_a_page_that_was_not_built_says_how_to_build_it(tmp_path: Path) -> None:
    client = await served(tmp_path)
    try:
        reply = await client.get("/s/Yk3vX0c1bTq9aZ2w", headers=HTML)
        assert reply.status == 503
        assert "scripts/setup.sh" in await reply.text()
        assert "Hatchway relay" in await (await client.get("/", headers=HTML)).text()
    finally:
        await client.close()
