"""What Hatchway uses of python-socketio 5, which ships no types of its own."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp
from aiohttp import web

from . import exceptions as exceptions

class _EngineServer:
    handlers: dict[str, Callable[..., Awaitable[None]]]
    def on(self, event: str, handler: Callable[..., Awaitable[None]]) -> None: ...
    start_background_task: Callable[..., asyncio.Task[Any]]
    async def disconnect(self, sid: str | None = None) -> None: ...

class _Manager:
    callbacks: dict[str, dict[int, Callable[..., object]]]
    def is_connected(self, sid: str, namespace: str) -> bool: ...
    def eio_sid_from_sid(self, sid: str, namespace: str) -> str | None: ...

class _Json:
    def dumps(self, data: object) -> str: ...

class AsyncRedisManager:
    host_id: str
    channel: str
    redis: Any
    pubsub: Any
    json: _Json
    def __init__(
        self,
        url: str,
        channel: str = ...,
        *,
        logger: logging.Logger | None = ...,
        redis_options: dict[str, Any] | None = ...,
    ) -> None: ...
    def _redis_connect(self) -> None: ...

class AsyncServer:
    eio: _EngineServer
    manager: _Manager
    environ: dict[str, dict[str, Any]]
    def __init__(
        self,
        *,
        async_mode: str = ...,
        logger: logging.Logger | bool = ...,
        engineio_logger: logging.Logger | bool = ...,
        cors_allowed_origins: Callable[[str, dict[str, Any]], bool] | None = ...,
        cors_credentials: bool = ...,
        max_http_buffer_size: int = ...,
        ping_interval: float = ...,
        ping_timeout: float = ...,
        client_manager: AsyncRedisManager | None = ...,
    ) -> None: ...
    def attach(self, app: web.Application) -> None: ...
    def on(self, event: str, handler: Callable[..., Awaitable[object] | object]) -> None: ...
    def get_environ(self, sid: str) -> dict[str, Any] | None: ...
    async def emit(
        self,
        event: str,
        data: object = ...,
        *,
        to: str | None = ...,
        callback: Callable[..., None] | None = ...,
        ignore_queue: bool = ...,
    ) -> None: ...
    async def enter_room(self, sid: str, room: str) -> None: ...
    async def disconnect(self, sid: str) -> None: ...
    async def shutdown(self) -> None: ...

class _EngineClient:
    state: str
    ws: aiohttp.ClientWebSocketResponse | None
    read_loop_task: asyncio.Task[None] | None
    write_loop_task: asyncio.Task[None] | None
    start_background_task: Callable[..., asyncio.Task[Any]]
    async def disconnect(self, abort: bool = ...) -> None: ...

class AsyncClient:
    eio: _EngineClient
    connected: bool
    namespaces: dict[str, str]
    failed_namespaces: list[str]
    def __init__(
        self,
        *,
        reconnection: bool = ...,
        logger: logging.Logger | bool = ...,
        engineio_logger: logging.Logger | bool = ...,
        handle_sigint: bool = ...,
        http_session: aiohttp.ClientSession | None = ...,
        request_timeout: float = ...,
    ) -> None: ...
    def on(self, event: str, handler: Callable[..., Awaitable[object] | object]) -> None: ...
    def get_sid(self, namespace: str | None = ...) -> str | None: ...
    async def connect(
        self,
        url: str,
        *,
        headers: Mapping[str, str] = ...,
        auth: Mapping[str, object] | Callable[[], Mapping[str, object]] | None = ...,
        transports: list[str] | None = ...,
        wait_timeout: float = ...,
        namespaces: list[str] | None = ...,
        socketio_path: str = ...,
    ) -> None: ...
    async def emit(
        self, event: str, data: object = ..., *, callback: Callable[..., None] | None = ...
    ) -> None: ...
    async def call(self, event: str, data: object = ..., *, timeout: float = ...) -> object: ...
    async def disconnect(self) -> None: ...
