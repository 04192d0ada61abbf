"""The configured Docker engines: their endpoints, SDK clients and worker threads.

The only module that uses the Docker SDK and maps its errors to ours. The SDK blocks, so it is
imported, and its clients are created and called, in the worker threads only. Terminal bytes and
the event stream do not use it: they run on the event loop through endpoint().
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from engine.core.errors import DockerAbsentError, DockerFailedError
from engine.docker.endpoint import (
    CONNECT_TIMEOUT_SECONDS,
    SshEndpoint,
    UnixEndpoint,
    UnusableEndpoint,
    resolve,
)
from engine.docker.endpoint import explain as explain_os_error
from engine.docker.http_stream import docker_error
from engine.docker.ssh import SshError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

    from docker import DockerClient

    from engine.core.errors import DockerError
    from engine.core.settings import DockerSettings
    from engine.docker.endpoint import Endpoint

logger = logging.getLogger(__name__)

API_TIMEOUT_SECONDS = 10
"""How long one Docker API call may take."""
CLOSE_TIMEOUT_SECONDS = API_TIMEOUT_SECONDS + CONNECT_TIMEOUT_SECONDS
"""How long close() waits for calls already running in the workers."""

_T = TypeVar("_T")


class DockerEngines:
    """One client per engine, created at first use, shared by ``settings.workers`` threads."""

    def __init__(self, settings: DockerSettings, *, api_timeout: int = API_TIMEOUT_SECONDS) -> None:
        engines = settings.engines if settings.enabled else ()
        self._endpoints: dict[str, Endpoint] = {e.name: resolve(e) for e in engines}
        self._locks = {name: threading.Lock() for name in self._endpoints}
        self._clients: dict[str, DockerClient] = {}
        self._timeout = api_timeout
        self._executor = ThreadPoolExecutor(settings.workers, thread_name_prefix="hatchway-docker")
        self._running: set[Future[Any]] = set()
        self._closed = False

    @property
    def names(self) -> tuple[str, ...]:
        """The engines in the order of the settings; none when Docker is disabled."""
        return tuple(self._endpoints)

    @property
    def default(self) -> str:
        """The first engine, whose containers need no prefix; "" when there is none."""
        return next(iter(self._endpoints), "")

    def endpoint(self, engine: str) -> Endpoint:
        """Where the engine listens. Raises DockerAbsentError for an unknown name."""
        try:
            return self._endpoints[engine]
        except KeyError:
            raise DockerAbsentError(f"No Docker engine is named {engine!r}") from None

    async def call(self, engine: str, fn: Callable[[DockerClient], _T]) -> _T:
        """``fn(client)`` in a worker thread.

        Raises DockerAbsentError, DockerRefusedError, or DockerFailedError (with
        ``status`` 404: the container or exec does not exist). Cancelling stops only
        the waiting; the call itself ends within its time limit.
        """
        endpoint = self.endpoint(engine)
        if self._closed:
            raise DockerAbsentError("Hatchway is closing its connections to Docker")
        future = self._executor.submit(self._run, engine, endpoint, fn)
        self._running.add(future)
        future.add_done_callback(self._running.discard)
        return await asyncio.wrap_future(future)

    async def close(self) -> None:
        """End workers and connections; waits at most CLOSE_TIMEOUT_SECONDS for running calls."""
        self._closed = True
        # Without waiting: calls that have not begun are dropped, idle threads end.
        self._executor.shutdown(wait=False, cancel_futures=True)
        running = [asyncio.wrap_future(future) for future in tuple(self._running)]
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_SECONDS):
                await asyncio.gather(*running, return_exceptions=True)
        except TimeoutError:
            logger.warning("Some Docker API calls did not finish in time")
            return
        # No call is left, so the threads are ending and joining them takes no time.
        self._executor.shutdown(wait=True)
        while self._clients:
            self._clients.popitem()[1].close()

    # -- in the worker threads

    def _run(self, engine: str, endpoint: Endpoint, fn: Callable[[DockerClient], _T]) -> _T:
        if isinstance(endpoint, UnusableEndpoint):
            raise DockerFailedError(endpoint.problem)
        import docker.errors
        import requests

        try:
            _check_socket(endpoint)
            return fn(self._client(engine, endpoint))
        except docker.errors.APIError as error:
            status = error.response.status_code if error.response is not None else 0
            message = str(error.explanation or error)
            raise docker_error(endpoint.url, status, message) from error
        except (docker.errors.DockerException, requests.RequestException, OSError) as error:
            # The engine may come back with another version: create a new client next time.
            client = self._clients.pop(engine, None)
            if client is not None:
                client.close()
            raise _explain(endpoint, error, self._timeout) from error

    def _client(self, engine: str, endpoint: Endpoint) -> DockerClient:
        """The engine's client. Blocks: a new one asks the engine for its API version."""
        with self._locks[engine]:
            client = self._clients.get(engine)
            if client is not None:
                return client
            client = _connect(endpoint, self._timeout)
            self._clients[engine] = client
            return client


def _connect(endpoint: Endpoint, timeout: int) -> DockerClient:
    """A client that uses the engine's own API version. Blocks."""
    import docker
    from docker.constants import DEFAULT_DOCKER_API_VERSION
    from docker.errors import DockerException
    from docker.tls import TLSConfig

    tls: TLSConfig | bool = False
    if endpoint.tls is not None:
        files = endpoint.tls
        pair = (files.cert, files.key) if files.cert else None
        tls = TLSConfig(client_cert=pair, ca_cert=files.ca or None, verify=True)
    ssh: SshAdapter | None = None
    if isinstance(endpoint, SshEndpoint):
        from engine.docker.ssh_adapter import SshAdapter

        ssh = SshAdapter(endpoint.address)
    version = DEFAULT_DOCKER_API_VERSION
    for last in (False, True):
        client = docker.DockerClient(
            base_url=_sdk_url(endpoint), version=version, timeout=timeout, tls=tls
        )
        # A proxy or a CA from the environment would override the engine's settings, and
        # our own streams use neither. The SDK's own version detection runs before this
        # can be set, so it is not used.
        client.api.trust_env = False
        if ssh is not None:
            client.api.mount("http://", ssh)
        if last:
            break
        try:
            # The first client is closed, except with ssh, whose connection is slow to open.
            version = str(client.api.version(api_version=False)["ApiVersion"])
        except BaseException as error:
            client.close()
            if isinstance(error, KeyError | TypeError):
                raise DockerException("it does not report its API version") from error
            raise
        if ssh is None:
            client.close()
    return client


def _check_socket(endpoint: Endpoint) -> None:
    """Raises OSError when nothing listens at a unix socket.

    The SDK would leave a socket that cannot connect to the garbage collector.
    """
    if isinstance(endpoint, UnixEndpoint):
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(CONNECT_TIMEOUT_SECONDS)
            probe.connect(endpoint.path)


def _sdk_url(endpoint: Endpoint) -> str:
    """The address as the SDK needs it, so that it and our streams reach the same engine."""
    if endpoint.url.startswith("unix:"):
        return endpoint.url
    if isinstance(endpoint, SshEndpoint):
        return f"http://{endpoint.host}:80"  # for the Host header; never resolved
    return f"{'https' if endpoint.tls else 'http'}://{endpoint.host}"


def _explain(endpoint: Endpoint, error: BaseException, timeout: int) -> DockerError:
    import requests

    causes = tuple(_causes(error))
    for cause in causes:
        if isinstance(cause, requests.exceptions.ReadTimeout):
            return DockerFailedError(
                f"Docker at {endpoint.url} did not answer within {timeout} seconds"
            )
    for cause in causes:
        if isinstance(cause, SshError):
            return explain_os_error(endpoint, cause)
    # The innermost is the operating system's error; those of requests are OSErrors too.
    for cause in reversed(causes):
        if isinstance(cause, OSError) and not isinstance(cause, requests.RequestException):
            return explain_os_error(endpoint, cause)
    if isinstance(error, requests.exceptions.ConnectionError):
        return explain_os_error(endpoint, ConnectionError(str(error)))
    return DockerFailedError(f"Docker at {endpoint.url} cannot be used: {error}")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all errors it was raised from or contains, outermost first."""
    seen: set[int] = set()
    waiting: list[BaseException] = [error]
    while waiting:
        current = waiting.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        linked = (current.__cause__, current.__context__, getattr(current, "reason", None))
        waiting += [e for e in (*linked, *current.args) if isinstance(e, BaseException)]
